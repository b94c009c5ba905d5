"""A board takes no file from outside a run's folder, and loses none but the run that is withdrawn."""

import os
import shutil
from pathlib import Path

import pytest

from ctbench.boards import board as boards
from ctbench.boards import open_board, submit, withdraw
from ctbench.errors import StoreError, UsageError
from ctbench.runs import Shard, merge, open_run, run

LINKED = ("run.json", "log.jsonl", "times.parquet", "scores.parquet", "predictions", "predictions/a.json")


@pytest.fixture
def kept(blobs, bright, tmp_path):
    """A whole run of a model."""
    return run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1)


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
