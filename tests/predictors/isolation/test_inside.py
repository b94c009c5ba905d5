import os

from ctbench.predictors.isolation.inside import look_inside, unlinked_bytes


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


def test_processes_outside_of_a_sandbox_are_passed_over(tmp_path):
    """This process has no root of its own, and process 0 does not exist."""
    assert look_inside([os.getpid(), 0], [tmp_path]) == (0, 0, 0)
    assert unlinked_bytes([0]) == 0
