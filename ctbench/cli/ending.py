"""How a command ends when a signal (Ctrl-C, SIGTERM, SIGHUP) stops it, and its folder of temporary files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ctbench.temporary import lock_folder, remove_abandoned

__all__ = ["Stopped", "stopped_by_signals", "temporary_folder"]

_PREFIX = "ctbench-command-"
_TRIES = 20
_WAIT_SECONDS = 0.1


class Stopped(BaseException):  # as KeyboardInterrupt: not an error
    """A signal asked the command to stop. Not a `KeyboardInterrupt`, for which typer has a message of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal, as shells report it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number

    def __str__(self) -> str:
        """Return the sentence for the user."""
        name = "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name
        return f"stopped by {name}; complete results are kept, and the same command continues from there"


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` in the block at the first signal; at a second one, end the process at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in signals:
            signal.signal(one, lambda number, _frame: os._exit(128 + number))
        raise Stopped(number)

    signals = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored stays ignored: a command that was started by nohup outlives its terminal.
    before = {one: found for one in signals if (found := signal.getsignal(one)) != signal.SIG_IGN}
    signals = list(before)
    for one in signals:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder of this command for all temporary files inside the block, and remove it afterwards.

    Images of patients lie in temporary files while a predictor runs. Workers that are killed cannot remove theirs, so
    the command does. Folders of commands that were killed themselves are removed by the next command.
    """
    before = tempfile.tempdir
    remove_abandoned(_PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = lock_folder(folder)
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        _remove(folder)
        if lock is not None:
            os.close(lock)


def _remove(folder: Path) -> None:
    for _ in range(_TRIES):  # a worker that is being killed may write a last file
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_WAIT_SECONDS)
