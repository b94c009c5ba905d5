"""Comparable runs: of a board, and of the run folders of a report."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from ctbench.boards import open_board
from ctbench.boards.grid import Entry
from ctbench.errors import StoreError, UsageError
from ctbench.files import sha256
from ctbench.report.frames import comparable_runs as comparable_runs_module
from ctbench.report.frames.comparable_runs import broken_runs, comparable_runs, datasets_on, gather


@pytest.fixture
def board(make_small_runs, tmp_path):
    """A folder of small runs: readers, unet and atlas."""
    make_small_runs(tmp_path / "runs", raters=("reader1", "reader2", "reader3", "unet", "atlas"))
    return tmp_path / "runs"


def only_field(folder):
    """The field of the only dataset and rules."""
    (field,) = comparable_runs(open_board(folder), "toy")
    return field


def changed(run, folder, **changes):
    """Copy a run with another manifest, and its scores to suit."""
    folder.mkdir()
    rater = changes.get("rater", run.manifest.rater)
    cases = changes.get("cases", run.manifest.cases)
    rows = run.scores[run.scores["case"].isin(cases)]
    rows = rows.assign(rater=rater) if run.manifest.rater_kind == "model" else rows
    rows.to_parquet(folder / "scores.parquet", index=False)
    changes["scores_digest"] = sha256(folder / "scores.parquet")
    (folder / "run.json").write_text(run.manifest.model_copy(update=changes).to_json())


def test_a_field_knows_its_raters_metrics_and_references(board):
    """Chief metrics first; the references without a reader are one choice, and come first."""
    field = only_field(board)
    assert datasets_on(field.board) == ("toy",)
    assert set(field.models) == {"atlas", "unet"}
    assert field.readers == ("reader1", "reader2", "reader3")
    assert field.metrics[:2] == ("dice", "volume_difference_absolute_ml")
    assert field.references == ("leave-one-out", "majority")
    assert field.expanded("leave-one-out") == tuple(f"majority-without-reader{number}" for number in (1, 2, 3))
    assert field.expanded("majority") == ("majority",)
    assert list(field.scopes) == [("caudate", "ventricles")]
    assert field.refused.empty


def test_scores_stand_under_the_names_of_the_field(board):
    """Tidy scores of a choice of raters, on all references that the chosen one stands for."""
    field = only_field(board)
    rows = field.scores_on("dice", "leave-one-out", ["unet", "reader2"])
    assert set(rows.loc[rows["rater"] == "unet", "reference"]) == set(field.expanded("leave-one-out"))
    assert set(rows.loc[rows["rater"] == "reader2", "reference"]) == {"majority-without-reader2"}
    assert set(rows["rater"]) == {"unet", "reader2"}
    pd.testing.assert_frame_equal(
        field.scores_on("dice", "majority").sort_values(["rater", "case", "label"], ignore_index=True),
        field.scores_on("dice", "majority", ["unet", "atlas", *field.readers]).sort_values(
            ["rater", "case", "label"], ignore_index=True
        ),
    )


def test_runs_of_one_name_are_told_apart(board):
    """By version, and by digest where that is the same; each keeps its own scores."""
    field = only_field(board)
    run = field.board.run(field.run_of("unet"))
    changed(run, board / "again", versions={"python": "3.13"})
    used = run.manifest.predictor
    newer = used.model_copy(update={"info": replace(used.info, version="2.0")})
    changed(run, board / "newer", predictor=newer)
    field = only_field(board)
    names = sorted(set(field.models) - {"atlas"})
    assert names[-1] == "unet 2.0"
    assert len(names) == 3
    assert all(name.startswith("unet 1.0 ") for name in names[:2])
    assert len(field.scores_on("dice", "majority", [names[0]])) == 12
    digests = {field.run_of(name) for name in names}
    assert {field.name_of(Entry(digest, "unet", "model")) for digest in digests} == set(names)


@pytest.mark.parametrize("name", ["reader2", "all readers", "readers"])
def test_a_model_cannot_pass_for_a_reader(board, name):
    """One that is called like a reader, or like all of them, is named apart."""
    field = only_field(board)
    changed(field.board.run(field.run_of("unet")), board / "other", rater=name)
    assert f"{name} (model)" in only_field(board).models


def test_other_rules_are_another_field_and_the_reason_is_said(board):
    """The rules of most runs come first; what the others differ in is told."""
    field = only_field(board)
    run = field.board.run(field.run_of("unet"))
    changed(run, board / "fewer", rater="fewer", cases=run.manifest.cases[:4])
    first, second = comparable_runs(open_board(board), "toy")
    assert set(first.models) == {"atlas", "unet"}
    assert second.models == ("fewer",)
    assert first.refused[["rater", "reason"]].to_numpy().tolist() == [["fewer", "scored by other rules: cases"]]
    assert len(second.refused) == 3
    assert first.key != second.key
    assert first.title != second.title


def test_only_the_last_run_of_the_readers_stands(board):
    """Two of them would make every reader two."""
    field = only_field(board)
    own = field.index.loc[field.index["rater_kind"] == "reader", "run"].iloc[0]
    changed(field.board.run(own), board / "readers_again", versions={"python": "3.13"})
    field = only_field(board)
    assert (field.index["rater_kind"] == "reader").sum() == 1
    assert field.refused["reason"].tolist() == ["a later run of the readers stands here"]


def test_scopes_part_the_models_by_what_their_mean_goes_over(board):
    """A model that knows only one of the structures has a mean of its own."""
    field = only_field(board)
    changed(field.board.run(field.run_of("unet")), board / "part", rater="part", unsupported=("caudate",))
    assert only_field(board).scopes == {
        ("caudate", "ventricles"): tuple(name for name in only_field(board).models if name != "part"),
        ("ventricles",): ("part",),
    }


def test_the_chief_scope_is_that_of_most_models(board):
    """Three models that know one structure outweigh two that know both; of equals the widest is taken."""
    field = only_field(board)
    assert field.chief_scope == ("caudate", "ventricles")
    for name in ("part1", "part2"):
        changed(field.board.run(field.run_of("unet")), board / name, rater=name, unsupported=("caudate",))
        assert only_field(board).chief_scope == ("caudate", "ventricles")
    changed(field.board.run(field.run_of("unet")), board / "part3", rater="part3", unsupported=("caudate",))
    assert only_field(board).chief_scope == ("ventricles",)


def test_broken_runs_are_listed(board):
    """With the reason; the others are shown."""
    (board / "broken").mkdir()
    (board / "broken" / "run.json").write_text(json.dumps({"schema_version": 99}))
    opened = open_board(board)
    assert "schema version" in broken_runs(opened)["problem"].iloc[0]
    assert datasets_on(opened) == ("toy",)


def test_runs_are_joined_by_dataset(runs):
    """All rows of all runs are there, with readers, models, and the reference to compare on."""
    (results,) = gather(runs)
    assert results.dataset == "toy"
    assert len(results.scores) == sum(len(run.scores) for run in runs)
    assert results.readers == ("reader1", "reader2", "reader3")
    assert results.models == ("unet", "atlas")
    assert (results.common, results.fair) == ("majority", "leave-one-out")


def test_labels_stand_by_their_codes(runs, label_codes):
    """Structures are shown as the dataset numbers them, groups after them."""
    (results,) = gather(runs)
    assert results.labels == tuple(label_codes)
    assert results.structures == (*label_codes, "csf", "ventricles_all")


def test_scopes(runs, label_codes):
    """Models whose overall means go over different structures are kept apart."""
    (results,) = gather(runs)
    full, reduced = results.scopes.items()
    assert full == (tuple(label_codes), ("unet",))
    assert "insular_cortex" not in reduced[0]
    assert reduced[1] == ("atlas",)


def test_datasets_stand_apart(small_runs):
    """Runs of two datasets are two results, in the order in which they came."""
    there = small_runs(edit=lambda scores: scores.assign(dataset="other"))
    assert [results.dataset for results in gather([*small_runs(), *there])] == ["toy", "other"]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("dataset_fingerprint", "0" * 64, "dataset_fingerprint"),
        ("consensus", "staple", "consensus"),
        ("tolerance_mm", 2.0, "tolerance_mm"),
        ("surface", "2d", "surface"),
        ("split", "train", "split"),
        ("shard", "1/2", "shard"),
        ("metrics", {"dice": 2}, "definition of dice"),
        ("consensus_digest", "b" * 64, "voxels of their references"),
    ],
)
def test_runs_by_other_rules_are_refused(small_runs, field, value, named):
    """Scores against other references or by other definitions never stand in one table; the message names the field."""
    first = small_runs(raters=("unet",), consensus_digest="a" * 64)
    other = small_runs(raters=("atlas",), **{"consensus_digest": "a" * 64} | {field: value})
    with pytest.raises(UsageError, match=named):
        gather([*first, *other])


def test_two_splits_stand_apart(small_runs):
    """Training and validation have no case in common, so that one report may show both; never in one table."""

    def trained(scores):
        return scores.assign(case="train-" + scores["case"])

    here, there = small_runs(raters=("unet",)), small_runs(raters=("unet",), edit=trained, split="train")
    test, train = gather([*here, *there])
    assert (test.manifest.split, train.manifest.split) == ("test", "train")
    assert set(test.cases).isdisjoint(train.cases)
    assert (test.stem, train.stem) == ("toy", "toy-train")
    assert test.scores["case"].nunique() == train.scores["case"].nunique() == 6


def test_two_runs_of_one_rater_are_refused(small_runs):
    """Two runs of one name would be taken for one another."""
    with pytest.raises(UsageError, match="both runs of unet"):
        gather([*small_runs(raters=("unet",)), *small_runs(raters=("unet",))])


def test_no_runs():
    """A report of nothing is refused."""
    with pytest.raises(UsageError, match="at least one run"):
        gather([])


def test_a_run_whose_scores_cannot_be_read_is_refused(small_runs):
    """A report never goes on without one of its runs; the message says which scores are broken."""
    (run,) = small_runs(raters=("unet",))
    (run.folder / "scores.parquet").write_bytes(b"nothing")
    with pytest.raises(StoreError, match="cannot be read"):
        gather([run])


def test_a_given_reference_is_the_common_one(small_runs):
    """A dataset that comes with its reference has no consensus: scores are read against ``given``."""

    def edit(scores):
        return scores[scores["reference"] == "majority"].assign(reference="given")

    (results,) = gather(small_runs(raters=("unet",), edit=edit))
    assert results.references == ("given",)
    assert (results.common, results.fair) == ("given", "given")
    assert len(results.scores_on("dice", results.common)) == 12


def test_what_was_read_first_is_kept_where_not_all_can_be(results, monkeypatch):
    """A second pass over a metric's structures finds it there; another metric takes its room."""
    monkeypatch.setattr(comparable_runs_module, "_WHOLE", 0)
    size = replace(results).grid("dice", "majority").select(labels=results.labels[:1]).nbytes
    monkeypatch.setattr(comparable_runs_module, "_KEPT_BYTES", 2 * size)
    parts = replace(results)
    for label in results.labels[:4]:
        parts.grid("dice", "majority").select(labels=[label])
    first, last, kept = results.labels[0], results.labels[3], parts._kept
    assert [(metric, label) for metric, _, label, _ in kept] == [("dice", first), ("dice", last)]
    parts.grid("hd95", "majority").select(labels=[first])
    assert [(metric, label) for metric, _, label, _ in kept] == [("dice", last), ("hd95", first)]
