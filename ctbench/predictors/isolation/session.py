"""`Session`: the child process of a third-party predictor, from start through requests to its end."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench import errors
from ctbench.errors import ContractError, CtbenchError, DataError, PluginError, PredictionFailedError, UsageError
from ctbench.predictors.isolation import sandbox
from ctbench.predictors.isolation.policy import Isolation
from ctbench.predictors.isolation.processes import holds_more, tasks_of_user
from ctbench.predictors.isolation.supervised import Supervised
from ctbench.predictors.isolation.workspace import Workspace
from ctbench.volume import Volume

__all__ = ["KilledError", "Session"]

_KILLS = {getattr(signal, "SIGKILL", None), signal.SIGTERM}

_GRACE_SECONDS = 1.0
"""Seconds that processes started by a predictor may take to end after its answer."""


class KilledError(PredictionFailedError):
    """The process was killed, by itself or from outside."""


@dataclass
class _Live:
    """A running process, its workspace, its processes after the start, and whether it holds too much memory."""

    process: Supervised
    space: Workspace
    residents: frozenset[int] = frozenset()
    holds_too_much: bool = False


class Session:
    """A child process that creates one predictor and answers requests for it, and its workspace.

    Args:
        program: Importable module that the process runs; it answers the requests.
        spec: Predictor, as ``load_predictor`` takes it.
        options: Keyword arguments of the predictor; JSON can hold them.
        isolation: What the process may read and use.
        here: Its working folder.
        own_files: The predictor's own files and folders, which the process may read.
    """

    def __init__(
        self,
        program: str,
        spec: str,
        options: Mapping[str, Any],
        isolation: Isolation,
        here: Path,
        own_files: Sequence[Path] = (),
    ) -> None:
        self._program = program
        self._spec = spec
        self._options = dict(options)
        self._isolation = isolation
        self._here = here
        self._own_files = tuple(own_files)
        self._user = sandbox.new_user()
        self._live: _Live | None = None
        self._number = 0

    @property
    def is_live(self) -> bool:
        """Whether the process runs; it ends by itself after a minute without requests."""
        return self._live is not None and self._live.process.exit_code is None

    def start(self) -> dict[str, Any]:
        """Start the process anew; return the JSON form of the predictor's ``info``, unchecked.

        Raises:
            UsageError: There is no sandbox here, and the isolation does not allow to run without one.
            PredictionFailedError: It ended or exceeded a limit; the message completes a sentence that begins with the
                predictor's name.
            CtbenchError: ``load_predictor`` raised it in the process.
        """
        self.stop()
        if not self._isolation.unsandboxed:
            sandbox.expect_sandbox()
        return self._start()

    def predict(self, image: Volume, dtype: np.dtype[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Predict an image in the process.

        Args:
            image: The image, which is all that the process gets of the case.
            dtype: Type of the labels that it writes.

        Returns:
            Labels of the image's shape, and the rest of the answer (``score`` and ``findings``), unchecked.

        Raises:
            PredictionFailedError: As for `start`; or the predictor raised an exception or left processes running.
            CtbenchError: The predictor raised it in the process.
            ContractError: The answer is malformed.
        """
        with self._case() as space:
            answer = self._ask({"predict": {"image": space.put(image), "labels": str(space.labels)}})
            return space.take(image.shape, dtype), answer

    def check(self) -> dict[str, Any]:
        """Run ``check_conformance`` in the process and return its answer, unchecked; raises as `predict`."""
        with self._case():
            return self._ask({"check": {}})

    def stop(self) -> None:
        """Kill the process and all its descendants, and remove the workspace."""
        live, self._live = self._live, None
        if live is not None:
            live.process.stop()
            live.space.remove()

    def command(self, folder: Path) -> list[str]:
        """Return the command line of the process.

        Args:
            folder: Workspace, with the folders ``in`` and ``out``.
        """
        command = [sys.executable, "-P", "-u", "-m", self._program]
        if not sandbox.is_sandboxed():
            return command
        return sandbox.sandboxed(
            command,
            readable=(folder / "in", *self._own_files, *self._isolation.mounts),
            writable=folder / "out",
            folder=self._here,
            scratch_bytes=self._isolation.limits.written_bytes,
            user=self._user,
            gpu=str(self._options.get("device", "")).startswith("cuda"),
        )

    @contextlib.contextmanager
    def _case(self) -> Iterator[Workspace]:
        """Start the process if it does not run, and delete the files of the case afterwards."""
        if not self.is_live:
            self.start()
        assert self._live is not None
        try:
            yield self._live.space
        finally:
            if self._live is not None:
                try:
                    self._live.space.clear()
                except OSError:
                    self.stop()
            if self._live is not None and self._live.holds_too_much:
                self.stop()

    def _start(self) -> dict[str, Any]:
        alone, limits = not sandbox.is_sandboxed(), self._isolation.limits
        space = Workspace(None if alone else self._user)
        try:
            process = Supervised(
                self.command(space.path),
                limits,
                environment=sandbox.environment(space.scratch if alone else sandbox.SCRATCH),
                folder=self._here if alone else None,
                writes_to=(space.output, space.scratch),
                talks=True,
            )
        except PredictionFailedError:
            space.remove()
            raise
        self._live = live = _Live(process, space)
        make = {
            "spec": self._spec,
            "options": self._options,
            "limits": asdict(limits),
            "running": tasks_of_user() if alone else 0,
            "sandboxed": not alone,
        }
        info = self._ask({"make": make}).get("info")
        live.residents = process.usage().processes
        if not isinstance(info, dict):
            raise self._malformed(info)
        return info

    def _ask(self, request: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        assert self._live is not None
        process = self._live.process
        self._number += 1
        try:
            line = process.ask(json.dumps({"number": self._number, **request}).encode())
            if not line:
                msg = f"died: {_ending(process.exit_code)}"
                raise (KilledError if _signal_of(process.exit_code) in _KILLS else PredictionFailedError)(msg)
            answer = self._parse(line)
            if "make" not in request:
                self._expect_nothing_left(self._live, answer)
        except PredictionFailedError as error:
            error.add_note(process.printed)
            self.stop()
            raise
        if "error" in answer or "raised" in answer:
            raise _rebuilt(answer, process.printed)
        return answer

    def _parse(self, line: bytes) -> dict[str, Any]:
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(line)
            if isinstance(answer, dict) and answer.get("number") == self._number:
                return answer
        raise self._malformed(line[:100])

    def _malformed(self, answer: object) -> ContractError:
        self.stop()
        msg = f"predictor {self._spec!r} wrote {answer!r} where its process writes answers; it must not write there"
        return ContractError(msg)

    def _expect_nothing_left(self, live: _Live, answer: Mapping[str, Any]) -> None:
        """Raise if the case left processes running that the predictor did not start when it was created."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while left := (used := live.process.usage()).processes - live.residents:
            if time.monotonic() > deadline:
                raised = f"raised {answer['raised']}, and " if "raised" in answer else ""
                msg = f"{raised}left {len(left)} processes running: start them when the predictor is created"
                raise PredictionFailedError(msg)
            time.sleep(0.02)
        live.holds_too_much = holds_more(used, self._isolation.limits.memory_bytes // 2)


def _rebuilt(answer: Mapping[str, Any], printed: str) -> CtbenchError:
    """Rebuild the exception of the child process, of the classes in which a predictor may fail.

    It cannot make an error that would end the run, such as a full disk of ours.
    """
    if "raised" in answer:
        error: CtbenchError = PredictionFailedError(f"raised {answer['raised']}")
        error.add_note(str(answer.get("trace", "")))
    else:
        name = str(answer["error"])
        kind = getattr(errors, name) if name in errors.__all__ else PredictionFailedError
        kind = kind if issubclass(kind, (DataError, PluginError, UsageError)) else PredictionFailedError
        error = kind(str(answer.get("text", "")))
    error.add_note(printed)
    return error


def _ending(code: int | None) -> str:
    """Describe how a process ended."""
    number = _signal_of(code)
    if number is None:
        return f"exit code {code}"
    return f"it was ended by {number.name}" + (", perhaps because memory ran out" if number.name == "SIGKILL" else "")


def _signal_of(code: int | None) -> signal.Signals | None:
    """Return the signal that ended a process; shells and bubblewrap report signal N as exit code 128 + N."""
    try:
        return signal.Signals(-code if code is not None and code < 0 else (code or 0) - 128)
    except ValueError:
        return None
