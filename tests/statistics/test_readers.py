import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import readers_minus_model, within_readers


def test_mean_of_readers_means_minus_the_model(tidy):
    """Readers weigh alike whatever their number of cases: Cai's caudate row (.92, .94, .93 against .89)."""
    scores = tidy({"model": [0.89, 0.89], "reader1": [0.92], "reader2": [0.94, 0.94], "reader3": [0.93]})
    row = readers_minus_model(scores, model="model").iloc[0]
    assert row["difference"] == pytest.approx(0.04)
    assert row[["readers", "n_readers", "n_model"]].to_list() == [3, 4, 2]
    assert np.isnan(row["share_percent"])


def test_share_of_the_reference_volume(tidy):
    """Cai's Table 2, central sulcus: 0.10 mL against 0.29 mL on 1.13 mL is -0.19 mL or -16.81 %."""
    raters = {"model": [0.29], "reader1": [0.08], "reader2": [0.14], "reader3": [0.08]}
    scores = pd.concat(
        [
            tidy(raters, metric="volume_difference_absolute_ml", unit="mL"),
            tidy({rater: [1.13] for rater in raters}, metric="reference_volume_ml", unit="mL"),
        ]
    )
    row = readers_minus_model(scores, model="model").iloc[0]
    assert row["difference"] == pytest.approx(-0.19)
    assert row["share_percent"] == pytest.approx(-16.81, abs=0.005)


def test_metrics_and_references_stand_apart(tidy):
    """Grouped by them, each has the row that it has alone, the share of the volume on its own reference included."""
    parts = [
        tidy({"model": [base], "reader1": [base + 0.1]}, metric=metric, unit="mL", reference=reference)
        for reference, base in (("first", 1.0), ("second", 2.0))
        for metric in ("volume_ml", "volume_difference_absolute_ml", "reference_volume_ml")
    ]
    table = readers_minus_model(pd.concat(parts), model="model", by=("metric", "reference", "label"))
    assert len(table) == 4
    for own in table.to_dict("records"):
        volumes = parts[2] if own["reference"] == "first" else parts[5]
        (part,) = (
            part
            for part in parts
            if part["metric"].eq(own["metric"]).all() and part["reference"].eq(own["reference"]).all()
        )
        alone = readers_minus_model(pd.concat([part, volumes]), model="model").iloc[0]
        assert {name: own[name] for name in alone.index} == alone.to_dict()


def test_other_models_play_no_part(tidy):
    """A second model changes nothing."""
    raters = {"model": [0.8], "reader1": [0.9]}
    alone, beside = (readers_minus_model(tidy(values), model="model") for values in (raters, raters | {"b": [0.1]}))
    pd.testing.assert_frame_equal(alone, beside)


def test_null_scores_are_counted(tidy):
    """Nulls are left out of the means and counted; a label that the model has no value for has a null difference."""
    row = readers_minus_model(tidy({"model": [np.nan, np.nan], "reader1": [0.9, np.nan]}), model="model").iloc[0]
    assert (row["n_readers"], row["n_model"], row["rows_left_out"]) == (1, 0, 3)
    assert np.isnan(row["difference"])


def test_needs_readers_and_a_known_model(tidy):
    """Without readers, or with an unknown model, there is a clear error."""
    with pytest.raises(UsageError, match="rater_kind 'reader'"):
        readers_minus_model(tidy({"model": [0.8]}), model="model")
    with pytest.raises(UsageError, match="unknown model 'reader1'"):
        readers_minus_model(tidy({"model": [0.8], "reader1": [0.8]}), model="reader1")


def test_place_among_readers_by_hand(tidy):
    """Range and prediction interval of three readers' means .8, .9, 1.0, worked out by hand."""
    scores = tidy({"model": [0.75], "reader1": [0.8], "reader2": [0.9], "reader3": [1.0]})
    row = within_readers(scores, model="model").iloc[0]
    half = 4.302652730 * 0.1 * np.sqrt(4 / 3)  # t(2) at 97.5 %
    assert (row["reader_lowest"], row["reader_highest"]) == (0.8, 1.0)
    assert (row["low"], row["high"]) == pytest.approx((0.9 - half, 0.9 + half))
    assert (row["in_range"], row["in_interval"]) == (False, True)


def test_place_among_readers_needs_readers(tidy):
    """One reader has no spread and says so; no reader is an error."""
    assert "1 reader" in within_readers(tidy({"model": [0.5], "reader1": [0.5]}), model="model").iloc[0]["reason"]
    with pytest.raises(UsageError, match="rater_kind"):
        within_readers(tidy({"model": [0.5]}), model="model")
