import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.report.frames.forecast_sets import forecast_cases
from ctbench.report.frames.uncertainty import (
    CHIEF_FIGURES,
    EACH,
    OTHERS,
    figure_digits,
    reliability_table,
    uncertainty_table,
    worst_calibrated,
)
from ctbench.runs import run
from ctbench.statistics.forecasts import FIGURES, MEAN


def drawn(blobs, case):
    """Readers x voxels, which of them drew hemorrhage."""
    codes = blobs.labels.codes_of("hemorrhage")
    return np.stack([np.isin(blobs[case].reader(name).array, codes).ravel() for name in ("r1", "r2", "r3")])


def test_figures_are_those_of_all_voxels_of_all_cases(probability_run, blobs):
    """Brier score and soft Dice from the masks and the stored probabilities, without any table."""
    votes = np.concatenate([drawn(blobs, case) for case in "abcd"], axis=1)
    bright = np.concatenate([blobs[case].image().array.ravel() > 50 for case in "abcd"])
    p = np.where(bright, 204 / 255, 26 / 255)
    found = uncertainty_table([probability_run], "image", figures=list(FIGURES), by_reader=True, resamples=20)
    values = found.set_index(["rater", "against", "figure"])["value"]
    assert values["unsure", MEAN, "brier"] == pytest.approx(np.mean((p - votes.mean(axis=0)) ** 2))
    assert values["unsure", "r2", "brier"] == pytest.approx(np.mean((p - votes[1]) ** 2))
    assert values["unsure", EACH, "brier"] == pytest.approx(np.mean((p - votes) ** 2))
    others = [(votes.sum(axis=0) - own) / 2 for own in votes]
    assert values[OTHERS, EACH, "brier"] == pytest.approx(np.mean((np.array(others) - votes) ** 2))
    assert values[OTHERS, "r3", "brier"] == pytest.approx(np.mean((others[2] - votes[2]) ** 2))
    assert set(found["cases"]) == {4}
    assert (found["low"] <= found["high"]).all()


def test_one_row_a_structure_rater_and_figure(probability_run):
    """Only the chief figures unless others are asked for; no interval without samples."""
    found = uncertainty_table([probability_run], resamples=0)
    assert list(found["figure"].unique()) == list(CHIEF_FIGURES)
    assert not found.duplicated(["label", "rater", "against", "figure"]).any()
    assert found["low"].isna().all()


def test_the_diagram_has_the_readers_band(probability_run, blobs):
    """Two stored probabilities are two points; the mean of readers lies between the single readers."""
    found = reliability_table([probability_run], "image")
    assert list(found["bin"]) == [2, 8]
    assert found["forecast"].tolist() == pytest.approx([26 / 255, 204 / 255])
    assert ((found["lowest"] <= found["observed"]) & (found["observed"] <= found["highest"])).all()
    assert found["voxels"].sum() == 4 * blobs["a"].image().array.size


def test_the_worst_case_has_the_largest_error(probability_run, blobs):
    """ECE of a case by itself, from the masks."""
    found = worst_calibrated([probability_run], "image", 2)
    assert len(found) == 2
    assert found["ece"].is_monotonic_decreasing
    case = found["case"].iloc[0]
    bright = blobs[case].image().array.ravel() > 50
    share = drawn(blobs, case).mean(axis=0)
    expected = sum(
        own.mean() * abs(p - share[own].mean()) for own, p in ((bright, 204 / 255), (~bright, 26 / 255)) if own.any()
    )
    assert found["ece"].iloc[0] == pytest.approx(expected)


def test_what_cannot_be_computed_is_refused(probability_run, blobs, unsure, tmp_path):
    """Unknown words, and runs that keep no probabilities."""
    with pytest.raises(UsageError, match="unknown domain 'head'; expected box or image or brain"):
        uncertainty_table([probability_run], "head")
    with pytest.raises(UsageError, match="named no masks of the brain"):
        uncertainty_table([probability_run], "brain")
    with pytest.raises(UsageError, match="unknown figures eceee"):
        uncertainty_table([probability_run], figures=["eceee"])
    plain = run(blobs, unsure(), tmp_path / "plain", metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="plain keeps no probabilities; make it by `ctbench run --keep-probabilities`"):
        uncertainty_table([plain])


@pytest.mark.parametrize("table", [uncertainty_table, forecast_cases])
def test_two_runs_of_one_rater_are_refused(probability_run, table):
    """The rows of the second would be taken for those of the first."""
    with pytest.raises(UsageError, match="are both runs of unsure"):
        table([probability_run, probability_run])


def test_errors_near_zero_have_one_digit_more():
    """Of a Brier score of 0.0034 three digits would say little; Dice values and areas need no more than three."""
    assert [figure_digits(name) for name in ("brier", "ece", "auroc", "soft_dice_mbh_seg")] == [4, 4, 3, 3]
