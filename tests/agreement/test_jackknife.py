import numpy as np
import pytest

from ctbench.agreement.jackknife import jackknife_rows, volume_rows


def test_shifted_boxes_have_closed_forms(shifted_panel, value_of):
    """The three boxes cover 10 columns and r1 is the majority (8); the two others share 6, and 4 become ties."""
    rows = jackknife_rows(shifted_panel)

    def of(reader, metric):
        return value_of(rows, reader=reader, metric=metric)

    assert of("r1", "without_dice") == pytest.approx(12 / 14)
    assert of("r1", "changed_share") == pytest.approx(4 / 10)
    assert of("r1", "indeterminate_share") == 0
    assert of("r1", "indeterminate_share_without") == pytest.approx(4 / 10)
    assert of("r1", "indeterminate_share_change") == pytest.approx(4 / 10)
    # 24 voxels of 2 mm3 a column.
    assert of("r1", "without_volume_change_ml") == pytest.approx(-2 * 24 * 2 / 1000)
    # Without r2, r1 and r3 share 7 columns; 2 become ties, one that only r2 drew stays out.
    assert of("r2", "without_dice") == pytest.approx(14 / 15)
    assert of("r2", "changed_share") == pytest.approx(2 / 10)


def test_a_tie_that_a_reader_made_is_broken_without_him(make_panel, value_of):
    """Two of four drew a second voxel: indeterminate; without one who did not, it is in."""
    one, two = np.array([[[1, 0, 0]]]), np.array([[[1, 1, 0]]])
    rows = jackknife_rows(make_panel({"a": one, "b": one, "c": two, "d": two}))
    assert value_of(rows, reader="a", metric="without_dice") == pytest.approx(2 / 3)
    assert value_of(rows, reader="a", metric="indeterminate_share_change") == -0.5
    assert value_of(rows, reader="c", metric="without_dice") == 1.0


def test_what_nobody_drew_cannot_change(make_panel):
    """An absent structure has no share and no Dice, and the rows say why."""
    empty = np.zeros((2, 4, 4), np.uint8)
    rows = jackknife_rows(make_panel(dict.fromkeys("abc", empty)))
    assert {row["detail"] for row in rows if row["status"] == "both_empty"} == {"nobody drew it"}
    assert {row["metric"] for row in rows if row["status"] == "ok"} == {"without_volume_change_ml"}


def test_what_a_reader_left_in_slices_he_did_not_annotate_is_not_drawn(make_panel, value_of):
    """A scribble outside the annotated slices is no vote, and no voxel that could change."""
    labels = np.zeros((2, 3, 3), np.uint8)
    labels[0, 1, 1] = 1
    scribbled = labels.copy()
    scribbled[1] = 1
    annotated = {"c": np.array([True, False])}
    rows = jackknife_rows(make_panel({"a": labels, "b": np.zeros_like(labels), "c": scribbled}, annotated))
    assert value_of(rows, reader="c", metric="changed_share") == 1.0


def test_volumes_count_slices_that_all_annotated(make_panel, value_of):
    """A reader who did more slices has no larger volume for it: 4 voxels of 2 mm3."""
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[:, 1:3, 1:3] = 1
    rows = volume_rows(make_panel({"a": labels, "b": labels}, {"b": np.array([True, False])}))
    assert value_of(rows, reader="a") == value_of(rows, reader="b") == pytest.approx(0.008)
