import json
import re
import shutil

import pandas as pd
import pytest

from ctbench.boards import open_board, partitions, rebuild, submissions, submit, withdraw
from ctbench.errors import StoreError, UsageError
from ctbench.runs import Shard, open_run, run
from ctbench.runs.manifest import Manifest
from ctbench.scores import SCORE_COLUMNS

VALUES = ["case", "rater", "label", "value", "status"]


def shown(opened, reference="majority", metric="dice"):
    """The scores of a board as plain rows, sorted."""
    rows = opened.scores("blobs", metric, reference)
    assert tuple(rows.columns) == ("run", *SCORE_COLUMNS)
    return rows[VALUES].astype(dict.fromkeys(VALUES, object)).sort_values(VALUES[:3]).reset_index(drop=True)


def expected(*runs, reference="majority", metric="dice"):
    """The same rows from the runs themselves."""
    rows = pd.concat([one.scores for one in runs])
    rows = rows[(rows["reference"] == reference) & (rows["metric"] == metric)]
    return rows[VALUES].astype(dict.fromkeys(VALUES, object)).sort_values(VALUES[:3]).reset_index(drop=True)


def test_an_empty_board_opens(tmp_path):
    """No run, no score, no error."""
    opened = open_board(tmp_path / "board")
    assert opened.runs.empty
    assert opened.scores("blobs", "dice", "majority").empty


def test_a_run_is_handed_in_once(kept, tmp_path):
    """The board has its files and its scores; the same digest again changes no byte."""
    digest, new = submit(kept, tmp_path / "board")
    assert new
    before = {path: path.read_bytes() for path in (tmp_path / "board").rglob("*") if path.is_file()}
    assert submit(kept, tmp_path / "board") == (digest, False)
    assert {path: path.read_bytes() for path in (tmp_path / "board").rglob("*") if path.is_file()} == before
    opened = open_board(tmp_path / "board")
    assert opened.runs[["run", "rater", "cases", "failed", "problem"]].to_numpy().tolist() == [
        [digest, "bright", 4, 0, ""]
    ]
    assert isinstance(opened.manifest(digest), Manifest)
    for metric in ("dice", "hd95"):
        for reference in ("majority", "majority-without-r1"):
            where = {"reference": reference, "metric": metric}
            pd.testing.assert_frame_equal(shown(opened, **where), expected(kept, **where))
    assert open_run(tmp_path / "board" / "runs" / digest).prediction("a").array.any()


def test_only_new_runs_are_read(kept, others, tmp_path, monkeypatch):
    """The derived tables grow; what is in them stays as it is, also once the files were folded into one."""
    monkeypatch.setattr(partitions, "_MOST_FILES", 3)
    read, original = [], submissions.add_run
    monkeypatch.setattr(submissions, "add_run", lambda *arguments: read.append(arguments[1]) or original(*arguments))
    runs = [kept, *(others(f"model{number}") for number in range(6))]
    digests = [submit(one, tmp_path / "board")[0] for one in runs]
    assert read == digests
    opened = open_board(tmp_path / "board")
    pd.testing.assert_frame_equal(shown(opened), expected(*runs))
    partition = tmp_path / "board" / "leaderboard.parquet" / "dataset=blobs" / "metric=dice" / "reference=majority"
    assert len(list(partition.iterdir())) <= 4


def test_a_withdrawn_run_leaves_a_tombstone(kept, others, tmp_path):
    """Its files and rows are gone, the reason stays, and it cannot come back; the other runs stay."""
    other = others("other")
    digest, _ = submit(kept, tmp_path / "board")
    submit(other, tmp_path / "board")
    withdraw(digest, tmp_path / "board", "trained on the test cases")
    opened = open_board(tmp_path / "board")
    assert opened.runs["rater"].tolist() == ["other"]
    pd.testing.assert_frame_equal(shown(opened), expected(other))
    assert not (tmp_path / "board" / "runs" / digest).exists()
    tombstone = json.loads((tmp_path / "board" / "withdrawn" / f"{digest}.json").read_text())
    assert tombstone["reason"] == "trained on the test cases"
    with pytest.raises(UsageError, match=r"was withdrawn from .*: trained on the test cases"):
        submit(kept, tmp_path / "board")
    withdraw(digest, tmp_path / "board")  # twice is once
    with pytest.raises(UsageError, match=f"has no run '{'0' * 64}'; its runs: "):
        withdraw("0" * 64, tmp_path / "board")


def test_the_tables_follow_from_the_runs(kept, others, tmp_path):
    """Lost tables are made anew, also where a submission died before it wrote the index."""
    other = others("other")
    submit(kept, tmp_path / "board")
    index = (tmp_path / "board" / "index.parquet").read_bytes()
    submit(other, tmp_path / "board")
    (tmp_path / "board" / "index.parquet").write_bytes(index)
    pd.testing.assert_frame_equal(shown(rebuild(tmp_path / "board")), expected(kept, other))
    shutil.rmtree(tmp_path / "board" / "leaderboard.parquet")
    (tmp_path / "board" / "index.parquet").unlink()
    pd.testing.assert_frame_equal(shown(rebuild(tmp_path / "board")), expected(kept, other))


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("run.json", "{", "is not the manifest of a run"),
        ("run.json", '{"schema_version": 99}', "expected schema version"),
        ("scores.parquet", "no table", "scores.parquet of run .* was changed"),
        ("predictions/a.nii.gz", "no image", "a prediction of run .* was changed"),
        ("predictions/more.nii.gz", "one more", "a prediction of run .* was changed"),
    ],
)
def test_a_broken_run_is_listed_with_its_reason(kept, others, smuggled, tmp_path, file, content, problem):
    """It breaks nothing; a run that is only half there is not listed at all."""
    digest, _ = submit(kept, tmp_path / "board")
    broken = smuggled(others("other"))
    (tmp_path / "board" / "runs" / broken / file).write_text(content)
    (tmp_path / "board" / "runs" / "half").mkdir()
    problems = rebuild(tmp_path / "board").runs.set_index("run")["problem"]
    assert set(problems.index) == {digest, broken}
    assert problems[digest] == ""
    assert re.search(problem, problems[broken])
    pd.testing.assert_frame_equal(shown(open_board(tmp_path / "board")), expected(kept))


@pytest.mark.parametrize("name", ["foreign", "0" * 64])
def test_a_run_has_the_name_of_its_digest(kept, others, tmp_path, name):
    """A folder of any other name is listed with the reason, and its scores are not shown."""
    digest, _ = submit(kept, tmp_path / "board")
    shutil.copytree(others("other").folder, tmp_path / "board" / "runs" / name)
    problems = rebuild(tmp_path / "board").runs.set_index("run")["problem"]
    assert problems[digest] == ""
    assert "is not named by the digest of its run.json" in problems[name]
    pd.testing.assert_frame_equal(shown(open_board(tmp_path / "board")), expected(kept))


def test_shards_and_old_runs_are_refused(blobs, bright, kept, tmp_path):
    """Both messages say what to do."""
    shard = run(blobs, bright, tmp_path / "shard", metrics=["dice"], jobs=1, shard=Shard(1, 2))
    with pytest.raises(UsageError, match="is a shard of one; merge it first"):
        submit(shard, tmp_path / "board")
    (kept.folder / "run.json").write_text(kept.manifest.begun().to_json())
    with pytest.raises(UsageError, match="has no digests; score it again"):
        submit(open_run(kept.folder), tmp_path / "board")


def test_a_board_may_lie_in_a_store_of_objects(kept, others):
    """Everything goes through fsspec: here a file system in memory."""
    url = "memory://boards/mine"
    other = others("other")
    digest, _ = submit(kept, url)
    submit(other, url)
    pd.testing.assert_frame_equal(shown(open_board(url)), expected(kept, other))
    withdraw(digest, url)
    pd.testing.assert_frame_equal(shown(open_board(url)), expected(other))


@pytest.mark.parametrize("column", ["value", "label", "status"])
def test_foreign_scores_are_listed_with_the_reason(kept, others, smuggled, tmp_path, column):
    """Text for values, or no name where one must be: told, and nothing breaks."""
    submit(kept, tmp_path / "board")
    other = others("other")
    foreign = smuggled(other, other.scores.assign(**{column: "?" if column == "value" else None}))
    problems = rebuild(tmp_path / "board").runs.set_index("run")["problem"]
    assert f"scores.parquet of run {foreign}" in problems[foreign]
    pd.testing.assert_frame_equal(shown(open_board(tmp_path / "board")), expected(kept))


def test_a_page_reads_some_runs_of_a_partition(kept, others, tmp_path, monkeypatch):
    """Digests choose, also of a large file that is read piece by piece."""
    monkeypatch.setattr(partitions, "_MOST_FILES", 1)
    monkeypatch.setattr(partitions, "_PIECE", 5)
    runs = [kept, *(others(f"model{number}") for number in range(3))]
    digests = [submit(one, tmp_path / "board")[0] for one in runs]
    opened = open_board(tmp_path / "board")
    rows = opened.scores("blobs", "dice", "majority", digests[2:])
    assert set(rows["run"]) == set(digests[2:])
    assert len(rows) == 2 * len(expected(kept))
    grid = opened.grid("blobs", "dice", "majority")
    assert [entry.rater for entry in grid.entries] == [entry.rater for entry in sorted(grid.entries)]
    assert {entry.run for entry in grid.entries} == set(digests)


def test_an_index_of_an_earlier_version_is_made_anew(kept, others, tmp_path):
    """Reading says what to do; the next submission does it, and knows all runs again."""
    submit(kept, tmp_path / "board")
    index = tmp_path / "board" / "index.parquet"
    pd.read_parquet(index).drop(columns=["rules"]).to_parquet(index)
    with pytest.raises(StoreError, match="was made by an earlier version of ctbench"):
        open_board(tmp_path / "board")
    other = others("other")
    submit(other, tmp_path / "board")
    pd.testing.assert_frame_equal(shown(open_board(tmp_path / "board")), expected(kept, other))


def test_a_run_is_opened_by_its_digest(kept, tmp_path):
    """With its predictions; never by a path, and not from an object store."""
    digest, _ = submit(kept, tmp_path / "board")
    opened = open_board(tmp_path / "board")
    assert opened.run(digest).prediction("a").array.any()
    with pytest.raises(UsageError, match=r"the board has no run \.\./"):
        opened.run(f"../runs/{digest}")
    submit(kept, "memory://boards/other")
    with pytest.raises(StoreError, match="in an object store"):
        open_board("memory://boards/other").run(digest)
