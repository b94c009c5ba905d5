from dataclasses import replace

import numpy as np
import pytest

from ctbench.agreement import disagreement_map
from ctbench.agreement.disagreement import disagreement_row, snapshot


def test_map_is_one_minus_the_share_of_the_commonest_label(shifted_panel):
    """Of the 10 columns that three readers drew, the outer four have one dissenter."""
    line = disagreement_map(shifted_panel)[2, 6]
    np.testing.assert_allclose(line[5:15], np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 1]) / 3, atol=1e-6)
    assert not line[:5].any()
    assert not line[15:].any()


def test_slices_that_nobody_annotated_hold_no_disagreement(make_panel):
    """Two readers who differ everywhere disagree by a half, but not where neither looked."""
    one, other = np.ones((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8)
    marks = np.array([True, False])
    shares = disagreement_map(make_panel({"a": one, "b": other}, {"a": marks, "b": marks}))
    np.testing.assert_array_equal(shares, np.array([0.5, 0.0])[:, None, None] * np.ones((2, 2, 2)))


def test_row_sums_it_up(shifted_panel):
    """240 voxels are drawn, 96 contested, 32 in each of three slices, of which the first is named."""
    row = disagreement_row(shifted_panel, disagreement_map(shifted_panel))
    assert (row["drawn_voxels"], row["contested_voxels"], row["worst_slice"]) == (240, 96, 1)
    assert row["contested_share"] == pytest.approx(0.4)
    assert row["mean_disagreement"] == pytest.approx(0.4 / 3)
    assert row["worst_slice_voxels"] == 32


def test_full_agreement_has_no_worst_slice(make_panel):
    """Nothing is contested: no slice is named and no picture made."""
    panel = make_panel(dict.fromkeys("ab", np.ones((2, 3, 3), np.uint8)))
    shares = disagreement_map(panel)
    assert disagreement_row(panel, shares)["worst_slice"] is None
    assert snapshot(panel, shares) is None


def test_snapshot_is_of_the_slice_with_the_most_contested_voxels(shifted_panel):
    """Its shade doubles the disagreement, up to 1 where half of the readers differ."""
    shares = disagreement_map(shifted_panel)
    seen = snapshot(shifted_panel, shares)
    assert (seen.z, seen.slices, seen.image) == (1, 6, None)
    np.testing.assert_allclose(seen.shade.array[0], 2 * shares[1], atol=1e-6)


def test_only_readers_who_were_asked_disagree_and_by_weight(make_panel):
    """Label 2 is of a and b, c was not asked for it: no disagreement. Against label 1 c has one of four votes."""
    drawn = np.array([[[2, 1, 0]]], np.uint8)
    panel = make_panel({"a": drawn, "b": drawn, "c": np.zeros_like(drawn)})
    np.testing.assert_allclose(disagreement_map(panel), [[[1 / 3, 1 / 3, 0]]], atol=1e-6)
    own = replace(panel, asked={"c": (1,)}, weights={"a": 2.0})
    np.testing.assert_allclose(disagreement_map(own), [[[0, 1 / 4, 0]]], atol=1e-6)
