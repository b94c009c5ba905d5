import numpy as np
import pytest

from ctbench.errors import LabelError, UsageError
from ctbench.labels import LabelSet
from ctbench.metrics.structures import Structure, structures


def test_labels_and_then_groups_of_a_label_set():
    """Both are scored, each with all of its codes."""
    labels = LabelSet({"iph": 1, "ivh": 2}, groups={"hemorrhage": ("iph", "ivh")})
    assert structures(labels, 1.0) == (
        Structure("iph", (1,), 1.0),
        Structure("ivh", (2,), 1.0),
        Structure("hemorrhage", (1, 2), 1.0),
    )


def test_names_with_one_code_or_several_keep_their_order():
    """NumPy's integers are codes, and a code that stands twice counts once."""
    found = structures({"b": np.int64(7), "a": [3, 1, 3]}, 2.0)
    assert [(one.name, one.codes) for one in found] == [("b", (7,)), ("a", (3, 1))]


def test_tolerances_may_differ_by_structure():
    """Each structure has its own, and names that are not scored are ignored."""
    found = structures({"a": 1, "b": 2}, {"b": 2.5, "a": 1, "c": 9})
    assert [one.tolerance_mm for one in found] == [1.0, 2.5]


@pytest.mark.parametrize("code", [0, -1, 1.0, True, "1", [], [1, 0], None])
def test_a_code_that_is_not_a_positive_integer_is_refused(code):
    """The message names the structure."""
    with pytest.raises(LabelError, match="'a'"):
        structures({"a": code}, 1.0)


def test_no_structure_and_too_many_codes_are_refused():
    """There must be something to score, and no more than 16 bits can tell apart."""
    with pytest.raises(LabelError, match="no structure"):
        structures({}, 1.0)
    assert len(structures({"all": range(1, 65_536)}, 1.0)[0].codes) == 65_535
    with pytest.raises(LabelError, match="65536"):
        structures({"all": range(1, 65_537)}, 1.0)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("inf"), float("nan"), {"b": 1.0}])
def test_a_tolerance_that_cannot_be_used_is_refused(tolerance):
    """Nought, endless, not a number or not there: the structure is named."""
    with pytest.raises(UsageError, match="'a'"):
        structures({"a": 1}, tolerance)
