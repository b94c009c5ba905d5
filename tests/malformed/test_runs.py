"""Folders of runs: manifests, tables, parts, shards; locks and boards."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctbench.runs import Shard, lock, open_run, run
from ctbench.runs.completion import write_part

WHOLE = Path(__file__).parents[1] / "runs" / "old_runs" / "v2"
NO_JSON = {
    "nothing": b"",
    "zeros": b"\0" * 100,
    "half": b'{"schema_version": 2, "data',
    "Latin-1": '{"dataset": "Schädel"}'.encode("latin-1"),
    "a list": b"[]",
    "a number": b"2",
    "null": b"null",
    "text": b'"run"',
    "a deep nest": b"[" * 100_000,
    "a deep nest of objects": b'{"a":' * 100_000,
    "a number of a million digits": b'{"schema_version": ' + b"9" * 1_000_000 + b"}",
}


@pytest.fixture
def folder(tmp_path):
    """A whole run, to be spoilt."""
    return shutil.copytree(WHOLE, tmp_path / "run")


def test_the_whole_one_is_read(guard, folder):
    """What the others are made of is fine."""
    assert guard.ask("run", folder)["outcome"] == "read"


@pytest.mark.parametrize("what", NO_JSON)
def test_manifests_that_are_none(folder, refused, what):
    """The commit mark of a run holds something else."""
    (folder / "run.json").write_bytes(NO_JSON[what])
    refused("run", folder)


FIELDS = {
    "a field too many": {"mood": "good"},
    "a version to come": {"schema_version": 99},
    "a version of text": {"schema_version": "two"},
    "a version of nothing": {"schema_version": None},
    "a version of a list": {"schema_version": [2]},
    "no dataset": {"dataset": None},
    "cases of numbers": {"cases": [1, 2]},
    "cases of text": {"cases": "abc"},
    "a case that climbs": {"cases": ["../../../etc/passwd"]},
    "a case from the root": {"cases": ["/etc/passwd"]},
    "a case without a name": {"cases": [""]},
    "a kind that does not exist": {"rater_kind": "oracle"},
    "labels of text": {"labels": "iph"},
    "a label of zero": {"labels": {"iph": 0}},
    "two labels of one code": {"labels": {"iph": 1, "ivh": 1}},
    "a group of strangers": {"groups": {"hemorrhage": ["toes"]}},
    "metrics of a list": {"metrics": ["dice"]},
    "a surface of four dimensions": {"surface": "4d"},
    "a predictor of text": {"predictor": "bright"},
    "a predictor without a name": {"predictor": {}},
    "a tolerance of text": {"tolerance_mm": "wide"},
    "counts of text": {"counts": {"ok": "many"}},
}


@pytest.mark.parametrize("what", FIELDS)
def test_manifests_that_say_what_cannot_be(folder, refused, what):
    """One field is wrong."""
    content = json.loads((folder / "run.json").read_text(encoding="utf-8")) | FIELDS[what]
    (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
    refused("run", folder)


@pytest.mark.parametrize("name", ["dataset", "cases", "rater", "labels", "consensus", "metrics", "versions"])
def test_manifests_that_lack_a_field(folder, refused, name):
    """There is no default for what was scored, and how."""
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del content[name]
    (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
    assert name in refused("run", folder)


def renamed(frame):
    """Another name for the cases."""
    return frame.rename(columns={"case": "fall"})


FRAMES = {
    "no rows and no columns": lambda _: pd.DataFrame(),
    "a column too few": lambda frame: frame.drop(columns="case"),
    "a column of another name": renamed,
    "text for numbers": lambda frame: frame.assign(**{"value" if "value" in frame else "seconds": "x"}),
    "numbers for names": lambda frame: frame.assign(case=1.5),
    "lists for names": lambda frame: frame.assign(case=[["a"]] * len(frame)),
}


@pytest.mark.parametrize("what", FRAMES)
@pytest.mark.parametrize("table", ["scores", "times"])
def test_tables_of_another_schema(folder, refused, table, what):
    """Parquet, but not ours."""
    path = folder / f"{table}.parquet"
    FRAMES[what](pd.read_parquet(path)).to_parquet(path)
    assert f"{table}.parquet" in refused("run", folder)


@pytest.mark.parametrize("table", ["scores", "times"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\0" * 1000, b"PAR1" + b"\xff" * 100 + b"PAR1", b"a,b\n1,2\n"])
def test_tables_that_are_none(folder, refused, table, content):
    """No Parquet at all."""
    (folder / f"{table}.parquet").write_bytes(content)
    refused("run", folder)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("table", ["scores", "times"])
def test_truncated_tables(folder, refused, table, share):
    """The end of a Parquet file, in which its schema stands, is cut off."""
    path = folder / f"{table}.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused("run", folder)


@pytest.mark.parametrize("seed", range(10))
def test_a_bit_flipped_in_the_scores(folder, survived, seed):
    """Pages have no checksum: some flips are seen, none does harm."""
    path = folder / "scores.parquet"
    content = bytearray(path.read_bytes())
    content[(seed * 7919 + 5) % len(content)] ^= 1 << (seed % 8)
    path.write_bytes(content)
    survived("run", folder)


@pytest.mark.parametrize("name", ["scores.parquet", "times.parquet", "run.json"])
def test_a_folder_in_place_of_a_file(folder, refused, name):
    """It cannot be read as one."""
    (folder / name).unlink()
    (folder / name).mkdir()
    refused("run", folder)


@pytest.mark.parametrize("name", ["scores.parquet", "times.parquet", "run.json"])
def test_a_file_that_is_gone(folder, refused, name):
    """The message names it."""
    (folder / name).unlink()
    assert name in refused("run", folder)


@pytest.mark.parametrize("what", NO_JSON)
def test_a_log_of_anything(folder, guard, what):
    """Messages are for people: lines that are none are passed over, and the run is read."""
    (folder / "log.jsonl").write_bytes(NO_JSON[what] + b"\n" + b"\xff\xfe\n")
    assert guard.ask("run", folder)["outcome"] == "read"


COLUMNS = {name: ["a"] for name in ("dataset", "case", "rater", "rater_kind", "reference", "label", "metric")}
COLUMNS |= {"value": [0.5], "unit": ["1"], "status": ["ok"], "detail": [""]}


def _write_digested(table, path):
    """Write a table as a part is written."""
    written = io.BytesIO()
    pq.write_table(table, written)
    path.write_bytes(written.getvalue() + hashlib.sha256(written.getvalue()).digest())


@pytest.mark.parametrize("what", ["nothing", "zeros", "cut", "another schema", "no references", "references of text"])
def test_parts(tmp_path, refused, what):
    """A part that a run left, and that is not what was written."""
    path = tmp_path / "000.parquet"
    write_part([COLUMNS], {"a": {"majority": "0"}}, path)
    table = pq.read_table(io.BytesIO(path.read_bytes()[:-32]))  # a digest follows the rows
    if what in {"nothing", "zeros", "cut"}:
        path.write_bytes({"nothing": b"", "zeros": bytes(500), "cut": path.read_bytes()[:-50]}[what])
    elif what == "another schema":
        _write_digested(pa.table({"a": [1]}), path)
    else:
        kept = {} if what == "no references" else {b"references": b"{"}
        _write_digested(table.replace_schema_metadata(kept), path)
    refused("part", path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"a\timage\t\t\t" + b"0" * 64], ids=["nothing", "no text", "another file"]
)
def test_shards_whose_list_of_files_is_not_theirs(blobs, tmp_path, refused, content):
    """Merging says whose it is."""
    for number in (1, 2):
        shard = Shard(number, 2)
        run(blobs, "readers", shard.folder(tmp_path / "big"), shard=shard, metrics=["dice"], jobs=1)
    (Shard(2, 2).folder(tmp_path / "big") / "shard-files.txt").write_bytes(content)
    assert "shard-2-of-2" in refused("shards", tmp_path)


LOCKS = {
    **{name: content for name, content in NO_JSON.items() if "nest" not in name},
    "a deep nest": b"[" * 20_000,
    "a Python object": b"!!python/object/apply:os.system [true]\n",
    "a version to come": b"lock_version: 99\n",
    "a bomb of aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nresults: [*b, *b, *b]\n",
    "a list that holds itself": b"lock_version: &a [*a]\n",
    "a control character": b"dataset: \x07\n",
}


@pytest.mark.parametrize("what", LOCKS)
def test_locks_that_are_none(tmp_path, refused, what):
    """YAML or not, they lock nothing."""
    (tmp_path / "ctbench.lock").write_bytes(LOCKS[what])
    refused("lock", tmp_path / "ctbench.lock")


@pytest.mark.parametrize(
    "change", [("failed: ", "failed: many #"), ("results:", "colour: red\nresults:"), ("n: ", "n: x")]
)
def test_locks_that_say_what_cannot_be(tmp_path, refused, change):
    """One field is wrong."""
    text = lock(open_run(WHOLE)).to_text()
    assert change[0] in text
    (tmp_path / "ctbench.lock").write_text(text.replace(*change, 1))
    refused("lock", tmp_path / "ctbench.lock")


@pytest.mark.parametrize("content", [b"", b"PAR1" + b"\xff" * 100 + b"PAR1", "another schema"])
def test_the_index_of_a_board(tmp_path, refused, content):
    """It can be made anew, and the message says so."""
    if content == "another schema":
        pd.DataFrame({"run": ["x"]}).to_parquet(tmp_path / "index.parquet")
    else:
        (tmp_path / "index.parquet").write_bytes(content)
    refused("board", tmp_path)
