"""A third party's predictor: its code runs in a process of its own, in a sandbox where there is one."""

from __future__ import annotations

import shlex
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ctbench.errors import ContractError, PluginError, PredictionFailedError
from ctbench.predictors.answers import parse_findings
from ctbench.predictors.card import info_of, read_card
from ctbench.predictors.conformance import CheckResult
from ctbench.predictors.container import ContainerPredictor
from ctbench.predictors.contract import check_prediction
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.isolation import sandbox
from ctbench.predictors.isolation.policy import Isolation
from ctbench.predictors.origin import is_third_party, own_files
from ctbench.predictors.predictor import Prediction, Predictor, PredictorInfo
from ctbench.predictors.resolve import load_predictor
from ctbench.predictors.session import Session
from ctbench.volume import Volume

__all__ = ["IsolatedPredictor", "open_predictor", "process_command", "unenforced", "visible_files"]

_CASE = Path("/CASE")
"""Stands for the folder of a case in a command line that is only shown."""


class IsolatedPredictor:
    """A predictor whose code never runs in this process; its own process lives on from case to case.

    Nothing that comes back is believed before it was checked. A case on which the predictor goes beyond its limits,
    leaves processes behind or dies costs it its process, and the next case gets a new one; so does a predictor that
    holds more than half of its memory after a case.

    Args:
        spec: an entry point, ``module:attribute`` or ``command:...``.
        options: as ``load_predictor`` takes them; JSON can hold them.
        isolation: what it may see and use; None: its own files, the usual limits.
        here: the working folder; None: the present one.

    Raises:
        PluginNotFoundError, UsageError: the labels of a command are not there, or are none.
    """

    def __init__(
        self,
        spec: str,
        options: Mapping[str, Any] | None = None,
        isolation: Isolation | None = None,
        here: Path | None = None,
    ) -> None:
        self.spec = spec
        here = here or Path.cwd()
        self._session = Session(spec, _with_labels(spec, options or {}, here), isolation or Isolation(), here)
        self._info: PredictorInfo | None = None
        weakref.finalize(self, self._session.stop)

    @property
    def info(self) -> PredictorInfo:
        """Its card; its process is started for that, once.

        Raises:
            PluginError: as ``load_predictor``, or the process ended or went beyond its limits meanwhile.
            UsageError: as ``load_predictor``, or the card is none.
        """
        if self._info is None:
            try:
                self._info = info_of(self._session.card(), f"the card of {self.spec}")
            except PredictionFailedError as error:
                msg = f"predictor {self.spec!r} could not be made: it {error}"
                raise PluginError(msg) from error
        return self._info

    def predict(self, image: Volume) -> Prediction:
        """Predict one image: as ``prediction`` for a case without a name."""
        return self.prediction("", image)

    def prediction(self, case: str, image: Volume) -> Prediction:
        """Predict one case.

        Args:
            case: its id, for messages; the predictor is not told.
            image: all that it is given.

        Raises:
            PredictionFailedError: it raised, died, went beyond a limit or left processes running; notes tell where,
                and what it printed last.
            ContractError: what came back is no prediction.
            CtbenchError: as it was raised there.
        """
        info = self.info
        dtype = np.min_scalar_type(max(info.labels.values(), default=1))
        try:
            labels, answer = self._session.predict(image, dtype)
        except PredictionFailedError as error:
            raise _named(error, info, case) from error
        score, findings = parse_findings(answer, f"the answer of {info.name}")
        return check_prediction(Prediction(labels, score, findings=findings), image, info)

    def check(self) -> tuple[CheckResult, ...]:
        """Have ``check_conformance`` done where the predictor lives.

        Raises:
            PredictionFailedError: as ``prediction``.
        """
        info = self.info
        try:
            results = self._session.check().get("results", ())
            return tuple(CheckResult(str(one["check"]), one["passed"] is True, str(one["detail"])) for one in results)
        except PredictionFailedError as error:
            raise _named(error, info, "") from error
        except (TypeError, KeyError) as error:
            msg = f"{info.name} answered no results of the conformance test: {error!r}"
            raise ContractError(msg) from error

    def command(self) -> list[str]:
        """Give the command line of its process; the folder of its images and labels stands as ``/CASE``."""
        return self._session.command(_CASE)

    def stop(self) -> None:
        """End its process; the next call starts another."""
        self._session.stop()


def open_predictor(
    spec: str, options: Mapping[str, Any] | None = None, isolation: Isolation | None = None, here: Path | None = None
) -> Predictor | FolderPredictions | IsolatedPredictor:
    """Make the predictor that ``spec`` names: a third party's in a process of its own, unless it is trusted.

    Args:
        spec: as ``load_predictor`` takes it.
        options: as well.
        isolation: whether it is trusted, what it may see and use.
        here: the working folder; None: the present one.

    Raises:
        PluginError, UsageError: as ``load_predictor``; a third party's are raised when its card is looked at.
    """
    isolation = isolation or Isolation()
    if is_third_party(spec) and not isolation.trust:
        return IsolatedPredictor(spec, options, isolation, here)
    predictor = load_predictor(spec, options, isolation, here)
    if isinstance(predictor, ContainerPredictor):
        predictor.expect_engine()
    return predictor


def process_command(spec: str, options: Mapping[str, Any] | None = None, isolation: Isolation | None = None) -> str:
    """Show the command line of the process in which a predictor runs; ``/CASE`` stands for the folder of a case.

    Args:
        spec: as ``load_predictor`` takes it.
        options: as well.
        isolation: what it may see and use.

    Raises:
        PluginError, UsageError: as ``load_predictor``; the code of a third party is not run.
    """
    isolation = isolation or Isolation()
    if is_third_party(spec) and not isolation.trust:
        return shlex.join(IsolatedPredictor(spec, options, isolation).command())
    predictor = load_predictor(spec, options, isolation)
    if isinstance(predictor, ContainerPredictor):
        return shlex.join(predictor.command(_CASE / "in", _CASE / "out"))
    return f"{spec} runs in ctbench's own process"


def visible_files(spec: str, isolation: Isolation, here: Path) -> tuple[Path, ...]:
    """Name the files and folders that a predictor may read: the system's, its own, and what is mounted.

    Args:
        spec: as ``load_predictor`` takes it.
        isolation: what it may see.
        here: the working folder.

    Returns:
        none for a predictor that is trusted.
    """
    if is_third_party(spec) and not isolation.trust:
        return (*sandbox.system_files(), *sandbox.interpreter_folders(), *own_files(spec, here), *isolation.mounts)
    return isolation.mounts if spec.startswith("container:") else ()


def unenforced(spec: str, isolation: Isolation) -> tuple[str, ...]:
    """Say, a sentence each, what the predictor that ``spec`` names is not kept from; a run keeps that in its log."""
    if not is_third_party(spec):
        return ()
    if isolation.trust:
        return (f"{spec} is trusted: it runs in ctbench's own process, without a sandbox and without limits",)
    return sandbox.unenforced()


def _with_labels(spec: str, options: Mapping[str, Any], here: Path) -> dict[str, Any]:
    """Read the labels of a command here: the file is no business of the process in which the command runs."""
    read = dict(options)
    if spec.startswith("command:") and not isinstance(read.get("labels"), Mapping):
        read["labels"] = read_card(here / (read.get("labels") or "labels.json"))
    return read


def _named(error: PredictionFailedError, info: PredictorInfo, case: str) -> PredictionFailedError:
    """Put the predictor's name and the case into what the process tells, and keep the notes."""
    what, colon, why = str(error).partition(": ")
    named = PredictionFailedError(f"{info.name} {what}{f' on case {case}' if case else ''}{colon}{why}")
    for note in getattr(error, "__notes__", ()):
        named.add_note(note)
    return named
