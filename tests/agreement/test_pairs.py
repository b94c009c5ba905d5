import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctbench.agreement.pairs import pair_rows
from ctbench.metric_descriptions import SYMMETRIC_METRICS
from ctbench.metrics import score


def rows_of(panel, surface="3d"):
    """Compare all pairs of a panel with one structure or more."""
    units = {label: panel.units(codes) for label, codes in panel.structures.items()}
    return pair_rows(panel, units, surface=surface, tolerance_mm=1.0)


def test_shifted_boxes_have_closed_forms(shifted_panel, value_of):
    """Boxes 8 voxels long and d apart share 8 - d of them: Dice 1 - d / 8; their far faces lie d mm apart."""
    rows = rows_of(shifted_panel)
    for other, apart in (("r2", 1), ("r3", 1)):
        assert value_of(rows, reader="r1", other=other, metric="dice") == pytest.approx(1 - apart / 8)
    assert value_of(rows, reader="r2", other="r3", metric="dice") == pytest.approx(6 / 8)
    assert value_of(rows, reader="r2", other="r3", metric="hd95") == pytest.approx(2.0)
    assert value_of(rows, reader="r1", other="r2", metric="nsd") == 1.0
    assert value_of(rows, reader="r1", other="r2", metric="volume_difference_absolute_ml") == 0.0


def test_kappa_of_shifted_boxes(shifted_panel, value_of):
    """Of 600 voxels both draw 168, one of them 24 each: Cohen's kappa from that table."""
    observed, share = 1 - 48 / 600, 192 / 600
    chance = share**2 + (1 - share) ** 2
    kappa = value_of(rows_of(shifted_panel), reader="r1", other="r2", metric="cohen_kappa")
    assert kappa == pytest.approx((observed - chance) / (1 - chance))


def test_every_pair_comes_once(shifted_panel):
    """Three readers make three pairs, and each has every metric once."""
    rows = rows_of(shifted_panel)
    keys = {(row["reader"], row["other"], row["metric"]) for row in rows}
    assert len(keys) == len(rows) == 3 * (len(SYMMETRIC_METRICS) + 1)


def test_only_slices_that_both_annotated_count(make_panel, value_of):
    """Two readers agree in the slice that both read; what one drew in a slice of his own is no disagreement."""
    labels = np.zeros((2, 5, 5), np.uint8)
    labels[0, 1:3, 1:3] = 1
    more = labels.copy()
    more[1, 1:4, 1:4] = 1
    annotated = {"b": np.array([True, False])}
    rows = rows_of(make_panel({"a": more, "b": labels}, annotated), surface="2d")
    assert value_of(rows, metric="dice") == 1.0
    assert value_of(rows, metric="cohen_kappa") == 1.0


def test_readers_without_a_slice_in_common_have_no_value(make_panel):
    """Nothing can be compared, and every row says so instead of counting as perfect or as a failure."""
    labels = np.zeros((2, 5, 5), np.uint8)
    labels[:, 1:3, 1:3] = 1
    annotated = {"a": np.array([True, False]), "b": np.array([False, True])}
    rows = rows_of(make_panel({"a": labels, "b": labels}, annotated))
    kappa = next(row for row in rows if row["metric"] == "cohen_kappa")
    assert (kappa["status"], kappa["detail"]) == ("not_sampled", "no slice was annotated by both")
    assert np.isnan([row["value"] for row in rows if row["metric"] in {"dice", "hd95", "cohen_kappa"}]).all()


@settings(max_examples=15)
@given(arrays(np.uint8, (2, 3, 5, 5), elements=st.integers(0, 1)))
def test_pair_metrics_do_not_know_which_reader_is_the_reference(masks):
    """Every metric of a pair is the same with the two readers exchanged."""
    rules = {"spacing_mm": (3.0, 1.0, 1.0), "labels": {"box": 1}, "metrics": SYMMETRIC_METRICS}
    there, back = (score(one, other, **rules)["value"] for one, other in (masks, masks[::-1]))
    np.testing.assert_allclose(there, back, rtol=1e-12)
