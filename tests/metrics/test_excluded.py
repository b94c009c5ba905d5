"""Voxels that do not count: indeterminate ones, and slices that nobody annotated."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ctbench.labels import LabelSet
from ctbench.metrics import score
from ctbench.metrics.elements import element_sizes, neighbour_codes
from ctbench.reference import Reference

SURFACE = ["hd", "hd95", "assd", "masd", "nsd"]
VOXEL = ["hd95_pooled", "nsd_voxel"]
SPACING, TOLERANCE = (2.0, 0.7, 0.9), 1.5
BALL = (40, 40, 40)


def make_reference(labels, excluded, possible=None, annotated=None):
    """Make a reference of what a label map holds outside the excluded voxels."""
    annotated = np.ones(len(labels), bool) if annotated is None else annotated
    return Reference(np.where(excluded, 0, labels), excluded, annotated, "majority", (), possible)


def measure(reference, prediction, uncounted, targets):
    """Sample the elements of two masks that touch no uncounted voxel; the prediction's look for several targets."""
    clean, sizes_of = neighbour_codes(uncounted) == 0, element_sizes(SPACING)
    mm, areas = [], []
    for mask, others in ((reference, [prediction]), (prediction, targets)):
        sizes = sizes_of[neighbour_codes(mask)] * clean
        border = np.any([sizes_of[neighbour_codes(other)] > 0 for other in others], axis=0)
        mm.append(cKDTree(np.argwhere(border) * SPACING).query(np.argwhere(sizes) * SPACING)[0])
        areas.append(sizes[sizes > 0])
    order = [np.argsort(distances) for distances in mm]
    reached = [np.cumsum(a[o]) / a.sum() for a, o in zip(areas, order, strict=True)]
    pooled, weights = np.concatenate(mm), np.concatenate(areas)
    return {
        "hd": pooled.max(),
        "hd95": max(d[o][np.searchsorted(r, 0.95 - 1e-9)] for d, o, r in zip(mm, order, reached, strict=True)),
        "assd": np.average(pooled, weights=weights),
        "masd": np.mean([np.average(d, weights=a) for d, a in zip(mm, areas, strict=True)]),
        "nsd": np.average(pooled <= TOLERANCE, weights=weights),
    }


@pytest.fixture
def planted(ball):
    """A function that lays a slab of some voxels over a ball: truth, prediction, slab."""

    def make(thickness):
        slab = np.zeros(BALL, bool)
        slab[:, :, 22 : 22 + thickness] = True
        return ball(BALL, 14), ball(BALL, (12, 15, 13), (20, 18, 21)), slab

    return make


def scored(reference, prediction, metrics=SURFACE, **others):
    """Score label 1 on the grid of these tests."""
    return score(
        reference, prediction, spacing_mm=SPACING, labels={"a": 1}, metrics=metrics, tolerance_mm=TOLERANCE, **others
    )


@pytest.mark.parametrize("thickness", [2, 6, 12])
def test_slab_takes_samples_away_and_nothing_else(thickness, planted, values):
    """Distances are those of the whole surfaces without the elements that touch the excluded slab."""
    truth, prediction, slab = planted(thickness)
    # The readers drew the truth in the slab, but not all of them: it is the outer border, the slab's edge the inner.
    reference = make_reference(truth.astype(int), slab, {1: truth & slab})
    expected = measure(truth, prediction, slab, targets=[truth, truth & ~slab])
    assert values(scored(reference, prediction)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("thickness", [2, 6, 12])
def test_zeroing_both_masks_is_biased(thickness, planted, values):
    """Setting both masks to background in the slab makes two borders that coincide, and so a better score."""
    truth, prediction, slab = planted(thickness)
    unbiased = measure(truth, prediction, slab, targets=[truth])
    ours = values(scored(make_reference(truth.astype(int), slab, {1: truth & slab}), prediction))
    zeroed = values(scored(truth & ~slab, prediction & ~slab))
    for metric, better in (("nsd", 1), ("assd", -1), ("masd", -1)):
        bias, ours_bias = (better * (found[metric] - unbiased[metric]) for found in (zeroed, ours))
        assert bias > 0.05
        assert abs(ours_bias) < bias / 4


def test_readers_of_two_radii(ball, values):
    """Readers drew radii 10 and 15 mm: 8 and 17 mm are alike 2 mm off, whatever lies between is not judged."""
    shape, spacing = (75, 75, 75), (0.5, 0.5, 0.5)
    small, large = ball(shape, 20), ball(shape, 30)
    reference = make_reference(small.astype(int), large & ~small, {1: large & ~small})
    arguments = {"spacing_mm": spacing, "labels": {"a": 1}, "metrics": SURFACE + VOXEL, "tolerance_mm": 2.5}
    inner, outer = (score(reference, ball(shape, 2 * radius), **arguments) for radius in (8, 17))
    for scores in (inner, outer):
        assert set(scores.detail) == {"only the prediction's surface could be sampled"}
        assert values(scores)["assd"] == values(scores)["masd"] == pytest.approx(2, abs=0.35)
        assert values(scores)["hd95"] == pytest.approx(2, abs=0.5)
        assert values(scores)["nsd"] == 1
    assert values(inner)["assd"] == pytest.approx(values(outer)["assd"], abs=0.1)
    for radius in (11, 12.5, 14):
        within = score(reference, ball(shape, 2 * radius), **arguments)
        assert (within.status == "not_sampled").all()
        assert within.value.isna().all()
        assert (within.detail != "").all()
    for radius in (10, 15):
        touching = score(reference, ball(shape, 2 * radius), **arguments)
        assert (touching.status == "not_sampled").all()


def test_not_sampled_leaves_overlap_and_volumes_alone(ball, values):
    """Where no surface can be sampled, the counted voxels still have an overlap and volumes."""
    shape = (33, 33, 33)
    small, large = ball(shape, 8), ball(shape, 13)
    reference = make_reference(small.astype(int), large & ~small, {1: large & ~small})
    scores = score(reference, ball(shape, 10), spacing_mm=(1, 1, 1), labels={"a": 1})
    assert set(scores[scores.status == "not_sampled"].metric) == {*SURFACE, *VOXEL}
    assert set(scores[scores.status == "ok"].metric) == set(scores.metric) - {*SURFACE, *VOXEL}
    assert values(scores)["dice"] == 1
    assert values(scores)["volume_ml"] == values(scores)["reference_volume_ml"] == np.count_nonzero(small) / 1000


def test_excluded_voxels_count_in_neither_map(blobs, values):
    """Overlaps and volumes are those of the voxels that count, and of them only."""
    reference, prediction = blobs(0), blobs(1)
    excluded = blobs(2) == 1
    annotated = np.arange(len(reference)) % 4 > 0
    counted = ~excluded & annotated[:, None, None]
    made = make_reference(reference, excluded, annotated=annotated)
    a, b = (label_map[counted] == 2 for label_map in (reference, prediction))
    found = values(score(made, prediction, spacing_mm=SPACING, labels={"b": 2}, metrics=None, surface="2d"))
    voxel_ml = np.prod(SPACING) / 1000
    assert found["dice"] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    assert found["sensitivity"] == pytest.approx((a & b).sum() / a.sum())
    assert found["precision"] == pytest.approx((a & b).sum() / b.sum())
    assert found["volume_ml"] == pytest.approx(b.sum() * voxel_ml)
    assert found["reference_volume_ml"] == pytest.approx(a.sum() * voxel_ml)


def test_what_is_predicted_in_uncounted_voxels_changes_no_overlap(blobs, values):
    """Overlaps and volumes do not see the prediction where it does not count."""
    reference, prediction, excluded = blobs(0), blobs(1), blobs(2) == 1
    made = make_reference(reference, excluded)
    metrics = ["dice", "jaccard", "sensitivity", "precision", "volume_ml", "rvd", "abc2_ml"]
    arguments = {"spacing_mm": SPACING, "labels": {"a": 1, "b": 2}, "metrics": metrics}
    other = np.where(excluded, 3 - np.minimum(prediction, 3), prediction)
    assert (score(made, prediction, **arguments).value == score(made, other, **arguments).value).all()


def test_possible_of_a_group_is_that_of_its_members(ball, values):
    """A group's border lies where that of any of its members may lie."""
    shape = (31, 31, 31)
    core, band = ball(shape, 6), ball(shape, 11) & ~ball(shape, 6)
    upper = np.arange(31)[:, None, None] < 15
    labels = np.where(core, np.where(upper, 1, 2), 0)
    pair = LabelSet({"up": 1, "down": 2}, groups={"both": ("up", "down")})
    apart = make_reference(labels, band, {1: band & upper, 2: band & ~upper})
    union = make_reference(core.astype(int), band, {1: band})
    prediction = ball(shape, 13)
    halves = np.where(prediction, np.where(upper, 1, 2), 0)
    grouped = score(apart, halves, spacing_mm=(1, 1, 1), labels=pair, metrics=SURFACE)
    single = score(union, prediction, spacing_mm=(1, 1, 1), labels={"both": 1}, metrics=SURFACE)
    assert values(grouped, "both") == values(single)
    assert values(single)["hd"] < 3


def test_unknown_possible_is_empty(ball, values):
    """Where it is not known what the readers drew, only the agreed border is a target."""
    shape = (31, 31, 31)
    core, band = ball(shape, 6), ball(shape, 11) & ~ball(shape, 6)
    unknown = make_reference(core.astype(int), band)
    empty = make_reference(core.astype(int), band, {1: np.zeros(shape, bool)})
    other = make_reference(core.astype(int), band, {5: band})
    found = [values(scored(made, ball(shape, 13))) for made in (unknown, empty, other)]
    assert found[0] == found[1] == found[2]
    assert found[0]["hd"] > values(scored(make_reference(core.astype(int), band, {1: band}), ball(shape, 13)))["hd"]


def test_unannotated_slices_take_samples_away(ball, values):
    """Slices that nobody annotated are left out of the sampling as excluded voxels are."""
    truth, prediction = ball(BALL, 14), ball(BALL, (12, 15, 13), (20, 18, 21))
    annotated = np.ones(40, bool)
    annotated[18:23] = False
    uncounted = np.broadcast_to(~annotated[:, None, None], BALL)
    drawn = truth & ~uncounted
    reference = make_reference(drawn.astype(int), np.zeros(BALL, bool), annotated=annotated)
    expected = measure(drawn, prediction, uncounted, targets=[drawn])
    assert values(scored(reference, prediction)) == pytest.approx(expected, abs=1e-9)


def test_unannotated_slices_in_2d(blobs, values):
    """In 2D, sparse slices are measured as if they were all there is."""
    reference, prediction = blobs(0), blobs(1)
    annotated = np.zeros(len(reference), bool)
    annotated[[1, 4, 8]] = True
    sparse = np.where(annotated[:, None, None], reference, 0)
    made = make_reference(sparse, np.zeros(reference.shape, bool), annotated=annotated)
    found = scored(made, prediction, metrics=SURFACE + VOXEL, surface="2d")
    alone = scored(reference[annotated], prediction[annotated], metrics=SURFACE + VOXEL, surface="2d")
    assert values(found) == pytest.approx(values(alone))


@pytest.mark.filterwarnings("ignore:the volume has one slice")
def test_surface_voxels_that_touch_an_uncounted_one_are_not_sampled(box, values):
    """Voxel-count metrics leave out surface voxels that are uncounted or share a face with an uncounted voxel."""
    reference, prediction = box((1, 5, 12), (0, 1, 1), (1, 4, 11)), box((1, 5, 12), (0, 1, 1), (1, 4, 8))
    excluded = np.zeros((1, 5, 12), bool)
    excluded[0, :, 9:] = True
    made = make_reference(reference.astype(int), excluded, {1: reference & excluded})
    found = values(
        score(made, prediction, spacing_mm=(1, 1, 1), labels={"a": 1}, metrics=["nsd_voxel"], tolerance_mm=0.5)
    )
    # Columns 8 (a neighbour of column 9) and 9 to 11 are out; all voxels of a single slice are surface voxels.
    assert found["nsd_voxel"] == 1
    found = values(scored(reference, prediction, metrics=["nsd_voxel"]))
    assert found["nsd_voxel"] < 1
