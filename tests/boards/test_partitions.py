import io
from unittest import mock

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.boards import open_board, partitions, submit
from ctbench.boards.partitions import add_run, partition_table
from ctbench.boards.storage import Place
from ctbench.errors import StoreError
from ctbench.runs import open_run
from ctbench.scores import SCORE_COLUMNS


def test_hostile_names_stay_in_their_folder(kept, others, tmp_path):
    """A run with such a dataset's name is refused, and a partition of that name would still be below its board."""
    name = "../../etc/pass wd=x"
    other = others("other")
    manifest = other.manifest.model_copy(update={"dataset": name})
    other.scores.assign(dataset=name).to_parquet(other.folder / "scores.parquet", index=False)
    (other.folder / "run.json").write_text(manifest.to_json())
    with pytest.raises(StoreError, match="is not the name of a dataset"):
        open_run(other.folder)
    place = Place.of(tmp_path / "inner" / "board")
    add_run(place, "d1", manifest, (other.folder / "scores.parquet").read_bytes())
    assert partition_table(place, (name, "dice", "majority"), ["d1"]).num_rows == 12
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["board"]


def test_a_partition_of_an_earlier_version_says_what_to_do(kept, tmp_path):
    """One that does not say how its rows stand is not guessed at."""
    submit(kept, tmp_path / "board")
    for file in (tmp_path / "board" / "leaderboard.parquet").rglob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(table.replace_schema_metadata({b"unit": b"1", b"runs": table.schema.metadata[b"runs"]}), file)
    with pytest.raises(StoreError, match="made by another version of ctbench; remove leaderboard"):
        open_board(tmp_path / "board").grid("blobs", "dice", "majority")


PARTITION = ("d/1", "dice", "majority without r=1")


@pytest.fixture
def place(tmp_path):
    """The folder of a board."""
    return Place.of(tmp_path / "board")


def rows_of(run, cases="ab", value=0.5):
    """Scores of one run in one partition, with the column ``run``."""
    dataset, metric, reference = PARTITION
    who = {"run": run, "dataset": dataset, "rater": f"model-{run}", "rater_kind": "model", "reference": reference}
    what = {"label": "iph", "metric": metric, "value": value, "unit": "1", "status": "ok", "detail": ""}
    return pd.DataFrame([who | what | {"case": case} for case in cases])[["run", *SCORE_COLUMNS]]


def test_rows_come_back_as_they_were_coded(place):
    """What all rows of a partition share is not stored, and is there again in the frame."""
    rows = rows_of("r")
    partitions.write_partition(place, PARTITION, partitions.encoded(rows), ["r"])
    table = partitions.partition_table(place, PARTITION, ["r"])
    assert not {"dataset", "metric", "reference", "unit"} & set(table.column_names)
    assert partitions.unit_of(table.schema) == "1"
    found = partitions.framed(table, PARTITION)
    pd.testing.assert_frame_equal(found.astype(rows.dtypes.to_dict()), rows)


def test_columns_of_names_are_not_needed_and_not_believed(place):
    """Tables once had them beside their metadata, which alone tell what a row stands for."""
    rows = rows_of("r")
    partitions.write_partition(place, PARTITION, partitions.encoded(rows), ["r"])
    (file,) = (place.local / "leaderboard.parquet").rglob("*.parquet")
    table = pq.read_table(file, partitioning=None)
    assert table.column_names == ["value", "status", "detail"]
    pq.write_table(table.append_column("case", pa.array(["c", "d"]).dictionary_encode()), file)
    found = partitions.framed(partitions.partition_table(place, PARTITION, ["r"]), PARTITION)
    pd.testing.assert_frame_equal(found.astype(rows.dtypes.to_dict()), rows)


def test_partitions_are_listed_by_their_names(place):
    """Slashes, blanks and equals signs in names survive their folder."""
    partitions.write_partition(place, PARTITION, partitions.encoded(rows_of("r")), ["r"])
    assert partitions.partitions(place, "d/1") == [PARTITION[1:]]
    assert partitions.partitions(place, "d") == []


def test_only_the_runs_that_are_asked_for_are_read(place):
    """As a table and as blocks; a run that nobody submitted has no rows."""
    both = pd.concat([rows_of("r", value=0.25), rows_of("s", cases="abc", value=0.75)])
    partitions.write_partition(place, PARTITION, partitions.encoded(both), ["r", "s"])
    table = partitions.partition_table(place, PARTITION, ["s"])
    assert table["value"].to_pylist() == [0.75] * 3
    found, unit = partitions.partition_blocks(place, PARTITION, ["s"])
    assert unit == "1"
    assert [entry.run for block in found for entry in block.extent.entries] == ["s"]
    assert sum(block.values.sum() for block in found) == 3 * 0.75
    assert partitions.partition_table(place, PARTITION, ["t"]).num_rows == 0
    assert partitions.partition_blocks(place, PARTITION, ["t"])[0] == []


def test_folding_keeps_the_runs_that_stay(kept, place):
    """Rows of others go, and one file is left in each partition."""
    content = (kept.folder / "scores.parquet").read_bytes()
    for digest in ("one", "two"):
        assert partitions.add_run(place, digest, kept.manifest, content) == 0
    where = ("blobs", "dice", "majority")
    before = partitions.partition_table(place, where, ["two"])
    partitions.fold(place, "blobs", without=["one"])
    assert partitions.partition_table(place, where, ["two"]).num_rows == before.num_rows > 0
    assert partitions.partition_table(place, where, ["one"]).num_rows == 0
    folders = {file.parent for file in (place.local / "leaderboard.parquet").rglob("*.parquet")}
    assert {len(list(folder.iterdir())) for folder in folders} == {1}


def test_scores_are_checked_against_their_manifest(kept):
    """Of another dataset, of another case, or no table at all: refused; else the lost cases are counted."""
    content = (kept.folder / "scores.parquet").read_bytes()
    rows, lost = partitions.checked_scores("abc", kept.manifest, content)
    assert set(rows["run"]) == {"abc"}
    assert lost == 0
    for wrong in ({"dataset": "other"}, {"cases": ("a",)}):
        with pytest.raises(StoreError, match="abc"):
            partitions.checked_scores("abc", kept.manifest.model_copy(update=wrong), content)
    with pytest.raises(StoreError, match="abc"):
        partitions.checked_scores("abc", kept.manifest, b"no table")


@given(rows=st.integers(0, 30), piece=st.integers(1, 8), cuts=st.lists(st.integers(0, 30), max_size=8, unique=True))
def test_no_more_pieces_are_read_than_the_rows_stand_in(rows, piece, cuts):
    """Whatever spans are asked for, also several of one piece, or one of several."""
    cuts = sorted(at for at in cuts if at <= rows)
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    table = pa.table({"value": list(range(rows)), "status": ["ok"] * rows})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=piece)
    with pq.ParquetFile(buffer) as file, mock.patch.object(file, "read_row_groups", wraps=file.read_row_groups) as read:
        found = partitions._rows(file, spans, ["value"])
    expected = [at for one, other in spans for at in range(one, other)]
    assert found.to_pydict() == {"value": expected}
    assert read.call_args.args[0] == sorted({at // piece for at in expected})


def test_rows_that_a_file_does_not_have_are_refused():
    """Its own words on how its rows stand may be wrong."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"value": [1.0, 2.0]}), buffer)
    with pq.ParquetFile(buffer) as file, pytest.raises(ValueError, match="it has 2 rows, expected 3"):
        partitions._rows(file, [(0, 1), (1, 3)], ["value"])


def test_one_structure_is_read_without_the_others(place, monkeypatch):
    """It has the scores that it has among all, whatever pieces its rows lie in; raters and cases need no row read."""
    monkeypatch.setattr(partitions, "_PIECE", 4)
    rows = pd.concat(
        [rows_of(run, "abc", value).assign(label=label) for run, label, value in (("r", "iph", 0.1), ("r", "sah", 0.2))]
        + [rows_of("s", "ab", 0.3).assign(label="sah"), rows_of("t", "abc", 0.4).assign(label="ivh")]
    )
    partitions.write_partition(place, PARTITION, partitions.encoded(rows), ["r", "s", "t"])
    found, _ = partitions.partition_blocks(place, PARTITION, ["r", "s"], "sah")
    values = {
        (entry.run, block.extent.labels): part.ravel().tolist()
        for block in found
        for entry, part in zip(block.extent.entries, block.values, strict=True)
    }
    assert values == {("r", ("sah",)): [0.2] * 3, ("s", ("sah",)): [0.3] * 2}
    assert partitions.partition_blocks(place, PARTITION, ["t"], "sah")[0] == []
    extents, unit = partitions.partition_extents(place, PARTITION, ["r", "s"])
    assert unit == "1"
    assert sorted((own.entries[0].run, own.cases, own.labels) for own in extents if own.entries) == [
        ("r", ("a", "b", "c"), ("iph", "sah")),
        ("s", ("a", "b"), ("sah",)),
    ]
