"""The life of a third party's process: started when needed, asked, cleaned up after, ended when it goes too far."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench import errors
from ctbench.errors import ContractError, CtbenchError, PredictionFailedError
from ctbench.predictors.isolation import sandbox
from ctbench.predictors.isolation.policy import Isolation
from ctbench.predictors.isolation.processes import holds_more, tasks_of_user
from ctbench.predictors.isolation.supervised import Supervised
from ctbench.predictors.isolation.workspace import Workspace
from ctbench.predictors.origin import own_files
from ctbench.volume import Volume

__all__ = ["Session"]

_GRACE_SECONDS = 1.0
"""How long processes that a predictor started may take to end after its answer."""


@dataclass
class _Live:
    """A running process, its folder, what it ran when it was made, and whether it holds too much memory."""

    process: Supervised
    space: Workspace
    residents: frozenset[int] = frozenset()
    hoards: bool = False


class Session:
    """A process that makes one predictor and answers for it, and the folder through which images and labels go.

    Args:
        spec: as ``load_predictor`` takes it.
        options: as well; JSON can hold them.
        isolation: what it may see and use.
        here: the working folder.
    """

    def __init__(self, spec: str, options: Mapping[str, Any], isolation: Isolation, here: Path) -> None:
        self._spec = spec
        self._options = dict(options)
        self._isolation = isolation
        self._here = here
        self._live: _Live | None = None
        self._number = 0

    @property
    def is_live(self) -> bool:
        """Whether there is a process; one that had nothing to do for long has ended by itself."""
        return self._live is not None and self._live.process.exit_code is None

    def card(self) -> dict[str, Any]:
        """Start the process anew and give the predictor's card.

        Raises:
            PredictionFailedError: it ended or went beyond its limits; the message goes on after the predictor's name.
            CtbenchError: what ``load_predictor`` raised there.
        """
        self.stop()
        return self._start()

    def predict(self, image: Volume, dtype: np.dtype[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Have an image predicted.

        Args:
            image: all that the process gets to see of the case.
            dtype: of the labels that come back.

        Returns:
            labels of the image's shape, and what else it answered: ``score`` and ``findings``, unchecked.

        Raises:
            PredictionFailedError: as ``card``; or it raised, or left processes running.
            CtbenchError: as it was raised there.
            ContractError: it answered what is no answer.
        """
        with self._case() as space:
            answer = self._ask({"predict": {"image": space.put(image), "labels": str(space.labels)}})
            return space.take(image.shape, dtype), answer

    def check(self) -> dict[str, Any]:
        """Have ``check_conformance`` done where the predictor lives; raises as ``predict``."""
        with self._case():
            return self._ask({"check": {}})

    def stop(self) -> None:
        """End the process and all that it started, and remove its folder."""
        live, self._live = self._live, None
        if live is not None:
            live.process.stop()
            live.space.remove()

    def command(self, folder: Path) -> list[str]:
        """Give the command line of the process.

        Args:
            folder: holds the folders ``in`` and ``out``.
        """
        command = [sys.executable, "-P", "-u", "-m", "ctbench.predictors.child"]
        if not sandbox.is_sandboxed():
            return command
        return sandbox.sandboxed(
            command,
            readable=(folder / "in", *own_files(self._spec, self._here), *self._isolation.mounts),
            writable=folder / "out",
            folder=self._here,
            scratch_bytes=self._isolation.limits.written_bytes,
            gpu=str(self._options.get("device", "")).startswith("cuda"),
        )

    @contextlib.contextmanager
    def _case(self) -> Iterator[Workspace]:
        """See to it that there is a process, and that nothing of a case is left for the next one."""
        if not self.is_live:
            self.card()
        assert self._live is not None
        try:
            yield self._live.space
        finally:
            if self._live is not None:
                try:
                    self._live.space.clear()
                except OSError:
                    self.stop()
            if self._live is not None and self._live.hoards:
                self.stop()

    def _start(self) -> dict[str, Any]:
        alone, limits = not sandbox.is_sandboxed(), self._isolation.limits
        space = Workspace(None if alone else sandbox.user_inside())
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
        card = self._ask({"make": make}).get("card")
        live.residents = process.usage().processes
        if not isinstance(card, dict):
            raise self._nonsense(card)
        return card

    def _ask(self, request: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        assert self._live is not None
        process = self._live.process
        self._number += 1
        try:
            line = process.ask(json.dumps({"number": self._number, **request}).encode())
            if not line:
                msg = f"died: {_ending(process.exit_code)}"
                raise PredictionFailedError(msg)
            answer = self._parse(line)
            if "make" not in request:
                self._expect_nothing_left(self._live, answer)
        except PredictionFailedError as error:
            error.add_note(process.printed)
            self.stop()
            raise
        if "error" in answer or "raised" in answer:
            raise _told(answer, process.printed)
        return answer

    def _parse(self, line: bytes) -> dict[str, Any]:
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(line)
            if isinstance(answer, dict) and answer.get("number") == self._number:
                return answer
        raise self._nonsense(line[:100])

    def _nonsense(self, answer: object) -> ContractError:
        self.stop()
        msg = f"predictor {self._spec!r} wrote {answer!r} to its process's answers, which are not its own to write"
        return ContractError(msg)

    def _expect_nothing_left(self, live: _Live, answer: Mapping[str, Any]) -> None:
        """Fail a case that left processes running, answered or not; its predictor's own are none of them."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while left := (used := live.process.usage()).processes - live.residents:
            if time.monotonic() > deadline:
                raised = f"raised {answer['raised']}, and " if "raised" in answer else ""
                msg = f"{raised}left {len(left)} processes running: what is to last is started when it is made"
                raise PredictionFailedError(msg)
            time.sleep(0.02)
        live.hoards = holds_more(used, self._isolation.limits.memory_bytes // 2)


def _told(answer: Mapping[str, Any], printed: str) -> CtbenchError:
    """Make the error that a process tells of; what it calls itself is taken from our own list."""
    if "raised" in answer:
        error: CtbenchError = PredictionFailedError(f"raised {answer['raised']}")
        error.add_note(str(answer.get("trace", "")))
    else:
        name = str(answer["error"])
        kind = getattr(errors, name) if name in errors.__all__ else PredictionFailedError
        error = kind(str(answer.get("text", "")))
    error.add_note(printed)
    return error


def _ending(code: int | None) -> str:
    """Say how a process ended; a shell and bubblewrap tell of a signal as 128 and its number."""
    number = -code if code is not None and code < 0 else (code or 0) - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exit code {code}"
    return f"it was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
