import shutil

import pandas as pd
import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.runs import Shard, completion, folder, merge, open_run, run

QUICK = {"metrics": ["dice", "hd95"], "jobs": 1}


@pytest.fixture
def shards(blobs, fails_on_c, tmp_path):
    """A run of four cases in three shards."""
    made = []
    for number in (1, 2, 3):
        shard = Shard(number, 3)
        made.append(run(blobs, fails_on_c, shard.folder(tmp_path / "run"), shard=shard, **QUICK))
    return made


def results(path):
    """Bytes of all files that must be equal between equal runs."""
    names = ["run.json", "scores.parquet", *(f"predictions/{one.name}" for one in (path / "predictions").glob("*"))]
    return {name: (path / name).read_bytes() for name in names}


def test_merged_shards_are_the_run_that_was_never_split(blobs, fails_on_c, shards, tmp_path):
    """Manifest, scores and predictions have the same bytes; times and messages are those of all shards."""
    whole = run(blobs, fails_on_c, tmp_path / "whole", **QUICK)
    merged = merge(shards[::-1], tmp_path / "merged")
    assert results(merged.folder) == results(whole.folder)
    assert sorted(path.name for path in merged.folder.iterdir()) == sorted(path.name for path in whole.folder.iterdir())
    keys = ["phase", "case"]
    pd.testing.assert_frame_equal(merged.times[keys], whole.times[keys])
    assert [message["case"] for message in merged.messages()] == ["c"]
    assert merge(shards, tmp_path / "merged").reused


def test_shards_are_stretches_of_the_sorted_cases(shards):
    """Each case is in one shard, and their folders sort as they do."""
    assert [one.manifest.cases for one in shards] == [("a",), ("b",), ("c", "d")]
    assert [one.folder.name for one in shards] == [f"run.shard-{number}-of-3" for number in (1, 2, 3)]
    assert Shard(3, 16).folder(shards[0].folder.parent / "x").name == "x.shard-03-of-16"


def test_a_whole_shard_is_reused(blobs, fails_on_c, shards):
    """As any other run; one that lost what merging needs is mended."""
    again = run(blobs, fails_on_c, shards[0].folder, shard=Shard(1, 3), **QUICK)
    assert again.reused
    shutil.rmtree(shards[0].folder / "parts")
    assert not run(blobs, fails_on_c, shards[0].folder, shard=Shard(1, 3), **QUICK).reused
    assert (shards[0].folder / "parts" / "000.parquet").is_file()


def test_merging_goes_on_after_it_was_cut(shards, tmp_path):
    """A folder that was half merged is merged."""
    expected = results(merge(shards, tmp_path / "merged").folder)
    (tmp_path / "merged" / "run.json").rename(tmp_path / "merged" / "run.partial.json")
    (tmp_path / "merged" / "scores.parquet").write_bytes(b"half")
    (tmp_path / "merged" / "predictions" / "a.nii.gz").unlink()
    assert results(merge(shards, tmp_path / "merged").folder) == expected


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda shards: shards[:2], "the shards 1/3, 2/3, of which 3/3 is absent"),
        (lambda shards: [*shards, shards[0]], "of which one of them is there twice"),
        (lambda shards: [], "expected shards made by `ctbench run --shard`, got none"),
    ],
)
def test_shards_must_be_whole_in_number(shards, tmp_path, choose, message):
    """The message says which one is absent."""
    with pytest.raises(UsageError, match=message):
        merge(choose(shards), tmp_path / "merged")


def test_shards_of_other_runs_and_whole_runs_are_refused(blobs, bright, shards, tmp_path):
    """The message names what differs, or which run is not a shard."""
    other = run(blobs, bright, tmp_path / "other", shard=Shard(3, 3), metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="are shards of different runs: they differ in metrics"):
        merge([*shards[:2], other], tmp_path / "merged")
    whole = run(blobs, bright, tmp_path / "whole", **QUICK)
    with pytest.raises(UsageError, match=r"expected shards made by `ctbench run --shard`, got .*whole"):
        merge([*shards, whole], tmp_path / "merged")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    with pytest.raises(UsageError, match="is not empty and not a run folder"):
        merge(shards, tmp_path / "mine")


@pytest.mark.parametrize("lost", ["shard-files.txt", "scores.parquet", "predictions/b.nii.gz", "parts/000.parquet"])
def test_a_shard_that_lost_a_file_is_refused(shards, tmp_path, lost):
    """Nothing is merged that is not what the shard kept."""
    (shards[1].folder / lost).unlink()
    with pytest.raises(StoreError, match="lost some of its files"):
        merge([open_run(one.folder) for one in shards], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/b", "1/2/3", "-1/2", "1/0"])
def test_a_shard_of_another_form_is_refused(text):
    """The message shows one that is right."""
    with pytest.raises(UsageError, match=r"e\.g\. 3/16"):
        Shard.parse(text)


def test_more_shards_than_cases_are_refused(blobs, bright, tmp_path):
    """An empty run is no run."""
    with pytest.raises(UsageError, match="4 cases cannot be split into 5 shards; use at most 4"):
        run(blobs, bright, tmp_path / "run", shard=Shard(1, 5), **QUICK)


def test_how_rows_are_spread_over_parts_does_not_show(blobs, bright, tmp_path, monkeypatch):
    """One case a part or three, small row groups or large: the same bytes."""
    monkeypatch.setattr(completion, "_ROW_GROUP", 7)
    one = results(run(blobs, bright, tmp_path / "one", **QUICK).folder)
    monkeypatch.setattr(folder, "_MOST_PARTS", 2)
    assert results(run(blobs, bright, tmp_path / "two", **QUICK).folder) == one
    assert folder.part_size(100) == 50
    assert folder.part_size(10**6) == 200
