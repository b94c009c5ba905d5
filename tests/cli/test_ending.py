import os
import signal
import tempfile
from pathlib import Path

import pytest

from ctbench.cli.ending import Stopped, stopped_by_signals, temporary_folder


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """The folder in which temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_temporary_files_are_removed_whatever_happens(parent):
    """Inside the block they lie in a folder of the command; after an error nothing of it is left."""

    def stop_inside():
        with temporary_folder() as folder:
            assert Path(tempfile.mkdtemp()).parent == folder
            raise Stopped(signal.SIGTERM)

    with pytest.raises(Stopped):
        stop_inside()
    assert tempfile.gettempdir() == str(parent)
    assert list(parent.iterdir()) == []


def test_the_folder_of_a_killed_command_is_removed(parent):
    """One that nobody has locked and that is older than a minute goes; a new one, a link and one in use stay."""
    for name in ("old", "new"):
        (parent / f"ctbench-command-{name}").mkdir()
    (parent / "elsewhere").mkdir()
    (parent / "ctbench-command-link").symlink_to(parent / "elsewhere")
    os.utime(parent / "ctbench-command-old", (1, 1))
    os.utime(parent / "ctbench-command-link", (1, 1), follow_symlinks=False)
    with temporary_folder() as used:
        os.utime(used, (1, 1))
        with temporary_folder():
            assert used.is_dir()
    assert {path.name for path in parent.iterdir()} == {"ctbench-command-new", "ctbench-command-link", "elsewhere"}


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_an_exception_inside_the_block_only(name, code):
    """It has the exit code that shells know; afterwards the signal does what it did before."""
    number = getattr(signal, name)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(Stopped) as caught, stopped_by_signals():
            signal.raise_signal(number)
        assert caught.value.exit_code == code
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
