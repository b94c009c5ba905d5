from dataclasses import replace

import numpy as np
import pytest

from ctbench.consensus import fuse, indeterminate_share, leave_one_out
from ctbench.labels import LabelSet
from ctbench.metrics import score
from ctbench.metrics.detection import study
from ctbench.reference import Reference

TYPES = LabelSet({"iph": 1, "ivh": 2, "sah": 4}, groups={"hemorrhage": ("iph", "ivh", "sah"), "deep": ("iph", "ivh")})


def merged(array, codes):
    """One reader's mask of a group."""
    return np.isin(array, codes).astype(np.uint8)


def confused(seed, readers=3):
    """Readers who shift, miss and above all confuse types, some of whom skip a slice."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((4, 12, 12), np.uint8)
    truth[:, 2:6, 2:10], truth[1:, 7:10, 2:6], truth[:, 7:10, 7:11] = 1, 2, 4
    maps, annotated = {}, {}
    for number in range(1, readers + 1):
        drawn = np.roll(truth, rng.integers(-1, 2, 3), (0, 1, 2))
        other = rng.permutation([1, 2, 4])
        swap = rng.random(truth.shape) < 0.3
        table = np.array([0, other[0], other[1], 0, other[2]], np.uint8)
        maps[f"reader{number}"] = np.where(swap, table[drawn], drawn)
        annotated[f"reader{number}"] = rng.random(4) < 0.9
    return maps, annotated


def three(first, second, third=0):
    """Three readers of a block of 100 voxels in a larger image."""
    maps = np.zeros((3, 3, 14, 14), np.uint8)
    for array, code in zip(maps, (first, second, third), strict=True):
        array[1, 2:12, 2:12] = code
    return dict(zip(("ann", "ben", "cem"), maps, strict=True))


def values(scores, metric="dice"):
    """Structure -> value of one metric."""
    own = scores[scores["metric"] == metric]
    return dict(zip(own["label"], own["value"], strict=True))


@pytest.mark.parametrize("method", ["majority", "plurality", "staple", "simple"])
@pytest.mark.parametrize("readers", [2, 3, 5])
def test_a_group_is_fused_from_merged_masks(method, readers):
    """For every rule a group's reference is that of the readers' merged masks, fused by themselves."""
    for seed in range(12):
        maps, annotated = confused(seed, readers)
        reference = fuse(maps, method, annotated, groups=TYPES)
        for name in TYPES.groups:
            codes = TYPES.codes_of(name)
            alone = fuse({reader: merged(array, codes) for reader, array in maps.items()}, method, annotated)
            own = reference.structure(name, codes)
            np.testing.assert_array_equal(own.labels, alone.labels)
            np.testing.assert_array_equal(own.excluded, alone.excluded)
            np.testing.assert_array_equal(own.possible[1], alone.excluded)


def test_leave_one_out_references_have_groups_too():
    """Each is that of the other readers' merged masks."""
    maps, annotated = confused(3, 4)
    for reader, reference in leave_one_out(maps, "majority", annotated, groups=TYPES).items():
        rest = {name: array for name, array in maps.items() if name != reader}
        directly = fuse(rest, "majority", {name: annotated[name] for name in rest}, groups=TYPES).groups["hemorrhage"]
        for found, expected in zip(reference.groups["hemorrhage"].at, directly.at, strict=True):
            np.testing.assert_array_equal(found, expected)
        others = {name: merged(array, (1, 2, 4)) for name, array in rest.items()}
        alone = fuse(others, "majority", {name: annotated[name] for name in others})
        own = reference.structure("hemorrhage", (1, 2, 4))
        np.testing.assert_array_equal(own.labels, alone.labels)
        np.testing.assert_array_equal(own.excluded, alone.excluded)


def test_two_types_of_two_readers_are_a_majority_for_blood():
    """100 voxels called iph by one and ivh by another of three: hemorrhage, while either type is indeterminate."""
    maps = three(1, 2)
    reference = fuse(maps, groups=TYPES)
    perfect, empty = merged(maps["ann"], (1,)), np.zeros((3, 14, 14), np.uint8)
    metrics = ["dice", "reference_volume_ml"]
    for prediction, dice in ((perfect, 1.0), (empty, 0.0)):
        scores = score(reference, prediction, spacing_mm=(1, 1, 1), labels=TYPES, metrics=metrics)
        assert values(scores)["hemorrhage"] == dice
        assert values(scores, "reference_volume_ml")["hemorrhage"] == pytest.approx(0.1)
        assert set(scores.loc[scores["label"] == "iph", "status"]) == {"both_empty"}
    shares = indeterminate_share(maps, reference, TYPES).set_index("label")["indeterminate_voxels"]
    assert shares.to_dict() == {"iph": 100, "ivh": 100, "sah": 0, "hemorrhage": 0, "deep": 0, "overall": 100}
    truth = study(reference, empty, spacing_mm=(1, 1, 1), labels=TYPES).set_index("label")["truth"]
    assert truth.to_dict() == {"iph": False, "ivh": False, "sah": False, "hemorrhage": True, "deep": True}


def test_three_types_of_five_readers_are_blood_though_background_has_most_votes():
    """By plurality two votes for background beat one for each type, yet three of five see blood."""
    maps = {f"reader{code}": np.full((1, 3, 3), code, np.uint8) for code in (1, 2, 4)}
    maps |= {name: np.zeros((1, 3, 3), np.uint8) for name in ("none1", "none2")}
    reference = fuse(maps, "plurality", groups=TYPES)
    assert not reference.labels.any()
    assert not reference.excluded.any()
    own = reference.structure("hemorrhage", (1, 2, 4))
    assert own.labels.all()
    assert not fuse(maps, "plurality", groups=TYPES).structure("deep", (1, 2)).labels.any()


@pytest.mark.parametrize("surface", ["2d", "3d"])
def test_a_group_is_scored_as_its_merged_masks_would_be(surface):
    """Every metric of a group equals that of a one-structure study of the merged masks, to the last bit."""
    for seed in range(8):
        maps, annotated = confused(seed, 4)
        prediction = confused(seed + 100, 1)[0]["reader1"]
        reference = fuse(maps, "majority", annotated, groups=TYPES)
        alone = fuse({name: merged(array, (1, 2, 4)) for name, array in maps.items()}, "majority", annotated)
        rules = {"spacing_mm": (2.0, 1.0, 1.0), "surface": surface}
        if surface == "3d":
            reference, alone = (replace(one, annotated=np.ones(4, bool)) for one in (reference, alone))
        found = score(reference, prediction, labels=TYPES, **rules).query("label == 'hemorrhage'")
        expected = score(alone, merged(prediction, (1, 2, 4)), labels={"hemorrhage": 1}, **rules)
        np.testing.assert_array_equal(found["value"], expected["value"])
        assert found["status"].tolist() == expected["status"].tolist()


def test_a_given_reference_has_the_union():
    """Where no reader is known, a group is the union of its labels."""
    labels = np.array([[[0, 1, 2, 4]]])
    own = Reference.of(labels).structure("hemorrhage", (1, 2, 4))
    assert own.labels.tolist() == [[[0, 1, 1, 1]]]
    assert not own.excluded.any()


def test_a_label_alone_keeps_what_is_indeterminate_for_all():
    """The reference of one label has its own possible voxels, and the excluded ones of the whole."""
    maps, annotated = confused(1)
    reference = fuse(maps, "majority", annotated, groups=TYPES)
    own = reference.structure("iph", (1,))
    np.testing.assert_array_equal(own.labels, reference.labels == 1)
    np.testing.assert_array_equal(own.excluded, reference.excluded)
    np.testing.assert_array_equal(own.possible[1], reference.possible[1])
