"""Summaries of repeated readings: the phantom's planted components are recovered, and small tables by hand."""

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement.opening import opening_sentences
from ctbench.agreement.repeat_summaries import (
    aided_effect,
    components,
    intra_and_inter,
    reader_borders,
    volume_limits,
)
from ctbench.agreement.repeats import SAME_READER, ReadingStudy, study_readings
from ctbench.datasets import load_dataset
from ctbench.phantom import PlantedStudy, build_repeats
from ctbench.statistics import bland_altman, limits_with_mean, replicate_bland_altman

YAML = """
repeats:
  title: made up
  modality: CT
  task: segmentation
  labels: {iph: 1}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{condition}/{session}/{case}.nii.gz
  conditions: [unaided, aided]
  readings: readings.csv
  cases: cases.csv
  surface: 2d
"""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """The study of six simulated cases, and what was planted in it."""
    folder = tmp_path_factory.mktemp("repeats")
    planted = PlantedStudy()
    build_repeats(folder, cases=6, planted=planted, jobs=1)
    (folder / "repeats.yaml").write_text(YAML)
    return study_readings(load_dataset(folder / "repeats.yaml"), jobs=1), planted


def test_the_planted_components_lie_within_their_intervals(phantom):
    """Readers' biases, the spread between sessions and the time saved are recovered from the masks and the table."""
    study, planted = phantom
    (row,) = components(study).query("quantity == 'border_offset_mm'").to_dict("records")
    assert row["session_sd_low"] < planted.session_sd_mm < row["session_sd_high"]
    assert row["session_sd_high"] < row["reader_sd"]
    borders = reader_borders(study).query("condition == 'unaided'").set_index("reader")
    for reader, bias_mm in planted.bias_mm.items():
        assert borders.loc[reader, "low"] < bias_mm < borders.loc[reader, "high"]
    assert (borders["low"].loc["reader3"] > 0) & (borders["high"].loc["reader1"] < 0)
    (time,) = aided_effect(study).query("metric == 'seconds'").to_dict("records")
    assert time["saved_low"] < 1 - planted.aided_time < time["saved_high"]


def test_a_reader_agrees_with_himself_more_than_with_others_and_aid_brings_them_together(phantom):
    """The order of the four means is that of the planted sizes."""
    study, _ = phantom
    dice = intra_and_inter(study).query("metric == 'dice'").set_index(["condition", "kind"])["mean"]
    assert dice["unaided", SAME_READER] > dice["unaided", "different readers"]
    assert dice["aided", "different readers"] > dice["unaided", "different readers"]
    effect = aided_effect(study).query("metric == 'dice'").iloc[0]
    assert (effect["low"] > 0, effect["better_readers"]) == (True, 3)


def test_each_reader_has_a_spread_of_the_border_where_references_are_made(phantom):
    """The planted wander of the border is seen in the spread, which aided readings do not have."""
    study, planted = phantom
    spreads = reader_borders(study).set_index("condition")["spread_mm"]
    assert spreads["unaided"].between(planted.wander_mm / 2, 3 * planted.wander_mm).all()
    assert spreads["aided"].isna().all()


def test_the_sentence_holds_the_numbers_of_the_tables(phantom):
    """The first line of the page has the range of pairs, the repeats, the ICC, the borders, and the time saved."""
    study, _ = phantom
    text = opening_sentences(readings=study)["iph"]
    assert text.startswith("iph: ")
    dice = intra_and_inter(study).query("metric == 'dice' and condition == 'unaided'").set_index("kind")
    assert f"the same reader twice {dice.loc[SAME_READER, 'mean']:.2f}" in text
    parts = ("pairwise Dice", "the same reader", "ICC of volume over sessions", "mm apart (SD)", "aided Dice")
    places = [text.index(part) for part in (*parts, "% of the time saved")]
    assert places == sorted(places)


def test_the_drift_of_the_phantom_has_an_interval_that_holds_none(phantom):
    """None was planted, and of six intervals about 95 % hold it."""
    study, _ = phantom
    drift = reader_borders(study)
    assert ((drift["drift_mm_low"] < drift["drift_mm"]) & (drift["drift_mm"] < drift["drift_mm_high"])).all()
    assert ((drift["drift_mm_low"] < 0) & (drift["drift_mm_high"] > 0)).sum() >= 5


def _study(readings, conditions=("unaided", "aided"), patients=None):
    columns = ["case", "reader", "session", "condition", "seconds", "order", "label", "metric", "value"]
    frame = pd.DataFrame(readings, columns=columns).astype({"order": "Int64"})
    pairs = pd.DataFrame(columns=["case", "label", "condition", "kind", "reader", "other", "metric", "value"])
    return ReadingStudy("unaided", conditions, frame, pairs, patients or {})


def _volumes(table, patients=None):
    """Make a study of volumes: (case, session) -> the volumes of the readers a and b."""
    rows = [
        (case, reader, session, "unaided", np.nan, pd.NA, "iph", "volume_ml", value)
        for (case, session), own in table.items()
        for reader, value in zip("ab", own, strict=True)
    ]
    return _study(rows, ("unaided",), patients)


def test_limits_of_single_volumes_are_those_of_bland_and_altman():
    """Each case was read once by both readers, and each patient has one case."""
    (row,) = volume_limits(_volumes({("c1", "1"): (1, 2), ("c2", "1"): (5, 4), ("c3", "1"): (2, 4)})).to_dict("records")
    found = bland_altman([1, 5, 2], [2, 4, 4])
    assert (row["form"], row["reader"], row["other"], row["n"]) == ("single", "a", "b", 3)
    assert (row["bias_ml"], row["lower_ml"], row["upper_ml"]) == (found.bias, found.lower, found.upper)


def test_sessions_and_scans_of_a_patient_have_the_replicate_forms():
    """Sessions measure one volume, scans different ones; where there are both, both forms are shown."""
    table = {
        ("c1", "1"): (1, 2),
        ("c1", "2"): (1.5, 2),
        ("c2", "1"): (5, 4),
        ("c2", "2"): (5.5, 5),
        ("c3", "1"): (2, 4),
    }
    rows = volume_limits(_volumes(table, {"c1": "p", "c2": "p", "c3": "q"})).set_index("form")
    names = ["c1", "c1", "c2", "c2", "c3"]
    one, other = (list(column) for column in zip(*table.values(), strict=True))
    constant = replicate_bland_altman(names, one, other, true_value="constant")
    varies = replicate_bland_altman(["p", "p", "q"], [1, 5, 2], [2, 4, 4], true_value="varies")
    for form, found in (("constant", constant), ("varies", varies)):
        assert rows.loc[form, ["n", "pairs", "sd_ml"]].tolist() == [found.n, found.pairs, found.sd]


def test_aided_readings_are_paired_by_reader_and_case():
    """A reader without an aided reading of a case has no part in it; volumes are compared by their size."""
    rows = [
        ("c1", "a", "1", "unaided", 100.0, 1, "iph", "volume_difference_ml", -3.0),
        ("c1", "a", "1", "aided", 50.0, 2, "iph", "volume_difference_ml", 1.0),
        ("c2", "a", "1", "unaided", 100.0, 3, "iph", "volume_difference_ml", 2.0),
        ("c2", "a", "1", "aided", 25.0, 4, "iph", "volume_difference_ml", -2.0),
        ("c2", "b", "1", "unaided", 900.0, 1, "iph", "volume_difference_ml", 9.0),
    ]
    found = aided_effect(_study(rows)).set_index("metric")
    volume, time = found.loc["volume_difference_absolute_ml"], found.loc["seconds"]
    assert (volume["unaided"], volume["aided"], volume["difference"], volume["n"]) == (2.5, 1.5, -1.0, 2)
    assert (time["difference"], time["readers"], time["better_readers"]) == (-62.5, 1, 1)
    assert time["saved_share"] == pytest.approx(1 - np.sqrt(0.5 * 0.25))


def test_drift_is_the_change_per_reading():
    """Offsets that grow by .1 mm from reading to reading have that drift; sessions of a case have a spread."""
    rows = [
        (case, "a", session, "unaided", np.nan, order, "iph", "border_offset_mm", 0.1 * order)
        for order, (case, session) in enumerate([("c1", "1"), ("c2", "1"), ("c1", "2"), ("c2", "2")], start=1)
    ]
    (row,) = reader_borders(_study(rows)).to_dict("records")
    assert row["drift_mm"] == pytest.approx(0.1)
    assert np.isnan(row["drift_mm_low"])  # two cases are too few
    assert row["session_sd_mm"] == pytest.approx(0.2 / np.sqrt(2))
    assert row["bias_mm"] == pytest.approx(0.25)


def test_without_sessions_only_the_limits_of_all_readers_are_known():
    """They are those around the mean; the reason is in the row, and the sentence leaves the numbers out."""
    volumes = {"c1": (1.0, 2.0), "c2": (5.0, 4.0), "c3": (2.0, 2.5)}
    rows = [
        (case, reader, "", "unaided", np.nan, pd.NA, "iph", "volume_ml", value)
        for case, own in volumes.items()
        for reader, value in zip("ab", own, strict=True)
    ]
    study = _study(rows, ("unaided",))
    row = components(study).iloc[0]
    assert row["reproducibility"] == limits_with_mean(list(volumes.values())).value
    assert np.isnan(row["session_sd"])
    assert row["reason"] == "each reader has one session"
    assert opening_sentences(readings=study) == {"iph": "iph: no two readings can be compared."}
