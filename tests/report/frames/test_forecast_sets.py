"""Sets of masks and volumes of models beside the readers', against the masks themselves."""

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.report.frames.forecast_sets import EACH_READER, SET_FIGURES, VOLUME_FIGURES, forecast_cases, forecast_means
from ctbench.statistics.forecasts import cramer_distance, crps_ensemble, crps_normal, dice_max, energy_distance

ML = 4.0 / 1000
"""Volume of a voxel of the blobs."""


@pytest.fixture
def cases(probability_run):
    """The table of the run: four cases, one structure."""
    return forecast_cases([probability_run])


@pytest.fixture
def drawn(blobs):
    """The readers' masks of hemorrhage in case b, and where its image is bright."""
    codes = blobs.labels.codes_of("hemorrhage")
    readers = [np.isin(blobs["b"].reader(name).array, codes) for name in ("r1", "r2", "r3")]
    return readers, blobs["b"].image().array > 50


def _row(cases, rater):
    (row,) = cases[cases["case"].eq("b") & cases["rater"].eq(rater)].to_dict("records")
    return row


def test_sets_are_those_of_the_masks(cases, drawn):
    """From counts alone: the map above .5, and nine level sets: the image, the bright part to .7, nothing."""
    readers, bright = drawn
    row = _row(cases, "unsure")
    levels = [np.ones(bright.shape, bool)] + [bright] * 6 + [np.zeros(bright.shape, bool)] * 2
    assert row["ged"] == pytest.approx(energy_distance([bright], readers))
    assert row["ged_level_sets"] == pytest.approx(energy_distance(levels, readers))
    assert row["dice_max"] == pytest.approx(dice_max([bright], readers))
    assert row["dice_max_of_readers"] == pytest.approx(dice_max(readers, levels))


def test_volumes_are_those_of_the_level_sets(cases, drawn):
    """Of 255 level sets 26 are the whole image and 178 more the bright part; their mean is the sum of probabilities."""
    readers, bright = drawn
    row = _row(cases, "unsure")
    ensemble = np.repeat([bright.size, bright.sum(), 0], [26, 178, 51]) * ML
    observed = [mask.sum() * ML for mask in readers]
    assert row["volume_ml"] == pytest.approx(np.where(bright, 204, 26).sum() / 255 * ML)
    assert row["volume_ml"] == pytest.approx(ensemble.mean())
    assert row["crps_ml"] == pytest.approx(np.mean([crps_ensemble(ensemble, one) for one in observed]))
    assert row["crps_normal_ml"] == pytest.approx(crps_normal(ensemble.mean(), ensemble.std(), observed).mean())
    assert row["cramer_ml"] == pytest.approx(cramer_distance(ensemble, observed))
    assert row["volume_of_readers_ml"] == pytest.approx(np.mean(observed))


def test_each_reader_stands_in_the_models_place(cases, drawn):
    """The ceiling is the mean over readers of the distance to the other two."""
    readers, _ = drawn
    others = [[mask for place, mask in enumerate(readers) if place != own] for own in range(3)]
    expected = [energy_distance([mask], rest) for mask, rest in zip(readers, others, strict=True)]
    assert _row(cases, EACH_READER)["ged"] == pytest.approx(np.mean(expected))


def test_means_have_intervals_over_patients(cases):
    """Every figure has a row, its mean within its interval; a conformal interval is of models only."""
    rows = forecast_means(cases, resamples=50).set_index(["rater", "figure"])
    for name in (*SET_FIGURES, *VOLUME_FIGURES):
        value, low, high = rows.loc[("unsure", name), ["value", "low", "high"]]
        assert low <= value <= high
        assert rows.loc[("unsure", name), "cases"] == 4
    assert ("unsure", "conformal_coverage") in rows.index
    assert (EACH_READER, "conformal_coverage") not in rows.index
    assert forecast_means(cases, resamples=0)["low"].isna().all()


def test_two_cases_of_a_patient_are_one_cluster():
    """With one patient there is no interval; empty cases have no value and are not counted."""
    cases = pd.DataFrame(
        {
            "label": "a",
            "rater": "m",
            "rater_kind": "model",
            "case": ["1", "2", "3"],
            "patient": "p",
            "ged": [0.2, 0.4, np.nan],
        }
    )
    (row,) = forecast_means(cases, ["ged"]).to_dict("records")
    assert (row["value"], row["cases"]) == (pytest.approx(0.3), 2)
    assert np.isnan(row["low"])


def test_runs_without_probabilities_are_refused(finished_run, bright):
    """The message says how to keep them."""
    with pytest.raises(UsageError, match="make it by `ctbench run --keep-probabilities`"):
        forecast_cases([finished_run(bright, "dice")])
