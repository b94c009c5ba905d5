"""Lesions of comparable runs: which structures are lesions, the readers' band, figures by protocol, wrong lesions."""

import numpy as np
import pandas as pd
import pytest

from ctbench.metrics.lesions import PROTOCOLS
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.lesion_summaries import (
    can_find_lesions,
    compared_lesions,
    figures_by_protocol,
    lesion_figures,
    lesion_structures,
    reader_band,
    sensitivity_caption,
    volume_caption,
    wrong_lesions,
)
from ctbench.report.frames.lesions import lesion_sensitivity_table


@pytest.fixture(scope="module")
def tables(results, dataset):
    """The lesions of a structure that one case lacks, of both models and the readers."""
    return compared_lesions(results, dataset)


def test_lesions_are_what_some_cases_lack(results):
    """The structure that one case lacks may be lesions; anatomy that is in every case is not."""
    assert lesion_structures(results) == ("septum_pellucidum",)
    assert can_find_lesions(results)


def test_runs_without_predictions_have_no_lesions(bleed_runs):
    """Any hemorrhage stands first, but without predictions there is nothing to score."""
    (results,) = gather(bleed_runs())
    assert lesion_structures(results) == ("hemorrhage", "iph", "sah")
    assert not can_find_lesions(results)


def test_each_rater_stands_on_one_reference(tables):
    """Models are scored on the common reference, readers on the one made without them, cases under every protocol."""
    judged = tables.cases.groupby("rater")["reference"].unique().map(list).to_dict()
    assert judged == {
        "unet": ["majority"],
        "atlas": ["majority"],
        **{name: [f"majority-without-{name}"] for name in ("reader1", "reader2", "reader3")},
    }
    assert set(tables.cases["protocol"]) == set(PROTOCOLS)
    assert set(tables.lesions["protocol"]) == {"any"}


def test_models_without_predictions_here_are_left_out(tmp_path, write_run, scores, dataset):
    """A run without any prediction has not missed every lesion: its label maps are somewhere else."""
    cases = ["case06", "case07"]
    own, drawn = scores[scores["case"].isin(cases)], {case: dataset[case].reader("reader1") for case in cases}
    made = [write_run(tmp_path / "unet", own, "unet", drawn), write_run(tmp_path / "atlas", own, "atlas")]
    (results,) = gather(made)
    assert can_find_lesions(results)
    raters = compared_lesions(results, dataset).cases["rater"]
    assert set(raters) == {"unet", "reader1", "reader2", "reader3"}


def test_band_spans_the_readers(tables):
    """Its ends are the lowest and the highest sensitivity of a reader."""
    pooled = lesion_sensitivity_table(tables.lesions)
    readers = pooled[pooled["rater_kind"].eq("reader") & pooled["size_class"].eq("all")]["sensitivity"]
    band = reader_band(pooled).set_index("size_class").loc["all"]
    assert (band["lowest"], band["highest"], band["readers"]) == (readers.min(), readers.max(), 3)


def test_figures_of_a_rater(tables):
    """Counts are those of the list; the failed case of atlas is lost, and false pieces are over the other cases."""
    found = lesion_figures(tables).set_index("rater")
    own = tables.lesions[tables.lesions["rater"] == "atlas"]["outcome"].value_counts()
    assert found.loc["atlas", "detected"] == own.get("detected", 0)
    assert found.loc["atlas", "lost"] == 1
    assert found.loc["atlas", "false_per_case"] == pytest.approx(own.get("false_positive", 0) / 11)
    assert found.loc["unet", "lost"] == 0


def test_means_by_protocol_are_over_cases_with_a_lesion(tables):
    """A lost case counts with 0 as F1, and has no false volume, in which it would be the best."""
    rows = figures_by_protocol(tables.cases)
    held = tables.cases[tables.cases["rater"].eq("atlas") & (tables.cases["lesions"] > 0)]
    by_name = rows[rows["rater"] == "atlas"].set_index("protocol")
    expected = held[held["protocol"] == "pq"]["pq"]
    assert by_name.loc["pq", "value"] == pytest.approx(expected.mean())
    assert by_name.loc["pq", "n"] == len(expected)
    assert by_name.loc["autopet", "n"] == len(expected) - 1


def test_the_largest_wrong_lesion_comes_first():
    """Detected and ignored lesions are left out."""
    lesions = pd.DataFrame(
        {
            "case": list("abcde"),
            "rater": "m",
            "label": "iph",
            "outcome": ["missed", "detected", "false_positive", "ignored", "missed"],
            "volume_ml": [1.0, 9.0, 3.0, 8.0, 2.0],
            "nearest_mm": np.nan,
            "slice": 0,
            "lesion": 1,
        }
    )
    found = wrong_lesions(lesions)
    assert found["case"].tolist() == ["c", "e", "a"]
    assert found["outcome"].tolist() == ["false alarm", "missed", "missed"]
    assert found.columns.tolist() == ["case", "rater", "label", "outcome", "volume_ml", "nearest_mm", "slice"]


def test_captions_say_protocol_sizes_cases_and_n(tables, results):
    """The reader of a figure learns how a lesion was found, what sizes mean, in which cases, and how many there are."""
    pooled = lesion_sensitivity_table(tables.lesions)
    whole = pooled[pooled["size_class"].eq("all") & pooled["reference"].eq(results.common)].iloc[0]
    sized = sensitivity_caption(pooled, results)
    for words in (
        "Protocol any: at least one voxel of the lesion is predicted; in all 12 cases.",
        "large > 25 mL, medium from 5 mL, small from .01 mL, punctate below",
        f"n = {whole['lesions']} lesions of majority (",
        f") in {whole['patients']} patients.",
    ):
        assert words in sized
    single = volume_caption(tables.lesions, results)
    assert f"n = {whole['lesions']} lesions of majority for each model" in single
    assert "Protocol any" in single
    assert "n = 0 lesions" in sensitivity_caption(pooled.iloc[:0], results)
