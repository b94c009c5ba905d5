import pickle

import numpy as np
import pytest

from ctbench.errors import LabelError
from ctbench.labels import LabelSet


@pytest.fixture
def labels():
    """Three labels and a group of two of them."""
    return LabelSet({"iph": 1, "ivh": 4, "sah": 2}, groups={"inner": ("iph", "ivh")})


def test_a_label_set_is_a_mapping_from_name_to_code(labels):
    """Names keep their order, and groups are no keys."""
    assert dict(labels) == {"iph": 1, "ivh": 4, "sah": 2}
    assert list(labels) == ["iph", "ivh", "sah"]
    assert len(labels) == 3
    assert "inner" not in labels
    assert labels.names == ("iph", "ivh", "sah", "inner")


def test_codes_of_labels_and_groups(labels):
    """A label stands for its code, a group for those of its members."""
    assert labels.codes_of("sah") == (2,)
    assert labels.codes_of("inner") == (1, 4)


@pytest.mark.parametrize(
    ("name", "said"), [("ivhh", "did you mean 'ivh'"), ("xyz", "known names: iph, ivh, sah, inner")]
)
def test_an_unknown_name_is_answered_with_the_nearest(labels, name, said):
    """A slip finds its name, anything else the list."""
    with pytest.raises(LabelError, match=f"unknown structure '{name}'; {said}"):
        labels.codes_of(name)


@pytest.mark.parametrize(
    ("codes", "groups", "said"),
    [
        ({"a": 0}, None, "code 0; expected a positive integer"),
        ({"a": -1}, None, "code -1"),
        ({"a": 1.0}, None, "code 1.0"),
        ({"a": True}, None, "code True"),
        ({"a": 1, "b": 1}, None, "'a' and 'b' share code 1"),
        ({"a": 1}, {"a": ("a",)}, "group 'a' has the name of a label"),
        ({"a": 1}, {"g": ("b",)}, r"group 'g' has members \['b'\]; expected one or more of a"),
        ({"a": 1}, {"g": ()}, "one or more of a"),
    ],
)
def test_what_is_no_label_set_is_refused(codes, groups, said):
    """Codes are positive integers of one label each; groups have names of their own and known members."""
    with pytest.raises(LabelError, match=said):
        LabelSet(codes, groups)


def test_equal_label_sets_are_one_key(labels):
    """Labels, codes and groups make it equal, and equal ones hash alike; plain mappings are something else."""
    same = LabelSet({"iph": 1, "ivh": 4, "sah": 2}, {"inner": ["iph", "ivh"]})
    assert same == labels
    assert hash(same) == hash(labels)
    assert labels != LabelSet(dict(labels))
    assert labels != dict(labels)


def test_a_label_set_travels_and_cannot_be_changed(labels):
    """It comes back from a worker process as it was; its mappings are read-only."""
    assert pickle.loads(pickle.dumps(labels)) == labels  # noqa: S301  # our own bytes
    with pytest.raises(TypeError, match="item assignment"):
        labels.codes["new"] = 9


def test_changing_the_mapping_it_was_made_from_changes_nothing():
    """A label set keeps a copy."""
    codes = {"a": 1}
    labels = LabelSet(codes)
    codes["b"] = 2
    assert list(labels) == ["a"]


def test_check_lists_unknown_codes(labels):
    """All codes of the set and 0 pass, in any type; others are listed with the place and the known ones."""
    labels.check(np.array([[0, 1], [2, 4]], np.uint8))
    labels.check(np.array([], np.int64))
    with pytest.raises(
        LabelError, match=r"ct7\.nii holds unknown label codes 3, 9; expected 0 background, 1 iph, 4 ivh"
    ):
        labels.check(np.array([9, 3, 3, 1]), "ct7.nii")
    with pytest.raises(LabelError, match=r"codes -1,"):
        labels.check(np.concatenate([[-1], np.arange(20)]))


def test_a_long_list_of_unknown_codes_is_cut(labels):
    """Ten are enough to see what is wrong."""
    with pytest.raises(LabelError, match=r"codes 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, \.\.\.; expected"):
        labels.check(np.arange(10, 40))
