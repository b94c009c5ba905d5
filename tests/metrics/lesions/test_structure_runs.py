import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.metrics.lesions.runs import mask_of
from ctbench.metrics.lesions.structure_runs import structure_runs
from ctbench.reference import GroupReference, Reference

LABELS = LabelSet({"a": 1, "b": 70000, "absent": 9}, groups={"both": ("a", "b")})
SHAPE = (9, 23, 26)


@pytest.fixture
def label_maps(specks):
    """A reference and a prediction of two labels that touch each other."""
    first, second, third = (specks(seed, SHAPE) for seed in range(3))
    return np.where(first, 1, np.where(second, 70000, 0)), np.where(third, 70000, np.where(first, 1, 0))


def listed(reference, prediction):
    """Return name -> the masks of a structure: reference, prediction, uncounted, possible."""
    found = structure_runs(reference, prediction, spacing_mm=(5, 1, 1), labels=LABELS)
    return {
        one.structure.name: [
            mask_of(runs, np.zeros(3, np.int64), np.array(SHAPE)) > 0
            for runs in (one.reference, one.prediction, one.uncounted, one.possible)
        ]
        for one in found
    }


def test_structures_are_those_of_the_label_maps(label_maps):
    """A label, a group of labels that touch, and a label that no voxel holds; all voxels count."""
    found = listed(*label_maps)
    for name, codes in (("a", [1]), ("b", [70000]), ("both", [1, 70000]), ("absent", [9])):
        for mask, label_map in zip(found[name], label_maps, strict=False):
            assert np.array_equal(mask, np.isin(label_map, codes))
        assert not found[name][2].any()
        assert not found[name][3].any()


def test_excluded_and_unannotated_voxels_do_not_count(label_maps, specks):
    """Both are uncounted; a label is possible where its readers say so, a group where one of its labels is."""
    excluded, annotated = specks(3, SHAPE), np.arange(SHAPE[0]) % 4 > 0
    possible = {1: excluded & specks(4, SHAPE), 70000: excluded & specks(5, SHAPE)}
    labels = np.where(excluded, 0, label_maps[0])
    found = listed(Reference(labels, excluded, annotated, "majority", (), possible), label_maps[1])
    for name, expected in (("a", possible[1]), ("b", possible[70000]), ("both", possible[1] | possible[70000])):
        assert np.array_equal(found[name][2], excluded | ~annotated[:, None, None])
        assert np.array_equal(found[name][3], expected)


def test_groups_are_what_their_merged_masks_were_fused_into(label_maps, specks):
    """In its contested voxels a group is drawn, excluded or absent by itself, whatever its labels are there."""
    excluded, contested = specks(3, SHAPE), specks(4, SHAPE) | specks(5, SHAPE)
    at = np.nonzero(contested)
    rng = np.random.default_rng(0)
    fate = rng.integers(0, 3, len(at[0]))
    group = GroupReference(at, fate == 1, fate == 2)
    labels = np.where(excluded, 0, label_maps[0])
    reference = Reference(labels, excluded, np.ones(SHAPE[0], bool), "majority", (), groups={"both": group})
    drawn, doubtful = (np.zeros(SHAPE, bool) for _ in range(2))
    drawn[at], doubtful[at] = fate == 1, fate == 2
    found = listed(reference, label_maps[1])
    assert np.array_equal(found["both"][0], np.where(contested, drawn, labels > 0))
    assert np.array_equal(found["both"][2], np.where(contested, doubtful, excluded))
    assert np.array_equal(found["both"][3], doubtful)
    assert np.array_equal(found["a"][2], excluded)
