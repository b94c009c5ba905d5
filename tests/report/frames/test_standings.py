import shutil
from dataclasses import replace

import pandas as pd
import pytest

from ctbench.boards import open_board
from ctbench.report.frames import comparable_runs as comparable_runs_module
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.contestants import contestants, structure_rows
from ctbench.report.frames.rankings import ranking_table
from ctbench.report.frames.standings import STANDING_COLUMNS, standings
from ctbench.report.frames.structure_means import structure_means
from ctbench.report.frames.summaries import summary
from ctbench.statistics import OVERALL

DESCRIBED = ["n", "mean", "sd", "median", "low", "high", "undefined", "penalised", "failed"]


@pytest.fixture(scope="module")
def field(runs, tmp_path_factory):
    """The made-up comparison as a board shows it; the manifest of atlas tells what it does not claim to know."""
    folder = tmp_path_factory.mktemp("board") / "runs"
    shutil.copytree(runs[0].folder.parent, folder)
    (atlas,) = (run for run in runs if run.manifest.rater == "atlas")
    told = atlas.manifest.model_copy(update={"unsupported": ("insular_cortex",)})
    (folder / atlas.folder.name / "run.json").write_text(told.to_json(), encoding="utf-8")
    (found,) = comparable_runs(open_board(folder), "toy")
    return found


def grids_of(field, reference, metric="dice"):
    """What a page reads."""
    return field.grids(metric, reference)


def standing(field, over, reference, metric="dice", **more):
    """The table, by rater."""
    table = standings(field, grids_of(field, reference, metric), over, metric, reference, **more)
    assert tuple(table.columns) == STANDING_COLUMNS
    return table.set_index("rater")


def test_intervals_of_means_know_patients(results):
    """Ranking, summary, table of structures and CSV have the same interval, another one than over scans."""
    pairs = {case: f"p{number // 2}" for number, case in enumerate(results.cases)}
    known = replace(results, patients=pairs)
    for over, models in known.scopes.items():
        ranked = standings(known, grids_of(known, known.fair), over, "dice", known.fair, patients=pairs)
        told = summary(known, over, models, reference=known.fair, metrics=["dice"]).set_index("rater")
        before = summary(results, over, models, reference=known.fair, metrics=["dice"]).set_index("rater")
        judged = ranked[ranked["rater"].isin([tables.ALL_READERS, *models])]
        for row in judged.to_dict("records"):
            assert [row["low"], row["high"]] == pytest.approx(told.loc[row["rater"], ["low", "high"]].tolist())
            assert row["mean"] == before.loc[row["rater"], "mean"]
            assert row["low"] != before.loc[row["rater"], "low"]
    means = structure_means(known, known.structures, known.models, "dice").set_index(["label", "rater"])
    plain = structure_means(results, known.structures, known.models, "dice").set_index(["label", "rater"])
    assert (means["low"] != plain["low"]).any()
    pd.testing.assert_series_equal(means["mean"], plain["mean"])


@pytest.mark.parametrize("metric", ["dice", "hd95", "volume_difference_absolute_ml"])
@pytest.mark.parametrize("reference", ["leave-one-out", "majority"])
def test_board_and_report_cannot_disagree(field, results, metric, reference):
    """Means, intervals and counts are those of the report's summary, for every scope, rater, metric and reference."""
    for over, models in results.scopes.items():
        expected = summary(results, over, models, reference=reference, metrics=[metric])
        expected = expected.set_index("rater")[DESCRIBED].astype(float)
        shown = standing(field, over, reference, metric).loc[expected.index, DESCRIBED].astype(float)
        pd.testing.assert_frame_equal(shown, expected, check_names=False, check_index_type=False)


def test_ranks_are_those_of_the_report(field, results):
    """Rank, interval and ties, of the overall mean and of a structure."""
    asked = [(models, over) for over, models in results.scopes.items()] + [(results.models, ("caudate",))]
    for models, over in asked:
        ranked = ranking_table(results, models, over).set_index("rater")
        expected = ranked[ranked["label"] == OVERALL]
        shown = standing(field, over, "leave-one-out").loc[expected.index]
        for name in ("rank", "rank_low", "rank_high", "tied_with_first"):
            assert shown[name].tolist() == expected[name].tolist()


def test_why_somebody_has_no_rank_is_said(field):
    """Another scope, a structure that a model does not claim, a reader, a metric that is good neither way."""
    whole = standing(field, field.labels, "leave-one-out")
    assert whole.loc["atlas", "reason"].startswith("its overall mean goes over brainstem_cerebrum, ")
    assert whole.loc["reader1", "reason"] == "stands on a reference of its own"
    assert whole.loc["unet", "reason"] == ""
    alone = standing(field, ("insular_cortex",), "majority")
    assert alone.loc["atlas", "reason"] == "does not claim to know this structure"
    assert alone.loc["reader1", "reason"] == "helped to make this reference"
    neither = standing(field, ("caudate",), "majority", "volume_ml")
    assert neither.loc["unet", "reason"] == "Volume has no better direction"
    assert neither["rank"].isna().all()
    assert pd.isna(alone.loc["atlas", "mean"])


def test_the_mean_that_is_shown_is_the_mean_that_is_ranked(field):
    """With a failed case and one whose references hold nothing: mean and n are those of the ranking, 11 for all."""
    grids = grids_of(field, "leave-one-out")
    shown = standing(field, ("septum_pellucidum",), "leave-one-out")
    rows = contestants(
        grids, [tables.ALL_READERS, "unet", "atlas"], ("septum_pellucidum",), "dice", name_of=field.name_of
    )
    for rater, own in rows.groupby("rater", observed=True):
        assert shown.loc[rater, "mean"] == pytest.approx(own["value"].mean())
        assert shown.loc[rater, "n"] == own["value"].notna().sum() == 11


def test_misses_and_false_alarms_stand_beside_the_mean(field):
    """Unet misses the septum of one of 11 cases; atlas draws 3 mL in the only case without one, and loses a case."""
    shown = standing(field, ("septum_pellucidum",), "leave-one-out")
    columns = ["positives", "misses", "negatives", "false_alarms", "failed", "specificity", "false_ml"]
    assert shown.loc["unet", columns].tolist() == [11, 1, 1, 0, 0, 1.0, 0.0]
    assert shown.loc["atlas", columns].tolist() == [11, 0, 1, 1, 1, 0.0, 3.0]
    assert shown.loc["all readers", columns[:4]].tolist() == [33, 0, 3, 0]


def test_a_subgroup_counts_its_cases_only(field):
    """The cases of a subgroup, as if there were no others."""
    cases = ["case01", "case04", "case09"]
    shown = standing(field, ("caudate",), "majority", cases=cases)
    rows = field.scores_on("dice", "majority", ["unet"])
    own = rows[rows["case"].isin(cases) & (rows["label"] == "caudate")]
    assert shown.loc["unet", "n"] == 3
    assert shown.loc["unet", "mean"] == pytest.approx(own["value"].mean())


def test_cards_stand_beside_the_scores(field):
    """Version, seconds, training overlap and digest of each model."""
    shown = standing(field, ("caudate",), "majority")
    assert shown.loc["unet", ["version", "seconds", "trained_here"]].tolist() == ["1.0", 1.5, False]
    assert shown.loc["atlas", "trained_here"]
    assert shown.loc["atlas", "run"] == field.run_of("atlas")


def test_a_reader_and_a_model_meet_on_the_reader_s_reference(field):
    """A single reader restricts the comparison to the reference that this reader had no part in."""
    rows = contestants(
        grids_of(field, "leave-one-out"), ["reader2", "unet"], ("caudate",), "dice", name_of=field.name_of
    )
    scores = field.scores_on("dice", "leave-one-out", ["reader2", "unet"])
    own = scores[(scores["reference"] == "majority-without-reader2") & (scores["label"] == "caudate")]
    for rater in ("reader2", "unet"):
        expected = own[own["rater"] == rater].set_index("case")["value"].sort_index()
        found = rows[rows["rater"] == rater].set_index("case")["value"].sort_index()
        assert found.tolist() == expected.tolist()


def test_two_readers_share_no_reference(field):
    """Without each of them there is another reference; on the common one they meet."""
    assert contestants(
        grids_of(field, "leave-one-out"), ["reader1", "reader2"], ("caudate",), "dice", name_of=field.name_of
    ).empty
    rows = contestants(grids_of(field, "majority"), ["reader1", "reader2"], ("caudate",), "dice", name_of=field.name_of)
    assert rows["value"].notna().sum() == 24


def test_patients_stand_beside_their_cases(field):
    """Two scans of one patient are drawn together when ranks are resampled."""
    grids = grids_of(field, "majority")
    rows = contestants(
        grids, ["unet", "atlas"], ("caudate",), "dice", patients={"case01": "p", "case02": "p"}, name_of=field.name_of
    )
    assert rows.groupby("patient", observed=True)["case"].nunique().to_dict()["p"] == 2
    by_label = structure_rows(grids, ["unet", "atlas"], ("caudate", "ventricles"), "dice", name_of=field.name_of)
    assert by_label["label"].unique().tolist() == ["caudate", "ventricles"]


def test_a_model_that_saw_phantoms_only_has_no_rank(with_demo_atlas):
    """It stands in the table with the reason; the others are ranked as if it were not there."""
    found = with_demo_atlas
    assert found.demo_models == {"atlas"}
    assert all("atlas" not in models for models in found.ranked_scopes.values())
    table = standing(found, ("caudate",), "leave-one-out")
    assert pd.isna(table.loc["atlas", "rank"])
    assert table.loc["atlas", "reason"].startswith("learnt on simulated heads alone")
    assert table.loc["unet", "rank"] in {1, 2}


@pytest.mark.parametrize("metric", ["dice", "hd95", "volume_difference_ml", "reference_volume_ml"])
@pytest.mark.parametrize("reference", ["majority", tables.LEAVE_ONE_OUT])
def test_a_board_that_is_read_in_parts_has_the_same_ranking(field, reference, metric, monkeypatch):
    """Structure by structure, of a subgroup too."""
    over, some = field.chief_scope, field.cases[:7]
    whole = [standing(field, over, reference, metric, cases=cases) for cases in (None, some)]
    monkeypatch.setattr(comparable_runs_module, "_WHOLE", 0)
    parts = replace(field)
    found = [standing(parts, over, reference, metric, cases=cases) for cases in (None, some)]
    for one, other in zip(found, whole, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert {label for _, _, label, _ in parts._kept} - {None} >= set(over)
