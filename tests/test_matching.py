import numpy as np
import pytest

from ctbench.errors import LabelError, UsageError
from ctbench.labels import LabelSet
from ctbench.matching import match_labels
from ctbench.metrics import score

TYPES = LabelSet({"iph": 1, "ivh": 2, "sah": 4}, groups={"hemorrhage": ("iph", "ivh", "sah")})


def test_codes_are_translated_by_name():
    """The same names with other codes meet."""
    match = match_labels(TYPES, LabelSet({"sah": 1, "iph": 9, "ivh": 2}))
    np.testing.assert_array_equal(match.translate(np.array([[[0, 1, 2, 9]]])), [[[0, 4, 2, 1]]])
    assert match.structures == {"iph": (1,), "ivh": (2,), "sah": (4,), "hemorrhage": (1, 2, 4)}
    assert match.unsupported == ()


def test_a_group_known_as_a_whole_gets_a_code_of_its_own():
    """A binary model is scored on the group and on nothing else."""
    match = match_labels(TYPES, LabelSet({"hemorrhage": 1}))
    assert match.unsupported == ("iph", "ivh", "sah")
    assert match.structures == {"hemorrhage": (1, 2, 4, 5)}
    np.testing.assert_array_equal(match.translate(np.array([[[0, 1]]])), [[[0, 5]]])


def test_a_finer_predictor_meets_a_coarser_dataset_through_its_own_groups():
    """A dataset of one label takes the union of a predictor's types."""
    match = match_labels(LabelSet({"hemorrhage": 1}), TYPES)
    np.testing.assert_array_equal(match.translate(np.array([[[0, 1, 2, 4]]])), [[[0, 1, 1, 1]]])


def test_labels_that_the_dataset_does_not_know_become_background():
    """A predictor may know more than it is asked for."""
    match = match_labels(LabelSet({"iph": 3}), LabelSet({"iph": 1, "tumour": 2}))
    np.testing.assert_array_equal(match.translate(np.array([[[0, 1, 2, 250]]])), [[[0, 3, 0, 0]]])


def test_a_group_of_which_a_member_is_unclaimed_is_unsupported():
    """A part of a group is not the group."""
    match = match_labels(TYPES, LabelSet({"iph": 1, "ivh": 2}))
    assert match.unsupported == ("sah", "hemorrhage")


def test_nothing_in_common_is_refused_with_both_lists():
    """The message shows what was expected and what is claimed."""
    with pytest.raises(UsageError, match=r"expected some of iph, ivh, sah, hemorrhage; it claims liver"):
        match_labels(TYPES, LabelSet({"liver": 1}))


def test_one_code_for_two_labels_is_refused():
    """A predictor's group must not give one voxel two labels of the dataset."""
    predictor = LabelSet({"a": 1, "b": 2}, groups={"iph": ("a", "b"), "ivh": ("b",)})
    with pytest.raises(UsageError, match="code 2 of the predictor would be 'ivh' and another label"):
        match_labels(TYPES, predictor)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_coarse_code_counts_in_every_group_that_holds_it(reverse):
    """Extra-axial blood is known only as a whole, and is hemorrhage too, in whatever order the groups stand."""
    groups = {"hemorrhage": ("iph", "ivh", "edh_sdh", "sah"), "eah": ("edh_sdh", "sah")}
    dataset = LabelSet(
        {"iph": 1, "ivh": 2, "edh_sdh": 3, "sah": 4}, dict(reversed(groups.items()) if reverse else groups.items())
    )
    predictor = LabelSet({"iph": 1, "eah": 2, "oedema": 3, "ivh": 4}, {"hemorrhage": ("iph", "eah", "ivh")})
    match = match_labels(dataset, predictor)
    assert match.translation == {1: 1, 4: 2, 2: 5}
    assert match.structures["eah"] == (3, 4, 5)
    assert match.structures["hemorrhage"] == (1, 2, 3, 4, 5)
    assert match.unsupported == ("edh_sdh", "sah")


def test_a_group_is_covered_by_what_the_predictor_knows_only_as_a_whole():
    """A predictor of iph, ivh and all extra-axial blood claims hemorrhage without naming it."""
    groups = {"hemorrhage": ("iph", "ivh", "edh", "sdh"), "edh_sdh": ("edh", "sdh")}
    dataset = LabelSet({"iph": 1, "ivh": 2, "edh": 3, "sdh": 4}, groups)
    match = match_labels(dataset, LabelSet({"iph": 1, "ivh": 2, "edh_sdh": 3}))
    assert match.structures["hemorrhage"] == (1, 2, 3, 4, 5)
    assert match.unsupported == ("edh", "sdh")


def test_a_perfect_prediction_of_nested_groups_has_a_dice_of_one():
    """With BHSD's labels and groups every structure that a coarser predictor claims is scored whole."""
    groups = {"hemorrhage": ("edh", "iph", "ivh", "sah", "sdh"), "edh_sdh": ("edh", "sdh")}
    dataset = LabelSet({"edh": 1, "iph": 2, "ivh": 3, "sah": 4, "sdh": 5}, groups)
    predictor = LabelSet({"iph": 1, "ivh": 2, "edh_sdh": 3, "sah": 4}, {"hemorrhage": ("iph", "ivh", "edh_sdh", "sah")})
    truth = np.repeat(np.arange(6, dtype=np.uint8), 8).reshape(3, 4, 4)
    predicted = np.array([0, 3, 1, 2, 4, 3])[truth]
    match = match_labels(dataset, predictor)
    scores = score(truth, match.translate(predicted), spacing_mm=(1, 1, 1), labels=match.structures, metrics=["dice"])
    assert dict(zip(scores["label"], scores["value"], strict=True)) == dict.fromkeys(
        ("iph", "ivh", "sah", "hemorrhage", "edh_sdh"), 1.0
    )


def test_a_finer_label_outside_the_dataset_s_group_stays_outside():
    """What the predictor calls part of a group, and the dataset does not, is no part of the reference's group."""
    dataset = LabelSet({"iph": 1, "oedema": 2, "ivh": 3}, {"hemorrhage": ("iph", "ivh")})
    predictor = LabelSet({"iph": 1, "oedema": 2, "ivh": 3}, {"hemorrhage": ("iph", "oedema", "ivh")})
    assert match_labels(dataset, predictor).structures["hemorrhage"] == (1, 3)


BLEEDS = LabelSet(
    {"iph": 1, "ivh": 2, "edh_sdh": 3, "sah": 4},
    groups={
        "outside": ("edh_sdh", "sah"),
        "hemorrhage": ("iph", "ivh", "edh_sdh", "sah"),
        "mixed": ("iph", "sah"),
        "three": ("iph", "edh_sdh", "sah"),
    },
)


def test_a_label_that_covers_several_counts_in_the_groups_that_their_union_makes():
    """One code for extra-axial blood: with iph and ivh it is all blood, with iph alone the group of three; no label."""
    match = match_labels(BLEEDS, LabelSet({"iph": 1, "ivh": 2, "eah": 3}, covers={"eah": ("edh_sdh", "sah")}))
    assert match.unsupported == ("edh_sdh", "sah", "mixed")
    assert match.translate(np.array([[[3]]])).item() == 5
    expected = {"iph": (1,), "ivh": (2,), "outside": (3, 4, 5), "hemorrhage": (1, 2, 3, 4, 5), "three": (1, 3, 4, 5)}
    assert match.structures == expected


@pytest.mark.parametrize(
    ("labels", "covers"),
    [
        ({"eah": 1}, {"eah": ("edh", "sah")}),  # the dataset has no such label
        ({"eah": 1}, {}),
        ({"eah": 1}, {"eah": ("iph", "ivh")}),  # no group is their union
    ],
)
def test_a_label_that_covers_no_group_claims_nothing(labels, covers):
    """Where the union is unknown, or stands for no structure of the dataset."""
    with pytest.raises(UsageError, match="the predictor knows none of the dataset's structures"):
        match_labels(BLEEDS, LabelSet(labels, covers=covers))


def test_covers_needs_a_label_and_names():
    """A misspelt label would silently cover nothing."""
    with pytest.raises(LabelError, match="covers has 'eha'"):
        LabelSet({"eah": 1}, covers={"eha": ("sah",)})
    with pytest.raises(LabelError, match="covers has 'eah'"):
        LabelSet({"eah": 1}, covers={"eah": ()})
    assert LabelSet({"eah": 1}) != LabelSet({"eah": 1}, covers={"eah": ("sah",)})
