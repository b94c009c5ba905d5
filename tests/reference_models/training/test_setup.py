import pytest

from ctbench.errors import DataError
from reference_models.training.setup import prepare


def test_the_examples_of_all_cases_stand_one_after_the_other():
    """A case may give several examples or none; their order is that of the cases."""
    cases = iter([("a", 2), ("b", 0), ("c", 1)])
    assert prepare(cases, lambda case, reference: [case] * reference) == ["a", "a", "c"]


@pytest.mark.parametrize("cases", [[], [("a", 0), ("b", 0)]])
def test_nothing_to_learn_from_is_an_error(cases):
    """No case, or cases without an example."""
    with pytest.raises(DataError, match="learn"):
        prepare(iter(cases), lambda _case, reference: [None] * reference)
