import hashlib

import pandas as pd
import pytest

from ctbench.errors import StoreError
from ctbench.files import PARTIAL
from ctbench.runs.completion import consensus_digest, is_intact, join_parts, sweep, tidy, write_part
from ctbench.runs.folder import RunFolder
from ctbench.scores import SCORE_COLUMNS

REFERENCES = {"b": {"majority": "22"}, "a": {"majority": "11", "majority-without-r1": "33"}}


def columns_of(case, values):
    """The columns of one case: a row for each metric, the last of them without a value."""
    count = len(values)
    texts = {name: ["x"] * count for name in SCORE_COLUMNS if name != "value"}
    texts |= {"case": [case] * count, "metric": [f"m{at}" for at in range(count)][::-1]}
    return texts | {"value": list(values), "status": ["ok" if value is not None else "both_empty" for value in values]}


@pytest.fixture
def parts(tmp_path):
    """A function that writes parts of some cases each and gives their paths."""

    def write(*grouped):
        paths = []
        for number, cases in enumerate(grouped):
            paths.append(tmp_path / f"{number:03d}.parquet")
            rows = [columns_of(case, (0.5, None, 0.25)) for case in cases]
            write_part(rows, {case: REFERENCES[case] for case in cases}, paths[-1])
        return paths

    return write


def test_joined_parts_are_sorted_and_counted(parts, tmp_path):
    """Rows stand by case and metric, with all columns in their order; nulls stay null."""
    joined = join_parts(parts(["a"], ["b"]), tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert tuple(scores.columns) == SCORE_COLUMNS
    assert scores[["case", "metric"]].to_numpy().tolist() == [[case, f"m{at}"] for case in "ab" for at in range(3)]
    assert scores["value"].isna().tolist() == [False, True, False] * 2
    assert joined.counts == {"both_empty": 2, "ok": 4}


def test_the_spread_over_parts_does_not_show(parts, tmp_path):
    """The bytes and the digest of the references are the same for one part and for two."""
    results = []
    for grouped in ((["a"], ["b"]), (["a", "b"],)):
        joined = join_parts(parts(*grouped), tmp_path / "scores.parquet")
        results.append((joined, (tmp_path / "scores.parquet").read_bytes()))
    assert results[0] == results[1]
    assert results[0][0].consensus_digest == consensus_digest(REFERENCES)


def test_the_digest_of_references_is_that_of_their_lines():
    """A line for each reference, sorted by case and name: anybody can work it out."""
    lines = "a\tmajority\t11\na\tmajority-without-r1\t33\nb\tmajority\t22\n"
    assert consensus_digest(REFERENCES) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_part_that_is_lost_or_broken_is_named(parts, tmp_path):
    """Nothing is written in place of the scores."""
    first, second = parts(["a"], ["b"])
    second.write_bytes(b"no table")
    for wrong in ([first, second], [first, tmp_path / "009.parquet"]):
        with pytest.raises(StoreError, match=wrong[-1].name):
            join_parts(wrong, tmp_path / "scores.parquet")
    assert not (tmp_path / "scores.parquet").exists()


def test_no_part_is_an_empty_table(tmp_path):
    """It has its columns all the same."""
    assert join_parts([], tmp_path / "scores.parquet").counts == {}
    assert tuple(pd.read_parquet(tmp_path / "scores.parquet").columns) == SCORE_COLUMNS


@pytest.fixture
def whole(finished_run, bright):
    """A whole run: its manifest and its files."""
    kept = finished_run(bright, "dice")
    return kept.manifest, RunFolder(kept.folder)


def test_a_run_is_intact_until_a_file_changes(whole):
    """Scores and predictions are both looked at, byte by byte."""
    manifest, paths = whole
    assert is_intact(manifest, paths)
    for file in (paths.scores, paths.prediction("a")):
        content = file.read_bytes()
        file.write_bytes(content + b"x")
        assert not is_intact(manifest, paths)
        file.unlink()
        assert not is_intact(manifest, paths)
        file.write_bytes(content)
    assert is_intact(manifest, paths)


def test_only_unfinished_files_are_swept(whole):
    """What a killed process left goes, in the folder and below; results stay."""
    manifest, paths = whole
    left = [folder / f"{PARTIAL}x" for folder in (paths.path, paths.predictions)]
    for file in left:
        file.touch()
    sweep(paths)
    assert not any(file.exists() for file in left)
    assert is_intact(manifest, paths)


def test_a_whole_run_keeps_no_parts_unless_it_is_a_shard(whole):
    """Merging needs them; the manifest of the partial run goes either way."""
    manifest, paths = whole
    for shard, kept in (("1/2", True), ("", False)):
        paths.parts.mkdir(exist_ok=True)
        paths.partial.touch()
        tidy(paths, manifest.model_copy(update={"shard": shard}))
        assert paths.parts.exists() is kept
        assert not paths.partial.exists()
