"""The page ranking: order, filters, columns, and who has no rank."""

from dataclasses import replace
from html import escape

import pytest

from ctbench.boards import Record, open_board, verify_board
from ctbench.datasets import load_dataset
from ctbench.files import sha256
from ctbench.report.frames.comparable_runs import comparable_runs, gather
from ctbench.report.frames.standings import standings
from ctbench.report.frames.summaries import summary
from ctbench.report.frames.verdict import verdicts
from ctbench.runs import Execution
from leaderboard.selection import Selection
from leaderboard.views import ranking
from leaderboard.views.ranking import _USUAL


def table_of(test):
    """The table of the page."""
    return test.dataframe[0].value


def control(test, label):
    """A control by its label."""
    found = [*test.selectbox, *test.multiselect, *test.toggle, *test.text_input]
    return next(one for one in found if one.label == label)


def test_the_table_is_the_reports(app, toy_board, toy_runs):
    """Means and counts are those of the report's summary; the columns stand in their order."""
    table = table_of(app(toy_board))
    shown = table.set_index("rater")
    (results,) = gather(toy_runs.values())
    expected = summary(results, results.labels, results.models, reference="leave-one-out", metrics=["dice"])
    for row in expected.to_dict("records"):
        for name in (
            "mean",
            "low",
            "high",
            "median",
            "n",
            "undefined",
            "failed",
            "misses",
            "false_alarms",
            "specificity",
        ):
            assert shown.loc[row["rater"], name] == pytest.approx(row[name], nan_ok=True)
    assert shown.loc["blunt", "failed"] == 1
    assert shown.loc["blunt", "trained_here"]
    assert tuple(table.columns) == tuple(name for name in _USUAL if name in table)
    said = table.notna() & (table.astype(object) != "")
    assert said.any().all()


def test_controls_choose_what_is_ranked(app, toy_board):
    """Structure, metric and reference: the table is that of the standings."""
    test = app(toy_board, structure="ivh", metric="HD95", reference="majority")
    (field,) = comparable_runs(open_board(toy_board), "toy")
    expected = standings(field, [field.grid("hd95", "majority")], ("ivh",), "hd95", "majority")
    shown = table_of(test)
    assert shown["rater"].tolist() == expected["rater"].tolist()
    assert shown["mean"].tolist() == pytest.approx(expected["mean"].tolist(), nan_ok=True)
    assert set(shown.loc[shown["rater_kind"] == "reader", "reason"]) == {"helped to make this reference"}


@pytest.fixture
def verified(toy, toy_board, tmp_path):
    """The record of an owner who verified the readers and one of the models."""
    dataset = load_dataset(toy)
    record, _ = verify_board(toy_board, Record(), lambda name: dataset, execution=Execution(jobs=1, cached=False))
    kept = {digest: said for digest, said in record.runs.items() if said.rater != "blunt"}
    Record(runs=kept).write(tmp_path / "record.json")
    return tmp_path / "record.json"


def test_the_page_says_what_the_owner_verified(app, toy_board, verified):
    """In a column; without a record all models are as they were submitted, and there is nothing to choose."""
    shown = table_of(app(toy_board, record=verified)).set_index("rater")["checked"]
    assert (shown["sharp"], shown["blunt"]) == ("verified by the owner", "as submitted")
    test = app(toy_board)
    shown = table_of(test).set_index("rater")["checked"]
    assert (shown["sharp"], shown["blunt"]) == ("as submitted", "as submitted")
    assert "Verified runs only" not in [one.label for one in test.toggle]


def test_ranks_can_be_limited_to_verified_runs(app, toy_board, verified):
    """By the control, or by a link."""
    test = app(toy_board, record=verified)
    assert "blunt" in set(table_of(test)["rater"])
    control(test, "Verified runs only").set_value(True).run()
    assert "blunt" not in set(table_of(test)["rater"])
    linked = table_of(app(toy_board, record=verified, verified="true"))
    assert {"sharp", "ann"} <= set(linked["rater"])
    assert "blunt" not in set(linked["rater"])


def test_a_link_and_clicks_show_the_same(app, toy_board):
    """What is chosen by hand is what an address with the same choices shows."""
    test = app(toy_board)
    control(test, "Reference").set_value("majority").run()
    control(test, "Find a rater").set_value("SHARP").run()
    assert table_of(test)["rater"].tolist() == ["sharp"]
    assert table_of(app(toy_board, reference="majority", find="SHARP")).equals(table_of(test))


def test_columns_and_order(app, toy_board):
    """Only the columns that were asked for, in the order that was asked for."""
    test = app(toy_board, sort="n", down="true")
    counts = table_of(test)["n"].dropna().tolist()
    assert counts == sorted(counts, reverse=True)
    control(test, "Columns").set_value(["rater", "mean"]).run()
    assert list(table_of(test).columns) == ["rater", "mean"]


def test_subgroups_come_from_the_dataset(app, toy_board):
    """Cases of one age group only; without the dataset there are none to choose from."""
    test = app(toy_board, cases="age group: young")
    assert table_of(test).set_index("rater").loc["sharp", "n"] == 2
    assert control(test, "Cases").options == ["all cases", "age group: old", "age group: young"]


def test_complete_cases_only(app, toy_board):
    """Everybody that is ranked counts the same cases."""
    shown = table_of(app(toy_board, complete="true"))
    ranked = shown[shown["rank"].notna()]
    assert ranked["n"].nunique() == 1
    assert len(ranked) == 3


def test_what_is_shown_is_what_is_taken_away(app, toy_board):
    """The CSV has the rows and columns of the table; there is a Parquet file too."""
    test = app(toy_board, find="sharp")
    names = [button.label for button in test.get("download_button")]
    assert names[:2] == ["CSV", "Parquet"]


def test_published_rows_are_marked_and_never_ranked(app, toy_runs, tmp_path):
    """A run on a dataset of a paper stands beside what the paper printed."""
    folder = tmp_path / "runs" / "sharp"
    run = toy_runs["sharp"]
    folder.mkdir(parents=True)
    scores = run.scores.assign(dataset="cai2020", label=run.scores["label"].replace("iph", "caudate"))
    scores[scores["label"] == "caudate"].to_parquet(folder / "scores.parquet", index=False)
    changes = {"dataset": "cai2020", "labels": {"caudate": 1}, "groups": {}}
    told = run.manifest.model_copy(update={**changes, "scores_digest": sha256(folder / "scores.parquet")})
    (folder / "run.json").write_text(told.to_json(), encoding="utf-8")
    shown = table_of(app(tmp_path / "runs", reference="majority"))
    printed = shown[shown["rater_kind"] == "published"]
    assert len(printed)
    assert printed["rank"].isna().all()
    assert printed["reason"].str.endswith("never ranked").all()
    assert shown.loc[shown["rater"] == "sharp", "rank"].tolist() == [1]


def test_my_model_is_placed_in_words(app, toy_board, toy_runs):
    """By the address: in the report's words where it has this view, else by rank, interval, and of how many."""
    test = app(toy_board, mine="sharp")
    (results,) = gather(toy_runs.values())
    judged = verdicts(results).set_index("rater")
    words = "\n".join(one.proto.body for one in test.html)
    assert escape(judged.loc["sharp", "sentence"]) in words
    test = app(toy_board, mine="sharp", metric="HD95")
    row = table_of(test).set_index("rater").loc["sharp"]
    words = "\n".join(one.proto.body for one in test.html)
    assert f"sharp: rank {row['rank']:.0f} of 3 ({row['rank_low']:.0f} to {row['rank_high']:.0f})." in words


def test_the_verdict_knows_the_patients(app, toy_board, toy_runs, monkeypatch):
    """Where the cases are scans of one patient, the sentence is that of a report that knows it: nothing is tested."""
    (results,) = gather(toy_runs.values())
    patients = dict.fromkeys(results.cases, "p1")
    monkeypatch.setattr(Selection, "patients", lambda _: patients)
    known = verdicts(replace(results, patients=patients), models=["sharp"]).set_index("rater")["sentence"]
    ranking._verdict.clear()  # other tests open the same board
    words = "\n".join(one.proto.body for one in app(toy_board, mine="sharp").html)
    ranking._verdict.clear()
    assert "ahead of" not in known["sharp"]
    assert escape(known["sharp"]) in words


def test_empty_columns_are_left_out_until_they_are_wanted(app, toy_runs):
    """Runs that were not submitted have no date; chosen by hand, the column is there."""
    folder = toy_runs["sharp"].folder.parent
    test = app(folder)
    assert "date" not in table_of(test)
    assert "date" in control(test, "Columns").value
    control(test, "Columns").set_value(["rater", "date"]).run()
    assert list(table_of(test)) == ["rater", "date"]


def test_the_figure_turns_its_pages(app, toy_board, monkeypatch):
    """No rater is left out of the figure for good."""
    monkeypatch.setattr(ranking, "_DRAWN", 2)
    test = app(toy_board)
    pages = control(test, "Raters in the figure")
    assert pages.options == ["1 to 2", "3 to 4", "5 to 6"]
    pages.set_value(4).run()
    assert any("5 to 6 of 6 raters." in one.proto.body for one in test.html)
