"""Fusion of labels: votes, unknown labels, STAPLE, and the weights of joint label fusion."""

import numpy as np
import pytest

from reference_models.multi_atlas.fusion import UNKNOWN, fused, joint_weights

NOTHING = np.zeros((3, 1, 1, 5), np.float32)


def row(*labels):
    """Atlases of one row of voxels."""
    return np.array(labels, np.uint8)[:, None, None, :]


def test_the_majority_wins_and_the_lowest_of_equals():
    """Background is a vote like any other."""
    labels = row([1, 1, 0, 2, 0], [1, 2, 0, 2, 1], [1, 2, 2, 1, 2])
    assert fused(labels, NOTHING, NOTHING[0], "majority", 3).ravel().tolist() == [1, 2, 0, 2, 0]


def test_only_known_labels_vote_and_gaps_take_the_nearest_voxel():
    """The first voxel has one vote, the last two have none."""
    gap = UNKNOWN
    labels = row([gap, 1, 2, gap, gap], [gap, 1, 2, gap, gap], [2, 2, 2, gap, gap])
    assert fused(labels, NOTHING, NOTHING[0], "majority", 3).ravel().tolist() == [2, 1, 2, 2, 2]


def test_staple_follows_the_atlases_that_agree():
    """Two good atlases outvote three that answer at random, where the majority follows those three."""
    rng = np.random.default_rng(0)
    truth = (1 + (rng.random((1, 1, 4000)) < 0.5)).astype(np.uint8)
    wrong = [np.where(rng.random(truth.shape) < 0.45, 3 - truth, truth) for _ in range(3)]
    good = [np.where(rng.random(truth.shape) < 0.02, 3 - truth, truth) for _ in range(2)]
    labels = np.stack([*wrong, *good]).astype(np.uint8)
    empty = np.zeros(labels.shape, np.float32)
    right = {how: float((fused(labels, empty, empty[0], how, 3) == truth).mean()) for how in ("majority", "staple")}
    assert right["staple"] > 0.95 > right["majority"]


def test_staple_needs_a_label_of_every_atlas():
    """Elsewhere the majority decides."""
    gap = UNKNOWN
    labels = row([1, 0, 1, 0, gap], [1, 0, 1, 0, 1], [1, 0, 1, 0, 1])
    assert fused(labels, NOTHING, NOTHING[0], "staple", 2).ravel().tolist() == [1, 0, 1, 0, 1]


def test_joint_weights_in_closed_form():
    """Equal errors share; an atlas without errors has nearly all; two that err alike share the weight of one."""
    errors = np.zeros((3, 3, 2), np.float32)
    errors[0] = [[1, 0], [0, 1], [0, 0]]
    errors[1] = 1
    errors[2] = [[1, 0], [1, 0], [0, 1]]
    alone, equal, alike = joint_weights(errors)
    # M = diag(1.1, 1.1, 0.1); all 4 + 0.1 I; and [[1.1, 1, 0], [1, 1.1, 0], [0, 0, 1.1]].
    np.testing.assert_allclose(alone, np.array([1, 1, 11]) / 13, rtol=1e-5)
    np.testing.assert_allclose(equal, 1 / 3, rtol=1e-4)
    np.testing.assert_allclose(alike, np.array([1 / 2.1, 1 / 2.1, 1 / 1.1]) / (2 / 2.1 + 1 / 1.1), rtol=1e-5)


def test_joint_fusion_trusts_the_atlas_that_looks_like_the_scan():
    """Two atlases of noise agree on a wrong label; the third has the intensities of the scan."""
    rng = np.random.default_rng(0)
    scan = rng.random((7, 7, 7), np.float32)
    intensities = np.stack([rng.random((7, 7, 7), np.float32), rng.random((7, 7, 7), np.float32), scan])
    labels = np.stack([np.full((7, 7, 7), code, np.uint8) for code in (2, 2, 1)])
    assert set(fused(labels, intensities, scan, "majority", 3).ravel().tolist()) == {2}
    assert set(fused(labels, intensities, scan, "joint", 3).ravel().tolist()) == {1}


@pytest.mark.parametrize("how", ["majority", "staple", "joint"])
def test_atlases_that_agree_are_followed(how):
    """By every rule, and where no voxel is known all is background."""
    labels = np.stack([np.arange(8, dtype=np.uint8).reshape(2, 2, 2) % 3] * 3)
    flat = np.zeros(labels.shape, np.float32)
    np.testing.assert_array_equal(fused(labels, flat, flat[0], how, 3), labels[0])
    assert not fused(np.full_like(labels, UNKNOWN), flat, flat[0], how, 3).any()
