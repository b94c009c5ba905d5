"""`Session`: the child process of a third-party predictor, from start through requests to its end."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import signal
import sys
import threading
import time
import weakref
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
from ctbench.predictors.isolation.processes import tasks_of_user
from ctbench.predictors.isolation.supervised import Supervised
from ctbench.predictors.isolation.workspace import Workspace
from ctbench.volume import Volume

__all__ = ["KilledError", "Session"]

_KILLS = {getattr(signal, "SIGKILL", None), signal.SIGTERM}

_IDLE_SECONDS = 60.0
"""Seconds after which a process without requests is ended, so that it frees its memory."""

_TEXT = 2000
"""Letters of an error's message: it stands in the rows of every structure and metric of a case."""

_NOTE = 2**17
"""Letters of a traceback, and of what was printed, in the log."""

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

    Between requests it is suspended: it computes nothing and starts nothing, until it is asked again or ended. Requests
    of several threads wait for each other.

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
        self._lock = threading.RLock()
        self._last = 0.0

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
        if not self._isolation.unsandboxed:
            sandbox.expect_sandbox()
        with self._lock:
            self.stop()
            return self._start()

    def predict(
        self, image: Volume, dtype: np.dtype[Any], probabilities: Sequence[str] = ()
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]], dict[str, Any]]:
        """Predict an image in the process.

        Args:
            image: The image, which is all that the process gets of the case.
            dtype: Type of the labels that it writes.
            probabilities: Names of the labels of which it may return probabilities; empty (default): it is not asked
                to.

        Returns:
            Labels of the image's shape; label -> probabilities as codes 0 to 255; and the rest of the answer (``score``
            and ``findings``), unchecked.

        Raises:
            PredictionFailedError: As for `start`; or the predictor raised an exception or left processes running.
            CtbenchError: The predictor raised it in the process.
            ContractError: The answer is malformed.
        """
        with self._case() as space:
            request = {"image": space.put(image), **({"probabilities": True} if probabilities else {})}
            return self._predict(request, image.shape, dtype, probabilities)

    def check(self) -> dict[str, Any]:
        """Run ``check_conformance`` in the process and return its answer, unchecked; raises as `predict`."""
        with self._case():
            answer, _ = self._ask({"check": {}})
            return answer

    def stop(self) -> None:
        """Kill the process and all its descendants, and remove the workspace."""
        with self._lock:
            live, self._live = self._live, None
            if live is not None:
                live.process.stop()
                live.space.remove()

    def stop_if_idle(self) -> None:
        """Stop the process if it has not been asked for a minute."""
        if self._lock.acquire(blocking=False):  # otherwise it is being asked
            try:
                if time.monotonic() - self._last > _IDLE_SECONDS:
                    self.stop()
            finally:
                self._lock.release()

    def runs(self, live: _Live) -> bool:
        """Return whether a process is still the one of this session."""
        return self._live is live

    def command(self, folder: Path) -> list[str]:
        """Return the command line of the process.

        Args:
            folder: Workspace, with the folder ``in``.
        """
        command = [sys.executable, "-P", "-u", "-m", self._program]
        gpu = str(self._options.get("device", "")).startswith("cuda")
        if not sandbox.is_sandboxed():
            return sandbox.launched(command, gpu=gpu)
        return sandbox.sandboxed(
            command,
            readable=(folder / "in", *self._isolation.mounts),
            own=self._own_files,
            folder=self._here,
            scratch_bytes=self._isolation.limits.written_bytes,
            user=self._user,
            gpu=gpu,
        )

    @contextlib.contextmanager
    def _case(self) -> Iterator[Workspace]:
        """Start the process if it does not run, and delete the files of the case afterwards."""
        with self._lock:
            if not self.is_live:
                self.start()
            assert self._live is not None
            try:
                yield self._live.space
            finally:
                if self._live is not None:
                    self._live.space.clear()
                if self._live is not None and self._live.holds_too_much:
                    self.stop()

    def _start(self) -> dict[str, Any]:
        alone, limits = not sandbox.is_sandboxed(), self._isolation.limits
        space = Workspace()
        try:
            process = Supervised(
                self.command(space.path),
                limits,
                environment=sandbox.environment(space.scratch if alone else sandbox.SCRATCH)
                | dict(self._isolation.environment),
                folder=self._here if alone else None,
                writes_to=(space.scratch,) if alone else (),
                scratch=() if alone else sandbox.SCRATCHES,
                talks=True,
            )
        except PredictionFailedError:
            space.remove()
            raise
        self._live = live = _Live(process, space)
        self._last = time.monotonic()
        threading.Thread(target=_end_if_idle, args=(weakref.ref(self), live), daemon=True).start()
        make = {
            "spec": self._spec,
            "options": self._options,
            "limits": asdict(limits),
            "running": tasks_of_user() if alone else 0,
            "sandboxed": not alone,
        }
        answer, _ = self._ask({"make": make})
        info = answer.get("info")
        if not isinstance(info, dict):
            raise self._malformed(info)
        return info

    def _predict(
        self,
        request: Mapping[str, Any],
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        probabilities: Sequence[str],
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]], dict[str, Any]]:
        voxels = math.prod(shape)
        answer, payload = self._ask({"predict": request}, voxels * dtype.itemsize, voxels, probabilities)
        labels = np.frombuffer(payload, dtype, voxels).reshape(shape)
        codes = np.frombuffer(payload, np.uint8, offset=labels.nbytes).reshape(-1, *shape)
        return labels, dict(zip(answer.get("probabilities", ()), codes, strict=True)), answer

    def _ask(
        self,
        request: Mapping[str, Mapping[str, Any]],
        payload_bytes: int = 0,
        voxels: int = 0,
        probabilities: Sequence[str] = (),
    ) -> tuple[dict[str, Any], bytearray]:
        """Return the answer to a request, and the bytes of a label map and of probabilities that follow it."""
        assert self._live is not None
        process, payload = self._live.process, bytearray()
        self._number += 1
        process.resume()
        try:
            most = payload_bytes + voxels * len(probabilities)
            line = process.ask(json.dumps({"number": self._number, **request}).encode(), most)
            if not line:
                raise _died(process.exit_code)
            answer = self._parse(line)
            if "error" not in answer and "raised" not in answer and payload_bytes:
                payload = self._payload(process, answer, payload_bytes, voxels, probabilities)
            process.suspend()
            if "make" in request:
                self._live.residents = process.usage().processes
            else:
                self._expect_nothing_left(self._live, answer)
        except PredictionFailedError as error:
            error.add_note(process.printed)
            self.stop()
            raise
        self._last = time.monotonic()
        if "error" in answer or "raised" in answer:
            raise _rebuilt(answer, process.printed)
        return answer, payload

    def _payload(
        self,
        process: Supervised,
        answer: Mapping[str, Any],
        expected: int,
        voxels: int,
        probabilities: Sequence[str],
    ) -> bytearray:
        promised, named = answer.get("labels"), answer.get("probabilities", [])
        if promised != expected:
            self.stop()
            msg = f"its labels came back as {promised!r} bytes; expected {expected}"
            raise ContractError(msg)
        known = isinstance(named, list) and all(isinstance(name, str) and name in probabilities for name in named)
        if not known or len(set(named)) != len(named):
            self.stop()
            msg = f"it answered with probabilities of {str(named)[:200]}; expected distinct names of its own labels"
            raise ContractError(msg)
        expected += voxels * len(named)
        if expected > self._isolation.limits.memory_bytes:  # all of it would be in our memory
            self.stop()
            msg = (
                f"it answered with the probabilities of {len(named)} labels, {expected / 2**30:.3g} GiB, more than its "
                f"{self._isolation.limits.memory_gb:g} GiB of memory; return fewer, or allow more with --memory-gb"
            )
            raise ContractError(msg)
        payload = process.receive(expected)
        if len(payload) != expected:
            raise _died(process.exit_code)
        return payload

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
                raised = f"raised {answer['raised']}"[:_TEXT] + ", and " if "raised" in answer else ""
                msg = f"{raised}left {len(left)} processes running: start them when the predictor is created"
                raise PredictionFailedError(msg)
            live.process.resume()
            time.sleep(0.02)
            live.process.suspend()
        live.holds_too_much = live.process.holds_much(used)


def _end_if_idle(reference: weakref.ref[Session], live: _Live) -> None:
    """End the process of a session when it has been idle for long; a thread for each process."""
    while (session := reference()) is not None and session.runs(live):
        session.stop_if_idle()
        del session  # a session that nobody uses any more goes meanwhile
        time.sleep(1)


def _died(code: int | None) -> PredictionFailedError:
    return (KilledError if _signal_of(code) in _KILLS else PredictionFailedError)(f"died: {_ending(code)}")


def _rebuilt(answer: Mapping[str, Any], printed: str) -> CtbenchError:
    """Rebuild the exception of the child process, of the classes in which a predictor may fail.

    It cannot make an error that would end the run, such as a full disk of ours.
    """
    if "raised" in answer:
        error: CtbenchError = PredictionFailedError(f"raised {answer['raised']}"[:_TEXT])
        error.add_note(str(answer.get("trace", ""))[-_NOTE:])
    else:
        name = str(answer["error"])
        kind = getattr(errors, name) if name in errors.__all__ else PredictionFailedError
        kind = kind if issubclass(kind, (DataError, PluginError, UsageError)) else PredictionFailedError
        error = kind(str(answer.get("text", ""))[:_TEXT])
        error.add_note(str(answer.get("printed", ""))[-_NOTE:])
        error.refused = _refused(answer.get("refused"))
    error.add_note(printed)
    return error


def _refused(answered: object) -> dict[str, bytes]:
    """Return the files of an output that was refused; whoever writes them makes their names safe."""
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        return {name: base64.b64decode(text) for name, text in answered.items()}  # type: ignore[attr-defined]  # else it is suppressed
    return {}


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
