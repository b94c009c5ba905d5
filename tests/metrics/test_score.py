import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from ctbench.consensus import fuse, leave_one_out
from ctbench.errors import DataError, GeometryError, LabelError, UsageError
from ctbench.labels import LabelSet
from ctbench.metrics import (
    METRICS,
    IsolatedSlicesWarning,
    missing_rows,
    missing_scores,
    rows_by_reference,
    score,
    score_by_reference,
    score_rows,
)
from ctbench.reference import Reference
from ctbench.scores import VALUE_COLUMNS

DISTANCES = ["hd", "hd95", "assd", "masd", "hd95_pooled"]


def slices_reference(labels, annotated):
    """Make a reference of which only some slices were annotated."""
    return Reference(labels, np.zeros(labels.shape, bool), np.array(annotated, bool), "given", ())


def test_rows_and_columns(blobs):
    """Every structure meets every metric, in the order of the labels and of the registry."""
    labels = {"c": 3, "a": 1}
    scores = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels=labels, metrics="all")
    assert list(scores.columns) == ["label", "metric", "value", "unit", "status", "detail"]
    assert list(zip(scores.label, scores.metric, strict=True)) == list(itertools.product(labels, METRICS))
    assert scores.value.dtype == np.float64
    assert (scores.unit == scores.metric.map({name: metric.unit for name, metric in METRICS.items()})).all()
    assert (scores.status == "ok").all()
    assert (scores.detail == "").all()


def test_metrics_can_be_chosen(blobs):
    """Chosen metrics come in the registry's order, with the values that they have among all."""
    chosen = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels={"a": 1}, metrics=["nsd", "dice"])
    every = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels={"a": 1})
    assert list(chosen.metric) == ["dice", "nsd"]
    pd.testing.assert_frame_equal(chosen, every[every.metric.isin(["dice", "nsd"])].reset_index(drop=True))


def test_shifted_cubes(box, values):
    """Two cubes of 10 mm, 2 mm apart, have the Dice, the volumes and the distances that geometry gives them."""
    shape = (20, 20, 20)
    reference, prediction = box(shape, (5, 5, 5), (15, 15, 15)), box(shape, (7, 5, 5), (17, 15, 15))
    found = values(score(reference, prediction, spacing_mm=(1, 1, 1), labels={"cube": 1}, tolerance_mm=1.5))
    assert found["dice"] == pytest.approx(0.8)
    assert found["jaccard"] == pytest.approx(8 / 12)
    assert found["sensitivity"] == found["precision"] == pytest.approx(0.8)
    assert found["volume_ml"] == found["reference_volume_ml"] == pytest.approx(1)
    assert found["volume_difference_ml"] == found["rvd"] == 0
    assert found["hd"] == found["hd95"] == found["hd95_pooled"] == 2


def test_slabs(box, values):
    """Two slabs that fill their slices, one three slices higher, are as far apart as geometry says, to the corners."""
    shape = (20, 200, 200)
    reference, prediction = box(shape, (2, 0, 0), (8, 200, 200)), box(shape, (5, 0, 0), (11, 200, 200))
    found = values(score(reference, prediction, spacing_mm=(5, 1, 1), labels={"slab": 1}))
    assert found["hd"] == found["hd95"] == 15
    # The outer face is 15 mm off. The inner one as well, but for what is nearer to the sides: 4 times the integral of
    # (15 - t)(200 - 2 t) over t from 0 to 15. Half of the four sides is 0 to 15 mm off, half not at all.
    faces, sides, near_sides = 2 * 200 * 200, 4 * 200 * 30, 4 * (200 * 15**2 / 2 - 15**3 / 3)
    assert found["assd"] == pytest.approx((15 * faces - near_sides + 7.5 * sides / 2) / (faces + sides), rel=0.005)
    assert found["masd"] == pytest.approx(found["assd"], rel=1e-12)


def test_volume_differences_have_their_sign(box, values):
    """A prediction of 60 voxels against 80 is 20 voxels, or a quarter, too small."""
    reference, prediction = box((4, 10, 10), (0, 0, 0), (4, 4, 5)), box((4, 10, 10), (0, 0, 0), (3, 4, 5))
    found = values(score(reference, prediction, spacing_mm=(5, 2, 1), labels={"box": 1}))
    assert found["volume_difference_ml"] == pytest.approx(-0.2)
    assert found["volume_difference_absolute_ml"] == pytest.approx(0.2)
    assert found["rvd"] == pytest.approx(-0.25)
    assert found["rvd_absolute"] == pytest.approx(0.25)


def test_groups_are_scored_as_unions(blobs, values):
    """A label set's groups follow its labels and score as the union of their codes does."""
    labels = LabelSet({"a": 1, "b": 2, "c": 3}, groups={"ab": ("a", "b")})
    scores = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels=labels)
    assert list(scores.label.unique()) == ["a", "b", "c", "ab"]
    merged = [np.isin(label_map, (1, 2)) for label_map in (blobs(0), blobs(1))]
    assert values(scores, "ab") == values(score(*merged, spacing_mm=(5, 1, 1), labels={"ab": 1}))
    by_codes = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels={"ab": (1, 2)})
    assert values(scores, "ab") == values(by_codes)


def test_tolerance_of_each_structure(blobs, values):
    """A tolerance by name is that of its structure only."""
    both = {"labels": {"a": 1, "b": 2}, "spacing_mm": (5, 1, 1), "metrics": ["nsd", "nsd_voxel"]}
    scores = score(blobs(0), blobs(1), tolerance_mm={"a": 1.0, "b": 3.0}, **both)
    assert values(scores, "a") == values(score(blobs(0), blobs(1), tolerance_mm=1.0, **both), "a")
    assert values(scores, "b") == values(score(blobs(0), blobs(1), tolerance_mm=3.0, **both), "b")
    assert values(scores, "a") != values(score(blobs(0), blobs(1), tolerance_mm=3.0, **both), "a")


def test_bool_masks_are_code_1(blobs, values):
    """A bool mask scores as the same integers."""
    masks = [blobs(seed) == 1 for seed in (0, 1)]
    as_bool = score(*masks, spacing_mm=(5, 1, 1), labels={"a": 1})
    pd.testing.assert_frame_equal(
        as_bool, score(*[m.astype(int) for m in masks], spacing_mm=(5, 1, 1), labels={"a": 1})
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prediction": np.zeros((2, 3, 5), int)}, GeometryError, r"\(2, 3, 5\).*\(2, 3, 4\)"),
        ({"prediction": np.zeros((2, 3, 4))}, DataError, "prediction.*float64"),
        ({"prediction": np.zeros((3, 4), int)}, DataError, r"prediction.*3D.*\(3, 4\)"),
        ({"reference": np.zeros((2, 3, 4))}, DataError, "reference.*float64"),
        ({"reference": np.zeros((2, 3, 0), int), "prediction": np.zeros((2, 3, 0), int)}, DataError, r"\(2, 3, 0\)"),
        ({"spacing_mm": (5, 1)}, DataError, "spacing_mm"),
        ({"spacing_mm": (5, -1, 1)}, DataError, "positive.*-1"),
        ({"spacing_mm": (5, np.nan, 1)}, DataError, "positive"),
        ({"labels": {}}, LabelError, "no structure"),
        ({"labels": {"a": 0}}, LabelError, "'a' has codes 0"),
        ({"labels": {"a": True}}, LabelError, "'a'"),
        ({"labels": {"a": ()}}, LabelError, "'a'"),
        ({"labels": {"a": (1, 2.0)}}, LabelError, "'a'"),
        ({"labels": {"a": range(1, 70_000)}}, LabelError, "69999 distinct codes; at most 65535"),
        ({"metrics": ["dise"]}, UsageError, "'dise'; did you mean 'dice'"),
        ({"metrics": ["entropy of it all"]}, UsageError, "known metrics: dice, jaccard"),
        ({"tolerance_mm": 0}, UsageError, "'a' is 0"),
        ({"tolerance_mm": -1.0}, UsageError, "'a' is -1"),
        ({"tolerance_mm": float("nan")}, UsageError, "'a' is nan"),
        ({"tolerance_mm": {"b": 1.0}}, UsageError, "no value for structure 'a'"),
        ({"surface": "4d"}, UsageError, "'4d'"),
    ],
)
def test_what_cannot_be_scored_is_refused(change, error, message):
    """Every wrong argument is refused in one sentence that names it."""
    arguments = {
        "reference": np.zeros((2, 3, 4), int),
        "prediction": np.zeros((2, 3, 4), int),
        "spacing_mm": (5, 1, 1),
        "labels": {"a": 1},
    } | change
    with pytest.raises(error, match=message):
        score(arguments.pop("reference"), arguments.pop("prediction"), **arguments)


def test_isolated_slices_warn(box):
    """Annotated slices without an annotated neighbour have no 3D element: 3D distances warn, nothing else does."""
    mask = box((7, 9, 9), (0, 2, 2), (7, 7, 7)).astype(int)
    isolated = slices_reference(mask, [0, 1, 0, 0, 1, 1, 0])
    arguments = {"spacing_mm": (5, 1, 1), "labels": {"a": 1}}
    with pytest.warns(IsolatedSlicesWarning, match="1 of 3 annotated slices"):
        score(isolated, mask, **arguments)
    with pytest.warns(IsolatedSlicesWarning, match="1 of 1 annotated slices"):
        score(slices_reference(mask[:2], [1, 0]), mask[:2], **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score(isolated, mask, surface="2d", **arguments)
        score(isolated, mask, metrics=["dice"], **arguments)
        score(slices_reference(mask, [0, 1, 1, 0, 1, 1, 0]), mask, **arguments)
        score(mask[:2], mask[:2], **arguments)


def test_perfect_prediction(blobs, values):
    """A label map scored against itself has no error, in any structure and on either kind of surface."""
    label_map = blobs(0)
    for surface in ("3d", "2d"):
        scores = score(label_map, label_map, spacing_mm=(5, 1, 1), labels={"a": 1, "b": 2, "c": 3}, surface=surface)
        for label in "abc":
            found = values(scores, label)
            assert all(found[name] == 1 for name in ("dice", "jaccard", "sensitivity", "precision", "nsd", "nsd_voxel"))
            assert all(found[name] == 0 for name in (*DISTANCES, "rvd", "volume_difference_ml"))
            assert found["volume_ml"] == found["reference_volume_ml"] > 0
            assert found["abc2_ml"] == found["reference_abc2_ml"] > 0


def test_missing_scores_have_the_rows_of_score(blobs):
    """A case without a prediction has the same rows as one with, with the status and detail that the caller gives."""
    arguments = {"spacing_mm": (5, 1, 1), "labels": {"a": 1, "z": 9}}
    missing = missing_scores(blobs(0), status="failed", detail="out of memory", **arguments)
    scores = score(blobs(0), blobs(1), **arguments)
    same = ["label", "metric", "unit"]
    pd.testing.assert_frame_equal(missing[same], scores[same])
    assert (missing.status == "failed").all()
    assert (missing.detail == "out of memory").all()


def test_rows_are_those_of_the_frame(blobs):
    """As tuples and as a frame, of a prediction and of none."""
    rules = {"spacing_mm": (5, 1, 1), "labels": {"a": 1, "b": 2}, "metrics": ["dice", "hd95"]}
    for frame, rows in (
        (score(blobs(0), blobs(2), **rules), score_rows(blobs(0), blobs(2), **rules)),
        (missing_scores(blobs(0), **rules, detail="gone"), missing_rows(blobs(0), **rules, detail="gone")),
    ):
        pd.testing.assert_frame_equal(frame, pd.DataFrame(rows, columns=list(VALUE_COLUMNS)))


def test_a_volume_of_one_slice_warns_in_3d(box):
    """Its two faces outweigh its outline: a shift of 2 mm is an hd95 of 0 in 3D, and of 2 mm within the slice."""
    mask = box((1, 40, 40), (0, 5, 5), (1, 30, 30)).astype(int)
    moved = np.roll(mask, 1, axis=2)
    arguments = {"spacing_mm": (5, 2, 2), "labels": {"a": 1}, "metrics": ["hd95"]}
    with pytest.warns(IsolatedSlicesWarning, match="the volume has one slice.*pass surface='2d'") as caught:
        assert score(mask, moved, **arguments)["value"].tolist() == [0]
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(mask, moved, surface="2d", **arguments)["value"].tolist() == [2]
        score(mask, moved, **{**arguments, "metrics": ["dice"]})


def random_references(seed):
    """Fuse random readers, with and without each of them; return references, a prediction, and rules of scoring."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers([1, 4, 4], [9, 40, 40]))
    drawn = [ndimage.gaussian_filter(rng.normal(size=shape), (0.7, 1.5, 1.5)) for _ in range(7)]
    common = drawn.pop() * rng.uniform(1, 6)

    def label_map(field):
        height = (common + field) / (common + field).std()
        labels = np.select([height > 1.4, height > 0.9, height < -1.2], [2, 1, 300], 0)
        return (labels * (rng.random() < 0.9)).astype(np.int32 if seed % 2 else np.int16)

    prediction = np.roll(label_map(drawn.pop()), rng.integers(3), axis=1)
    maps = {f"reader{number}": label_map(field) for number, field in enumerate(drawn[: 2 + seed % 4])}
    annotated = {name: rng.random(shape[0]) < 0.8 for name in maps} if seed % 3 == 0 else None
    names = LabelSet({"a": 1, "b": 2, "c": 300, "d": 9}, groups={"ab": ("a", "b")})
    rule, groups = ("majority", "plurality", "staple")[seed % 3], names if seed % 4 else None
    fused = [fuse(maps, rule, annotated, groups=groups)]
    fused += leave_one_out(maps, rule, annotated, groups=groups).values()
    references = {reference.method: reference for reference in fused}
    references["reader0"] = maps["reader0"]
    spacing = ((5.0, 0.45, 0.45), (1.0, 1.0, 1.0), (2.0, 0.7, 0.9))[seed % 3]
    rules = {"spacing_mm": spacing, "labels": names, "tolerance_mm": float(rng.uniform(0.5, 3))}
    rules |= {"surface": "2d" if seed % 5 == 0 else "3d", "surface_model": "mesh" if seed % 7 == 0 else "dual_grid"}
    return references, prediction, rules


@pytest.mark.filterwarnings("ignore::ctbench.metrics.IsolatedSlicesWarning")
@pytest.mark.parametrize("seed", range(40))
def test_several_references_at_once_as_one_by_one(seed):
    """Scores against all references of a case are, to the last bit, those against each of them alone."""
    references, prediction, rules = random_references(seed)
    together = score_by_reference(references, prediction, **rules)
    for name, reference in references.items():
        own = together[together["reference"] == name].drop(columns="reference").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, score(reference, prediction, **rules), check_exact=True)


def test_more_references_than_a_mask_has_planes_are_scored_as_well():
    """Twenty references are scored in the order in which they are given."""
    rng = np.random.default_rng(0)
    references = {f"r{number}": (rng.random((3, 6, 6)) < 0.5).astype(int) for number in range(20)}
    rules = {"spacing_mm": (2, 1, 1), "labels": {"a": 1}}
    rows = rows_by_reference(references, references["r3"], **rules)
    assert list(rows) == list(references)
    for name, reference in references.items():
        assert rows[name] == score_rows(reference, references["r3"], **rules)
    assert rows_by_reference({}, references["r3"], **rules) == {}
