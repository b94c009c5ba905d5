import os

from ctbench.predictors.isolation.inside import MEMORY_FILE, look_inside, unlinked_bytes


def test_deleted_files_that_are_open_count(tmp_path):
    """Once each, however often a process has them open; others do not count."""
    path = tmp_path / "big"
    before = unlinked_bytes([os.getpid()])
    with path.open("wb") as file, path.open("rb"):
        file.write(bytes(2**20))
        file.flush()
        os.fsync(file.fileno())
        assert unlinked_bytes([os.getpid()]) == before
        path.unlink()
        assert 2**20 <= unlinked_bytes([os.getpid()]) - before < 2 * 2**20
    assert unlinked_bytes([os.getpid()]) == before


def test_memory_files_count(tmp_path):
    """They have no name in any folder; asked for alone, deleted files on the disk are left out."""
    process, path = [os.getpid()], tmp_path / "big"
    before = unlinked_bytes(process), unlinked_bytes(process, MEMORY_FILE)
    descriptor = os.memfd_create("driver")
    with path.open("wb") as file:
        file.write(bytes(2**20))
        file.flush()
        os.fsync(file.fileno())
        path.unlink()
        os.write(descriptor, bytes(2**20))
        assert unlinked_bytes(process) - before[0] >= 2 * 2**20
        assert 2**20 <= unlinked_bytes(process, MEMORY_FILE) - before[1] < 2 * 2**20
    os.close(descriptor)


def test_processes_outside_of_a_sandbox_are_passed_over(tmp_path):
    """This process has no root of its own, and process 0 does not exist."""
    assert look_inside([os.getpid(), 0], [tmp_path]) == (0, 0, 0)
    assert unlinked_bytes([0]) == 0
