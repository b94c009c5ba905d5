import sys
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from ctbench import metric_descriptions
from ctbench.metric_descriptions import (
    CHIEF_METRICS,
    DESCRIPTIONS,
    LOCKED_METRICS,
    PRINTED_WITH_VOLUMES,
    SYMMETRIC_METRICS,
    MetricDescription,
)
from ctbench.metrics import METRICS, registry, score
from ctbench.report.wording import metric_heading, metric_title
from ctbench.statistics import Direction, direction_of, rank


def test_every_metric_is_described_and_computed():
    """The two tables name the same metrics in the same order, and a metric is its description."""
    assert list(METRICS) == list(DESCRIPTIONS)
    for name, metric in METRICS.items():
        assert vars(DESCRIPTIONS[name]).items() <= vars(metric).items()


@pytest.mark.parametrize("lacks", ["a description", "a formula"])
def test_a_metric_with_only_a_description_or_a_formula_is_an_error(lacks):
    """Neither is silently ignored: the message names the metric."""
    described, computed = dict(DESCRIPTIONS), dict(registry._COMPUTED)
    assert list(registry.joined(described, computed)) == list(METRICS)
    del (described if lacks == "a description" else computed)["hd95"]
    with pytest.raises(ValueError, match="only one of them: hd95"):
        registry.joined(described, computed)


def test_what_is_shown_and_locked_is_a_metric():
    """Each short list names metrics; a lock keeps all that a report leads with."""
    for names in (CHIEF_METRICS, LOCKED_METRICS, PRINTED_WITH_VOLUMES, SYMMETRIC_METRICS):
        assert set(names) <= set(DESCRIPTIONS)
    assert set(CHIEF_METRICS) <= set(LOCKED_METRICS)


@pytest.fixture
def added(monkeypatch):
    """A metric as a contributor adds it: one description, and how it is computed."""
    described = MetricDescription(
        "missed_ml", "Missed volume", "The reference's volume that the prediction lacks.", "mL", "lower", "this test"
    )
    empty = registry.Empty(both="formula", prediction="formula", reference="formula", missing="formula")
    computed = registry.Metric(
        **vars(described), empty=empty, formula=lambda m: (m.n_reference - m.n_both) * m.voxel_ml
    )
    table = MappingProxyType({**DESCRIPTIONS, "missed_ml": described})
    for module in ("ctbench.metric_descriptions", "ctbench.statistics.direction", "ctbench.report.wording"):
        monkeypatch.setattr(f"{module}.DESCRIPTIONS", table)
    metrics = MappingProxyType({**METRICS, "missed_ml": computed})
    for module in ("ctbench.metrics.score", "ctbench.metrics.registry"):
        monkeypatch.setattr(sys.modules[module], "METRICS", metrics)
    return described


def test_nothing_else_has_to_be_told(added):
    """The metric is scored with its unit, titled, and ranked the right way."""
    truth, half = np.ones((2, 1, 500), np.uint8), np.zeros((2, 1, 500), np.uint8)
    half[0] = 1
    parts = []
    for rater, drawn in (("all", truth), ("half", half)):
        rows = score(truth, drawn, spacing_mm=(1, 1, 1), labels={"box": 1}).query("metric == 'missed_ml'")
        parts += [rows.assign(rater=rater, case=case) for case in "abcdef"]
    tidy = pd.concat(parts)
    assert tidy.groupby("rater")["value"].first().to_dict() == {"all": 0.0, "half": 0.5}
    assert set(tidy["unit"]) == {"mL"}
    assert metric_title("missed_ml") == "Missed volume"
    assert metric_heading("missed_ml", "mL") == "Missed volume, mL"
    assert direction_of("missed_ml") is Direction.LOWER
    assert rank(tidy)["rater"].tolist() == ["all", "half"]
    assert metric_descriptions.smaller_is_better("missed_ml")


def test_signed_differences_have_no_better_direction_but_a_better_size():
    """Over- and underestimation are both wrong: neither more nor less is better, nearer to 0 is."""
    assert direction_of("rvd") is Direction.NEITHER
    assert metric_descriptions.smaller_is_better("rvd")
    assert not metric_descriptions.smaller_is_better("volume_ml")
    assert not metric_descriptions.smaller_is_better("unknown")
