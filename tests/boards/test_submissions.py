"""What is written to a board; `test_board.py` reads it."""

import hashlib
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ctbench.boards import open_board, partitions, rebuild, submissions, submit, withdraw
from ctbench.boards.index import submission_time
from ctbench.boards.storage import Place
from ctbench.errors import StoreError, UsageError


class Bucket(MemoryFileSystem):
    """An object store: no locks, no renames, a listing that it remembers, and answers that take their time."""

    protocol = "bucket"
    store: dict = {}  # noqa: RUF012  # shared by all its instances, as fsspec's own memory is
    pseudo_dirs = [""]  # noqa: RUF012  # as store
    _answers = threading.Semaphore(8)

    def _wait(self, path):
        with self._answers:
            time.sleep(int(hashlib.sha256(f"{path}{time.time()}".encode()).hexdigest()[:2], 16) / 256 * 0.004)

    def cat_file(self, path, *arguments, **options):
        """Read an object, late."""
        self._wait(path)
        return super().cat_file(path, *arguments, **options)

    def pipe_file(self, path, *arguments, **options):
        """Write an object, late; then its former listing is stale."""
        self._wait(path)
        super().pipe_file(path, *arguments, **options)

    def ls(self, path, detail=True, **options):
        """List a folder; the answer is remembered as s3fs does it."""
        path = self._strip_protocol(path)
        try:
            found = self.dircache[path]
        except KeyError:
            found = super().ls(path, detail=True, **options)
            self.dircache[path] = found
        return found if detail else [one["name"] for one in found]

    def invalidate_cache(self, path=None):
        """Forget what was listed."""
        self.dircache.clear()


@pytest.fixture
def kept(finished_run, bright):
    """A run with one metric: twenty that submit at once write each partition twenty times."""
    return finished_run(bright, "dice")


@pytest.fixture(params=["disk", "bucket"])
def where(request, tmp_path):
    """A board on a disk and one in an object store."""
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    return tmp_path / "board" if request.param == "disk" else f"bucket://{tmp_path.name}/board"


def test_twenty_submit_at_once(kept, others, where, monkeypatch):
    """All succeed, the index has all of them, and no score of any is lost, though files are folded meanwhile."""
    monkeypatch.setattr(partitions, "_MOST_FILES", 3)
    monkeypatch.setattr(submissions, "_PAUSE_SECONDS", 0.005)
    runs = [kept, *(others(f"model{number}") for number in range(19))]
    with ThreadPoolExecutor(20) as pool:
        digests = {digest for digest, new in pool.map(lambda one: submit(one, where), runs) if new}
    opened = open_board(where)
    assert len(digests) == 20
    assert set(opened.runs["run"]) == digests
    assert opened.runs["problem"].eq("").all()
    for metric, reference in opened.partitions("blobs"):
        scores = opened.scores("blobs", metric, reference)
        assert set(scores["run"]) == digests
        assert not scores.duplicated(["run", "case", "rater", "label"]).any()
        assert {entry.run for entry in opened.grid("blobs", metric, reference).entries} == digests


def test_an_index_that_was_written_late_loses_no_run(kept, others, tmp_path, monkeypatch):
    """In an object store a slow process overwrites the index of a quicker one, sees it, and writes it again."""
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    where, other = f"bucket://{tmp_path.name}/late", others("quick")
    original, written, done = submissions.write_index, threading.Event(), threading.Event()

    def late(place, rows):
        if threading.current_thread().name == "slow" and not written.is_set():
            written.set()  # what it is about to write knows of one run only
            assert done.wait(60)
        original(place, rows)

    monkeypatch.setattr(submissions, "write_index", late)
    slow = threading.Thread(target=submit, args=(kept, where), name="slow")
    slow.start()
    assert written.wait(60)
    submit(other, where)
    done.set()
    slow.join(60)
    assert set(open_board(where).runs["rater"]) == {"bright", "quick"}


def test_submissions_and_withdrawals_at_once(kept, others, where, monkeypatch):
    """Half of the runs go while the other half comes: the index has those that stay, and their scores."""
    monkeypatch.setattr(partitions, "_MOST_FILES", 2)
    monkeypatch.setattr(submissions, "_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(submissions, "expect_not_withdrawn", lambda *_: None)  # they are alike but for the name
    first = [submit(others(f"first{number}"), where)[0] for number in range(5)]
    coming = [others(f"second{number}") for number in range(5)]
    with ThreadPoolExecutor(10) as pool:
        gone = [pool.submit(withdraw, digest, where) for digest in first]
        stay = [pool.submit(submit, one, where) for one in coming]
    assert [one.result() for one in gone] == [None] * 5
    digests = {one.result()[0] for one in stay}
    opened = open_board(where)
    assert set(opened.runs["run"]) == digests
    assert set(opened.scores("blobs", "dice", "majority")["run"]) == digests


def test_a_board_that_never_comes_to_rest_is_an_error(kept, tmp_path, monkeypatch):
    """One sentence after many tries, not an endless loop."""
    monkeypatch.setattr(submissions, "_added", lambda *_, **__: True)
    monkeypatch.setattr(submissions, "_TRIES", 3)
    with pytest.raises(StoreError, match="is written by many others all the time"):
        submit(kept, tmp_path / "board")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="the system has no owners of files")
def test_another_users_run_is_not_withdrawn(kept, tmp_path, monkeypatch):
    """Only who submitted it, who owns the board, or root."""
    digest, _ = submit(kept, tmp_path / "board")
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 12345)
    with pytest.raises(UsageError, match="was submitted by another user"):
        withdraw(digest, tmp_path / "board")
    assert open_board(tmp_path / "board").runs["run"].tolist() == [digest]
    monkeypatch.setattr(os, "getuid", lambda: 0)
    withdraw(digest, tmp_path / "board")
    assert open_board(tmp_path / "board").runs.empty


def test_a_file_that_is_no_prediction_is_not_published(kept, tmp_path):
    """Whatever lies beside the predictions would be on the board for all to read."""
    (kept.folder / "predictions" / "id_rsa").write_text("secret")
    with pytest.raises(StoreError, match="id_rsa is not a prediction of a case"):
        submit(kept, tmp_path / "board")
    assert not (tmp_path / "board").exists()


@pytest.mark.parametrize("file", ["scores.parquet", "predictions/a.nii.gz"])
def test_a_run_that_was_changed_is_not_submitted(kept, tmp_path, file):
    """The digests of what is copied are those of run.json; else nothing of it is on the board."""
    with (kept.folder / file).open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(StoreError, match="was changed since it was made"):
        submit(kept, tmp_path / "board")
    assert not list((tmp_path / "board").rglob("*.gz"))
    assert open_board(tmp_path / "board").runs.empty


def test_tables_that_were_edited_are_made_anew(kept, tmp_path):
    """`rebuild` reads the runs themselves, whatever index and partitions say."""
    digest, _ = submit(kept, tmp_path / "board")
    before = open_board(tmp_path / "board").scores("blobs", "dice", "majority")
    for file in (tmp_path / "board" / "leaderboard.parquet").rglob(f"{digest}.parquet"):
        file.write_bytes(b"edited")
    after = rebuild(tmp_path / "board").scores("blobs", "dice", "majority")
    assert after.astype(object).equals(before.astype(object))


def test_the_order_of_submissions_is_kept_within_a_second(others, tmp_path):
    """Of equal predictions the later run is the copy, so times are kept to the microsecond; a page shows seconds."""
    board = tmp_path / "board"
    digests = [submit(others(f"m{number}"), board)[0] for number in range(4)]
    times = {name: submission_time(Place.of(board) / "runs" / name) for name in digests}
    assert sorted(digests, key=times.__getitem__) == digests
    assert len(set(times.values())) == 4
    assert all(re.fullmatch(r"[-\d]{10}T[:\d]{8}Z", time) for time in open_board(board).runs["submitted"])
