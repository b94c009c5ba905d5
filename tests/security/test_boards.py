"""A board takes no file from outside a run's folder, and loses none but the run that is withdrawn."""

import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctbench.boards import board as boards
from ctbench.boards import open_board, rebuild, submit, withdraw
from ctbench.errors import StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs import Shard, merge, open_run, run
from ctbench.runs.folder import RunFolder
from ctbench.scores import SCORE_COLUMNS

LINKED = ("run.json", "log.jsonl", "times.parquet", "scores.parquet", "predictions", "predictions/a.json")


@pytest.fixture
def kept(finished_run, bright):
    """A whole run of a model."""
    return finished_run(bright, "dice")


def files(folder):
    """All files of a folder with their bytes."""
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["..", ".", "", "../runs", "runs", "*", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_a_digest_is_withdrawn(kept, tmp_path, name):
    """What is not 64 hexadecimal digits deletes nothing: `withdraw ..` deleted the whole board."""
    submit(kept, tmp_path / "board")
    (tmp_path / "board" / "run.json").write_text("{}")  # the board's own folder looks like a run, too
    before = files(tmp_path / "board")
    with pytest.raises(UsageError, match="expected the digest of a run, 64 of the characters"):
        withdraw(name, tmp_path / "board")
    assert files(tmp_path / "board") == before


def test_the_command_refuses_it_with_a_sentence(kept, tmp_path, ctbench):
    """`ctbench withdraw ..` exits 2 and leaves the board as it is."""
    submit(kept, tmp_path / "board")
    before = files(tmp_path / "board")
    done = ctbench("withdraw", "..", "--from", tmp_path / "board")
    assert done.exit_code == 2
    assert "expected the digest of a run" in done.err
    assert files(tmp_path / "board") == before


def test_a_forged_index_opens_no_other_folder(kept, tmp_path):
    """The digest in a board's table is not followed out of the board."""
    submit(kept, tmp_path / "board")
    opened = open_board(tmp_path / "board")
    forged = boards.Board(opened.place, opened.runs.assign(run="../../run"))
    with pytest.raises(UsageError, match="expected the digest of a run"):
        forged.run("../../run")


@pytest.mark.parametrize("name", LINKED)
def test_links_of_a_run_are_not_submitted(kept, tmp_path, name):
    """A link in a run's folder is refused by name, and nothing of what it leads to is on the board."""
    secret = tmp_path / "secret"
    path = kept.folder / name
    if name == "predictions":
        shutil.move(path, secret)
    else:
        secret.write_bytes(path.read_bytes() if path.exists() else b"")
        path.unlink(missing_ok=True)
    path.symlink_to(secret)
    with pytest.raises(StoreError, match=f"{path} is a link to {secret}"):
        submit(open_run(kept.folder), tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_a_link_beside_the_predictions_is_not_submitted(kept, tmp_path):
    """A further file in `predictions` cannot be a link, also one that leads nowhere."""
    (kept.folder / "predictions" / "key").symlink_to(tmp_path / "absent")
    with pytest.raises(StoreError, match="is a link to"):
        submit(kept, tmp_path / "board")


def test_links_of_shards_are_not_merged(blobs, bright, tmp_path):
    """`ctbench merge` copies files, too."""
    shards = [run(blobs, bright, tmp_path / f"s{n}", metrics=["dice"], jobs=1, shard=Shard(n, 2)) for n in (1, 2)]
    (shards[1].folder / "predictions" / "key").symlink_to(os.devnull)
    with pytest.raises(StoreError, match="is a link to"):
        merge(shards, tmp_path / "merged")


def test_one_changed_byte_does_not_bring_a_withdrawn_run_back(kept, blobs, bright, tmp_path):
    """Neither a changed run.json, nor another name, nor one voxel more in a prediction makes it another run."""
    digest, _ = submit(kept, tmp_path / "board")
    withdraw(digest, tmp_path / "board", "trained on the test cases")
    paths = RunFolder(kept.folder)
    paths.manifest.write_text(paths.manifest.read_text() + " ")
    with pytest.raises(UsageError, match=f"is like run {digest}, which was withdrawn from .*: trained on the test"):
        submit(open_run(kept.folder), tmp_path / "board")

    class Renamed(type(bright)):
        def __init__(self):
            super().__init__()
            self.info = replace(self.info, name="another", version="2")

        def predict(self, image):
            """Segment what is bright, and one voxel more in one case."""
            prediction = super().predict(image)
            prediction.labels[0, 0, 0] = prediction.labels[1, 6, 5] == 0
            return prediction

    again = run(blobs, Renamed(), tmp_path / "again", metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="which was withdrawn"):
        submit(again, tmp_path / "board")


def test_another_model_is_let_in_after_a_withdrawal(kept, blobs, bright, tmp_path):
    """A tombstone keeps out what is alike, and nobody else."""
    digest, _ = submit(kept, tmp_path / "board")
    withdraw(digest, tmp_path / "board")

    class Wider(type(bright)):
        def predict(self, image):
            """Segment what is bright, and a slice of it."""
            prediction = super().predict(image)
            prediction.labels[3:] = 0
            return prediction

    other = run(blobs, Wider(), tmp_path / "other", metrics=["dice"], jobs=1)
    assert submit(other, tmp_path / "board")[1]


def bomb(rows, text, path):
    """Write a small Parquet file of many rows, or of much text."""
    columns = {name: pa.repeat("a", rows) for name in SCORE_COLUMNS} | {"value": pa.repeat(0.5, rows)}
    columns["detail"] = pa.repeat(text, rows)
    pq.write_table(pa.table(columns), path, compression="zstd")


BOMBS = {"rows": (4_000_000, ""), "text": (200, "x" * 1_000_000), "one text": (1, "x" * 200_000_000)}


@pytest.mark.slow
@pytest.mark.parametrize("what", BOMBS)
def test_a_small_file_does_not_become_gigabytes(kept, tmp_path, what):
    """Rows and bytes are counted in the metadata before anything is read, and the next submission is not blocked."""
    bomb(*BOMBS[what], kept.folder / "scores.parquet")
    assert (kept.folder / "scores.parquet").stat().st_size < 2 << 20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(StoreError, match="it was not made by ctbench"):
        open_run(kept.folder).scores  # noqa: B018  # reading is what is tried
    digest = sha256(kept.folder / "run.json")
    shutil.copytree(kept.folder, tmp_path / "board" / "runs" / digest)
    assert "was changed after the run was made" in rebuild(tmp_path / "board").runs.iloc[0]["problem"]
    stated = kept.manifest.model_copy(update={"scores_digest": sha256(kept.folder / "scores.parquet")})
    (kept.folder / "run.json").write_text(stated.to_json())
    shutil.move(tmp_path / "board" / "runs" / digest, tmp_path / "other")
    shutil.copytree(kept.folder, tmp_path / "board" / "runs" / sha256(kept.folder / "run.json"))
    assert "it was not made by ctbench" in rebuild(tmp_path / "board").runs.iloc[0]["problem"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


@pytest.mark.parametrize("kind", [pa.large_string(), pa.binary(), pa.string_view()], ids=str)
def test_texts_of_every_type_are_counted(kept, kind):
    """A million letters in each of 300 rows are refused before they are written out, whatever Arrow calls the type."""
    path = kept.folder / "scores.parquet"
    columns = {name: ["a"] * 300 for name in SCORE_COLUMNS} | {"value": [0.5] * 300}
    columns["detail"] = pa.array(["x" * 1_000_000] * 300, pa.string()).cast(kind)
    pq.write_table(pa.table(columns), path, compression="zstd")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(StoreError, match="it was not made by ctbench"):
        open_run(kept.folder).scores  # noqa: B018  # reading is what is tried


INDEXES = {
    "a million million letters": lambda index: index.loc[[0] * 1000].assign(problem="x" * 1_000_000),
    "numbers for texts": lambda index: index.assign(rater=1.5, cases="many"),
    "lists for texts": lambda index: index.assign(run=[["a"]]),
}


@pytest.mark.parametrize("what", INDEXES)
def test_a_forged_index_is_refused_with_a_sentence(kept, tmp_path, what):
    """A small file does not become gigabytes, and wrong types are no crash of a page."""
    submit(kept, tmp_path / "board")
    path = tmp_path / "board" / "index.parquet"
    INDEXES[what](pd.read_parquet(path)).to_parquet(path, index=False, compression="zstd")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(StoreError, match=r"index\.parquet cannot be read"):
        open_board(tmp_path / "board")
    assert len(rebuild(tmp_path / "board").runs) == 1


def plain(table):
    """The texts of a table written out, one of them long."""
    fields = [pa.field(field.name, pa.string() if field.name != "value" else pa.float64()) for field in table.schema]
    return table.cast(pa.schema(fields)).set_column(
        table.schema.get_field_index("detail"), "detail", [["x" * 1_000_000] * len(table)]
    )


PARTITIONS = {
    "plain texts": (plain, set()),
    "no column": (lambda table: table.drop_columns(["status"]), {"scores", "grid"}),
    "another number of rows": (lambda table: table.slice(1), {"scores", "grid"}),
}


@pytest.mark.parametrize("what", PARTITIONS)
def test_a_forged_table_of_scores_ends_a_page_with_a_sentence(kept, tmp_path, what):
    """What anybody may have written into a board is read or refused; long texts are never written out."""
    submit(kept, tmp_path / "board")
    change, expected = PARTITIONS[what]
    for path in (tmp_path / "board" / "leaderboard.parquet").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)
    refused, asked = {}, ("blobs", "dice", "majority")
    for name, read in (
        ("scores", lambda board: board.scores(*asked)),
        ("grid", lambda board: board.grid(*asked).select()),
    ):
        try:
            read(open_board(tmp_path / "board"))
        except StoreError as error:
            refused[name] = str(error)
    assert set(refused) == expected
    assert all("remove leaderboard.parquet and index.parquet to rebuild" in said for said in refused.values())
