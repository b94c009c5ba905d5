"""The guard itself: what it is there to see, it sees."""


def test_a_reader_that_hangs_is_ended(guard, tmp_path):
    """After its time, and the next file is read by a new worker."""
    killed = guard.killed
    assert guard.ask("hang", tmp_path, seconds=0.2)["outcome"] == "hang"
    assert guard.killed == killed + 1
    assert guard.ask("volume", tmp_path / "absent.nii")["outcome"] == "refused"


def test_a_reader_that_crashes_is_told_from_one_that_hangs(guard, tmp_path):
    """The process is gone, and the next file is read by a new one."""
    assert guard.ask("crash", tmp_path)["outcome"].startswith("crash")
    assert guard.ask("volume", tmp_path / "absent.nii")["outcome"] == "refused"


def test_a_reader_that_hoards_is_stopped(guard, tmp_path):
    """By its limit; one worker reads on after an error."""
    guard.ask("volume", tmp_path / "absent.nii")
    worker = guard.process.pid
    assert guard.ask("hoard", tmp_path)["outcome"] == "MemoryError"
    assert guard.ask("volume", tmp_path / "absent.nii")["outcome"] == "refused"
    assert guard.process.pid == worker
