"""Third-party processes under supervision: time, CPU, memory, processes, output and printed text are limited."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ctbench.errors import PredictionFailedError
from ctbench.predictors.isolation.cgroup import new_group
from ctbench.predictors.isolation.inside import look_inside, unlinked_bytes
from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.isolation.processes import (
    Usage,
    holds_more,
    kill_tree,
    measure,
    resume,
    suspend_tree,
)

__all__ = ["ANSWER_BYTES", "Supervised", "run_program"]

ANSWER_BYTES = 4 * 2**20
"""Maximum size of an answer, findings included."""

_NOT_FOUND = re.compile(r"No module named|cannot open shared object file")
_HEAD_BYTES = 2**14
_TAIL_BYTES = 3 * 2**14
_PIPE_BYTES = 2**20
_ENTRY_BYTES = 2**16
_LOOK_SECONDS = 0.1
"""Seconds between two measurements of memory, CPU time and output folder."""


class Supervised:
    """A child process whose use of resources is measured while the parent waits for it.

    Args:
        command: Program and arguments.
        limits: Its limits. Beyond one of them, `ask` and `wait` raise ``PredictionFailedError`` with a message that
            completes a sentence beginning with the predictor's name ("took more than 5 s").
        environment: Its environment variables; None: those of this process.
        folder: Its working folder; None: that of this process.
        writes_to: Folders whose total size is limited, with the files that were deleted there and are still open.
        scratch: Folders for temporary files inside the sandbox, whose size is bounded; the number of files is limited.
        talks: Whether it reads requests from standard input and answers on standard output, line by line.

    Raises:
        PredictionFailedError: The program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        limits: Limits,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        writes_to: Sequence[Path] = (),
        scratch: Sequence[Path] = (),
        talks: bool = False,
    ) -> None:
        self.limits = limits
        self._writes_to = writes_to
        self._scratch = scratch
        self._head, self._tail = bytearray(), bytearray()
        self._printed = 0
        self._cpu_before = 0.0
        self._answer = bytearray()
        self._line_end = -1
        self._payload_bytes = 0
        self._asked = 0.0
        self._suspended: set[int] = set()
        self._unsent = b""
        prints, end = os.pipe()
        self._group = new_group(limits)
        try:
            self._process = subprocess.Popen(
                self._group.joining(command) if self._group else command,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else end,
                stderr=end,
                env=environment,
                cwd=folder,
                start_new_session=True,  # Ctrl-C reaches this process only, which then kills the child
            )
        except OSError as error:
            os.close(prints)
            if self._group:
                self._group.remove()
            msg = f"cannot be started: {command[0]}: {error.strerror}"
            raise PredictionFailedError(msg) from error
        finally:
            os.close(end)
        self._prints = prints
        self._selector = selectors.DefaultSelector()
        self._selector.register(prints, selectors.EVENT_READ, self._take_print)
        if self._process.stdout is not None:
            _enlarge(self._process.stdout.fileno())
            self._selector.register(self._process.stdout, selectors.EVENT_READ, self._take_answer)
        if self._process.stdin is not None:  # a process that does not read must not hold up this one
            os.set_blocking(self._process.stdin.fileno(), False)

    @property
    def printed(self) -> str:
        """What it printed since the last request: all of it up to 64 KiB, else the first 16 KiB and the last 48."""
        left_out = self._printed - len(self._head) - len(self._tail)
        gap = f"\n[... {left_out} bytes left out ...]\n".encode() if left_out else b""
        return (self._head + gap + self._tail).decode(errors="replace").strip()

    @property
    def exit_code(self) -> int | None:
        """Exit code; None while it runs, negative for the signal that ended it."""
        return self._process.poll()

    def usage(self) -> Usage:
        """Measure it and all its descendants; the CPU time of the next request counts from here."""
        used = measure(self._process.pid)
        self._cpu_before = used.cpu_seconds
        return used

    def holds_much(self, used: Usage) -> bool:
        """Return whether it holds more than half of the memory, or of the size of a scratch folder, that it may.

        Args:
            used: What it uses now.
        """
        limits, inside = self.limits, look_inside(used.processes, self._scratch)
        written = sum(_size(folder, limits.written_bytes) for folder in self._writes_to) + inside.scratch_bytes
        return holds_more(used, limits.memory_bytes // 2) or 2 * written > limits.written_bytes

    def suspend(self) -> None:
        """Stop it and all its descendants until `resume`; nothing of it runs meanwhile."""
        self._suspended = suspend_tree(self._process.pid)

    def resume(self) -> None:
        """Let it and its descendants go on."""
        resume(self._suspended)
        self._suspended = set()

    def ask(self, request: bytes, payload_bytes: int = 0) -> bytes:
        """Send one line and return the line that answers it, empty if the process ended instead.

        Args:
            request: The line, without its end.
            payload_bytes: Number of bytes that may follow the answer, for `receive`.

        Raises:
            PredictionFailedError: A limit was exceeded, the answer is longer than ``ANSWER_BYTES``, or it came before
                the request was read.
        """
        assert self._process.stdin is not None
        self._answer.clear()
        self._line_end, self._payload_bytes, self._asked = -1, payload_bytes, time.monotonic()
        self._printed = 0
        self._head.clear()
        self._tail.clear()
        self._unsent = request + b"\n"
        self._selector.register(self._process.stdin, selectors.EVENT_WRITE, self._send)
        self._wait_for(lambda: self._line_end >= 0 or self.exit_code is not None)
        if self._unsent and self.exit_code is None:
            msg = "answered before it had read its request"
            raise PredictionFailedError(msg)
        return bytes(self._answer[: max(self._line_end, 0)])

    def receive(self, size: int) -> bytearray:
        """Return the ``size`` bytes that follow the line of the last answer; fewer if the process ended instead.

        The time limit is that of the request.

        Raises:
            PredictionFailedError: A limit was exceeded.
        """
        end = self._line_end + 1 + size
        self._wait_for(lambda: len(self._answer) >= end or self.exit_code is not None)
        return self._answer[self._line_end + 1 : end]

    def wait(self) -> int:
        """Wait until it ends and return the exit code.

        Raises:
            PredictionFailedError: A limit was exceeded.
        """
        self._asked = time.monotonic()
        self._wait_for(lambda: self.exit_code is not None)
        return self._process.wait()

    def stop(self) -> None:
        """Kill it and all its descendants."""
        if self.exit_code is None:
            kill_tree(self._process.pid)
        with contextlib.suppress(OSError):  # processes of its group that outlived it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._group:
            self._group.remove()
        self._selector.close()
        os.close(self._prints)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _wait_for(self, done: Callable[[], bool]) -> None:
        start, looked = self._asked, time.monotonic()
        pause = _LOOK_SECONDS
        while not done():
            now = time.monotonic()
            if now - start > self.limits.seconds:
                msg = f"took more than {self.limits.seconds:g} s"
                raise PredictionFailedError(msg)
            if now - looked > pause:
                self._look()
                looked = time.monotonic()
                # With thousands of processes measuring is slow: use at most a twentieth of a core.
                pause = max(_LOOK_SECONDS, 20 * (looked - now))
            # A pipe does not signal the end of the process: check often at first, for short requests.
            for key, _ in self._selector.select(min(_LOOK_SECONDS, 0.001 + (now - start) / 10)):
                key.data()
        self._drain()
        if self._group and self.exit_code is not None and self._group.has_run_out():
            raise PredictionFailedError(self._beyond_memory)

    def _drain(self) -> None:
        while ready := self._selector.select(0):
            for key, _ in ready:
                key.data()

    def _look(self) -> None:
        limits, used = self.limits, measure(self._process.pid)
        cpu_seconds = used.cpu_seconds - self._cpu_before
        written = sum(_size(folder, limits.written_bytes) for folder in self._writes_to)
        if self._writes_to:
            written += unlinked_bytes(used.processes)
        inside = look_inside(used.processes, self._scratch)
        written += inside.files * _ENTRY_BYTES
        for is_beyond, what in (
            (
                holds_more(used, limits.memory_bytes - inside.socket_bytes),
                self._beyond_memory,
            ),
            (cpu_seconds > limits.cpu_budget_seconds, f"used more than {limits.cpu_budget_seconds:g} s of CPU time"),
            (len(used.processes) > limits.processes, f"ran more than {limits.processes} processes"),
            (written > limits.written_bytes, f"wrote more than {limits.written_gb:g} GiB"),
        ):
            if is_beyond:
                raise PredictionFailedError(what)

    @property
    def _beyond_memory(self) -> str:
        return f"used more than {self.limits.memory_gb:g} GiB of memory"

    def _take_print(self) -> None:
        chunk = self._read(self._prints)
        self._printed += len(chunk)
        room = _HEAD_BYTES - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        del self._tail[:-_TAIL_BYTES]
        if self._printed > self.limits.printed_bytes:
            msg = f"printed more than {self.limits.printed_mb:g} MiB"
            raise PredictionFailedError(msg)

    def _send(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: the answer is empty
            self._unsent = self._unsent[os.write(self._process.stdin.fileno(), self._unsent) :]
            if self._unsent:
                return
        self._selector.unregister(self._process.stdin)

    def _take_answer(self) -> None:
        assert self._process.stdout is not None
        chunk, before = self._read(self._process.stdout.fileno()), len(self._answer)
        self._answer += chunk
        if self._line_end < 0 and (place := chunk.find(b"\n")) >= 0:
            self._line_end = before + place
        line_bytes = self._line_end if self._line_end >= 0 else len(self._answer)
        if line_bytes > ANSWER_BYTES or len(self._answer) > ANSWER_BYTES + self._payload_bytes:
            msg = f"answered with more than {ANSWER_BYTES / 2**20:g} MiB"
            raise PredictionFailedError(msg)

    def _read(self, pipe: int) -> bytes:
        chunk = os.read(pipe, _PIPE_BYTES)
        if not chunk:
            self._selector.unregister(pipe)
        return chunk


def run_program(command: Sequence[str], limits: Limits, output: Path, name: str, folder: Path | None = None) -> str:
    """Run a program until it ends, then kill the processes that it left running; return what it printed.

    Args:
        command: Program and arguments.
        limits: Its limits.
        output: Folder that it writes to, whose size is limited.
        name: Name of the predictor, for messages.
        folder: Its working folder; None: that of this process.

    Raises:
        PredictionFailedError: It cannot be started, exceeds a limit or ends with an error; a note holds what it
            printed, as `Supervised.printed` does.
    """
    process = None
    try:
        process = Supervised(command, limits, folder=folder, writes_to=(output,))
        code = process.wait()
        if code:
            last = process.printed.splitlines()[-1] if process.printed else "no message"
            msg = f"ended with exit code {code}: {last}{_hint(process.printed)}"
            raise PredictionFailedError(msg)
    except PredictionFailedError as error:
        error.args = (f"{name} {error}",)
        error.add_note(process.printed if process else "")
        raise
    else:
        return process.printed
    finally:
        if process is not None:
            process.stop()


def _hint(printed: str) -> str:
    """Return what to do about a module that a program did not find, after its last message; else nothing."""
    if not _NOT_FOUND.search(printed):
        return ""
    return "; a sandboxed program sees only its own files: show it the folder with what is missing by --mount FOLDER"


def _enlarge(pipe: int) -> None:
    """Let a pipe hold more than its usual 64 KiB, so that label maps come through it in fewer pieces."""
    with contextlib.suppress(ImportError, AttributeError, OSError):  # not Linux, or the user's pipes hold much already
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _size(folder: Path, enough: int) -> int:
    """Return the size of a folder on disk in bytes; counting stops beyond ``enough``.

    Every entry counts for at least 64 KiB, so that the number of empty files is limited too.
    """
    total, folders = 0, [os.fspath(folder)]
    while folders and total <= enough:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                total += max(entry.stat(follow_symlinks=False).st_blocks * 512, _ENTRY_BYTES)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                if total > enough:
                    break
    return total
