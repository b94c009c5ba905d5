import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.metrics import METRICS, chosen_metrics, score
from ctbench.statistics import direction_of

NAMES = [
    "dice",
    "jaccard",
    "sensitivity",
    "precision",
    "volume_ml",
    "reference_volume_ml",
    "volume_difference_ml",
    "volume_difference_absolute_ml",
    "rvd",
    "rvd_absolute",
    "hd",
    "hd95",
    "assd",
    "masd",
    "nsd",
    "hd95_pooled",
    "nsd_voxel",
    "abc2_ml",
    "reference_abc2_ml",
]
OTHERS = [
    "f2",
    "volumetric_similarity",
    "specificity_image",
    "balanced_accuracy_image",
    "mcc_image",
    "boundary_iou",
    "cldice",
    "centre_distance",
    "hd_from_prediction",
    "hd_from_reference",
    "asd_from_prediction",
    "asd_from_reference",
    "euler_error",
]
"""Metrics that are computed where they are named."""


def test_names_and_order():
    """The metrics are those that were promised, in their order, each under its own name."""
    assert list(METRICS) == [*NAMES, *OTHERS]
    assert all(name == metric.name for name, metric in METRICS.items())


def test_the_default_panel_is_as_it_was(blobs):
    """Without names the old metrics are computed, ``all`` computes every one, and an unknown name is an error."""
    rules = {"spacing_mm": (5, 1, 1), "labels": {"a": 1}}
    assert score(blobs(0), blobs(1), **rules).metric.tolist() == NAMES == list(chosen_metrics(None))
    assert score(blobs(0), blobs(1), metrics="all", **rules).metric.tolist() == list(METRICS)
    assert score(blobs(0), blobs(1), metrics=["all", "dice"], **rules).metric.tolist() == list(METRICS)
    with pytest.raises(UsageError, match="unknown metric 'dise'"):
        chosen_metrics(["dise"])


def test_every_metric_explains_itself():
    """Each has a sentence, a source, a unit and a version."""
    for metric in METRICS.values():
        assert metric.definition.endswith(".")
        assert len(metric.source) > 10
        assert metric.unit in {"mm", "mL", "1"}
        assert metric.version >= 1


def test_nobody_can_change_them():
    """The registry and its entries are read-only."""
    with pytest.raises(TypeError):
        METRICS["dice"] = METRICS["hd"]
    with pytest.raises(AttributeError):
        METRICS["dice"].unit = "mm"


def test_penalties_are_never_better_than_values(blobs):
    """What a missed structure gets is no better, in the metric's own direction, than what a poor prediction has."""
    scores = score(blobs(0), blobs(50), spacing_mm=(5, 1, 1), labels={"a": 1}, metrics="all").set_index("metric").value
    for name, metric in METRICS.items():
        penalty = metric.empty.prediction
        if isinstance(penalty, float) and metric.better in {"higher", "lower", "zero"}:
            value, worst = scores[name], penalty
            better = {"higher": worst < value, "lower": worst > value, "zero": abs(worst) > abs(value)}
            assert better[metric.better]


def test_directions_are_those_of_the_statistics():
    """The floor below, which cannot ask the registry, thinks the same of what is better."""
    directions = {"higher": "higher", "lower": "lower", "zero": "neither", None: "neither"}
    assert {name: directions[metric.better] for name, metric in METRICS.items()} == {
        name: str(direction_of(name)) for name in METRICS
    }


def test_formulas_are_those_of_score(blobs):
    """No metric is worked out anywhere but in its formula."""
    scores = score(blobs(0), blobs(1), spacing_mm=(5, 1, 1), labels={"a": 1}, metrics="all")
    assert scores.value.notna().all()
    assert np.isfinite(scores.value).all()


def test_what_is_counted_needs_no_length():
    """Overlaps, volumes and topology come of numbers of voxels; distances, rims in mm and diameters do not."""
    measured = {name for name in OTHERS if name.startswith(("hd_", "asd_", "boundary", "centre"))}
    expected = [*NAMES[: NAMES.index("hd")], *(name for name in OTHERS if name not in measured)]
    assert [name for name, metric in METRICS.items() if metric.counted] == expected
