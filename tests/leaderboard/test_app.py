"""What holds for all pages: empty, broken and hostile boards, links, and rules of the house."""

import json
import shutil
import sys
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import streamlit as st

from ctbench.boards import submit
from ctbench.files import sha256
from ctbench.report.frames.standings import standings
from ctbench.runs import open_run
from leaderboard import selection
from leaderboard.app import PAGES, prepare
from leaderboard.selection import ASKED

HOSTILE = [
    '=HYPERLINK("http://example.org","x")',
    "<img src=x onerror=alert(1)>",
    "**bold** [x](http://x) :smile: $x^2$",
    "n" * 500,
    "🧠\u202egnp",
]


def words_of(test):
    """All HTML that the page put out."""
    return "\n".join(one.proto.body for one in test.html)


@pytest.fixture(scope="module")
def hostile_board(toy_runs, tmp_path_factory):
    """The toy board with models of hostile names; their scores are those of the good model."""
    folder = tmp_path_factory.mktemp("hostile")
    for one in toy_runs.values():
        submit(one, folder / "board")
    sharp = toy_runs["sharp"]
    for at, name in enumerate(HOSTILE):
        run = folder / f"hostile{at}"
        shutil.copytree(sharp.folder, run)
        sharp.scores.assign(rater=name).to_parquet(run / "scores.parquet", index=False)
        used = sharp.manifest.predictor
        card = used.model_copy(update={"info": replace(used.info, name=name, description=name, paper=name)})
        digest = sha256(run / "scores.parquet")
        changes = {"rater": name, "predictor": card, "scores_digest": digest}
        manifest = sharp.manifest.model_copy(update=changes)
        (run / "run.json").write_text(manifest.to_json(), encoding="utf-8")
        submit(open_run(run), folder / "board")
    return folder / "board"


@pytest.mark.parametrize("page", [page.url for page in PAGES])
def test_an_empty_board_says_what_to_do(app, tmp_path, page):
    """No page breaks; those that need runs say how to make some."""
    test = app(tmp_path / "nothing", page)
    assert not test.error
    asks = next(one.asks for one in PAGES if one.url == page)
    assert ("holds no runs" in words_of(test)) == bool(asks)
    if asks:
        assert "ctbench submit" in test.code[0].value


def test_the_first_page_is_prepared_once(toy, toy_board, tmp_path, monkeypatch):
    """What was computed for nobody is kept; a board that cannot be read is left for the pages to say."""
    st.cache_resource.clear()  # another test of this process may have drawn the page
    calls = []
    monkeypatch.setattr(selection, "standings", lambda *given, **more: calls.append(given) or standings(*given, **more))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "index.parquet").write_bytes(b"no table")
    for board in (toy_board, toy_board, broken):
        monkeypatch.setattr(sys, "argv", ["app.py", str(board), f"--catalog={toy}"])
        prepare()
        assert len(calls) == 1


@pytest.mark.parametrize("page", [page.url for page in PAGES])
def test_hostile_names_are_text(app, hostile_board, page):
    """No name becomes an element, markdown or a formula, whichever page shows it."""
    test = app(hostile_board, page)
    assert not test.error
    assert "<img" not in words_of(test)
    assert not [one for one in test.markdown if any(name in one.value for name in HOSTILE)]


def test_hostile_names_can_be_chosen(app, hostile_board):
    """Each is an option, and its card shows it letter by letter."""
    for name in HOSTILE:
        test = app(hostile_board, "methods", method=name)
        method = next(box for box in test.selectbox if box.label == "Method")
        assert method.value == name
        escaped = name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        assert f"<dd>{escaped}</dd>" in words_of(test)


def test_broken_runs_are_listed_and_break_nothing(app, toy_runs, tmp_path):
    """Ranking and About name them with the reason; the others are ranked."""
    for one in toy_runs.values():
        submit(one, tmp_path / "board")
    broken = tmp_path / "board" / "runs" / "broken"
    broken.mkdir()
    (broken / "run.json").write_text(json.dumps({"schema_version": 99}))
    (tmp_path / "board" / "index.parquet").unlink()
    submit(toy_runs["sharp"], tmp_path / "board")
    ranking = app(tmp_path / "board")
    assert any("problem" in table.value.columns for table in ranking.dataframe)
    assert "sharp" in ranking.dataframe[0].value["rater"].tolist()
    about = app(tmp_path / "board", "about")
    assert "expected schema version" in about.dataframe[-1].value["problem"].iloc[0]


def test_a_board_of_broken_runs_only_says_so(app, tmp_path):
    """In a sentence, without a traceback."""
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "run.json").write_text("{}")
    test = app(tmp_path / "runs")
    assert "no run of this board can be shown" in test.error[0].value


def test_runs_of_other_rules_are_looked_at_apart(app, toy_runs, tmp_path):
    """The rules of most runs come first; the others are named with the reason, and can be chosen."""
    for name, run in toy_runs.items():
        shutil.copytree(run.folder, tmp_path / "runs" / name)
    shutil.copytree(toy_runs["sharp"].folder, tmp_path / "runs" / "wide")
    scores = toy_runs["sharp"].scores.assign(rater="wide")
    scores.to_parquet(tmp_path / "runs" / "wide" / "scores.parquet", index=False)
    digest = sha256(tmp_path / "runs" / "wide" / "scores.parquet")
    changes = {"tolerance_mm": 2.0, "rater": "wide", "scores_digest": digest}
    told = toy_runs["sharp"].manifest.model_copy(update=changes)
    (tmp_path / "runs" / "wide" / "run.json").write_text(told.to_json(), encoding="utf-8")
    test = app(tmp_path / "runs")
    assert "wide" not in test.dataframe[0].value["rater"].tolist()
    refused = next(table.value for table in test.dataframe if table.value.columns[0] == "run")
    assert refused[["rater", "reason"]].to_numpy().tolist() == [["wide", "scored by other rules: tolerance_mm"]]
    rules = next(box for box in test.selectbox if box.label == "Scored by")
    other = app(tmp_path / "runs", rules=rules.options[1])
    assert other.dataframe[0].value["rater"].tolist() == ["wide"]


def test_a_task_narrows_the_datasets(app, toy_runs, tmp_path):
    """Asked for only where the board has several; a dataset that no catalogue knows states none."""
    sharp = toy_runs["sharp"]
    shutil.copytree(sharp.folder, tmp_path / "runs" / "toy")
    shutil.copytree(sharp.folder, tmp_path / "runs" / "other")
    sharp.scores.assign(dataset="nobodys").to_parquet(tmp_path / "runs" / "other" / "scores.parquet", index=False)
    digest = sha256(tmp_path / "runs" / "other" / "scores.parquet")
    told = sharp.manifest.model_copy(update={"dataset": "nobodys", "scores_digest": digest})
    (tmp_path / "runs" / "other" / "run.json").write_text(told.to_json(), encoding="utf-8")
    boxes = {box.label: box for box in app(tmp_path / "runs", task="segmentation").selectbox}
    assert boxes["Task"].options == ["any task", "segmentation", "task not stated"]
    assert boxes["Dataset"].options == ["toy"]
    assert "Task" not in {box.label for box in app(tmp_path / "runs" / "toy").selectbox}


def test_an_option_that_is_none_is_dropped(app, toy_board):
    """An address with nonsense in it shows the default."""
    test = app(toy_board, dataset="../../etc/passwd", metric="<b>", structure="?", rules="x")
    assert not test.error
    assert next(box for box in test.selectbox if box.label == "Metric").value == "dice"


def test_a_folder_of_runs_is_a_board(app, toy_runs):
    """What `ctbench demo` leaves can be looked at without handing anything in."""
    test = app(toy_runs["sharp"].folder.parent)
    assert set(test.dataframe[0].value["rater"]) >= {"sharp", "blunt", "all readers"}


def test_pages_ask_for_what_there_is():
    """Shared controls have one spelling, addresses are unique, the first page is the default."""
    assert len({page.url for page in PAGES}) == len(PAGES)
    assert PAGES[0].url == ""
    for page in PAGES:
        assert set(page.asks) <= set(ASKED)
        assert not page.asks or "dataset" in page.asks


def test_the_link_to_a_view_has_all_values(app, toy_board):
    """Also those that nobody changed: with it the page is the same whatever is first on the board."""
    test = app(toy_board, metric="HD95")
    (link,) = [one.value for one in test.code if "dataset=" in one.value]
    query = parse_qs(link.partition("?")[2])
    assert (query["dataset"], query["metric"], query["reference"]) == (["toy"], ["HD95"], ["leave-one-out"])
    again = app(toy_board, **{key: values if len(values) > 1 else values[0] for key, values in query.items()})
    assert not again.warning
    assert again.dataframe[0].value.equals(test.dataframe[0].value)
