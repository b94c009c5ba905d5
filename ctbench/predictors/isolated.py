"""`open_predictor` and `IsolatedPredictor`: third-party code runs in a sandboxed child process."""

from __future__ import annotations

import shlex
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError, PluginError, PredictionFailedError, UsageError
from ctbench.predictors.answers import parse_findings
from ctbench.predictors.conformance import CheckResult
from ctbench.predictors.container import ContainerPredictor
from ctbench.predictors.contract import check_prediction
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.info import LABELS_FILE, PredictorInfo, info_from_json, read_labels_file
from ctbench.predictors.isolation import (
    Isolation,
    KilledError,
    Session,
    missing_protections,
    mounted_below,
    shared_files,
)
from ctbench.predictors.origin import expect_no_links_out, is_third_party, option_files, own_files
from ctbench.predictors.predictor import Prediction, Predictor
from ctbench.predictors.resolve import load_predictor
from ctbench.predictors.schemes import find_scheme
from ctbench.predictors.unseen import mount_advice
from ctbench.probability_codes import decode
from ctbench.volume import Volume

__all__ = [
    "IsolatedPredictor",
    "open_model",
    "open_predictor",
    "process_command",
    "unenforced",
    "visible_files",
    "with_options_shown",
]

_CHILD = "ctbench.predictors.child"
"""Module that the child process runs."""

_CASE = Path("/CASE")
"""Placeholder for the folder of a case in a command line that is only shown."""


class IsolatedPredictor:
    """A predictor whose code runs in a child process, which lives on from case to case.

    Every answer of the process is checked. When the predictor exceeds a limit, leaves processes running or dies, the
    case fails and the next one gets a new process; so it does when more than half of the memory limit is in use after
    a case. A case whose process is killed, perhaps from outside, is tried once more.

    Args:
        spec: An entry point, ``module:attribute``, ``command:...`` or ``scheme:PATH``.
        options: Keyword arguments, as for ``load_predictor``; JSON can hold them.
        isolation: What it may read and use; None: its own files, default limits.
        here: Working folder; None: the current one.

    Raises:
        PluginNotFoundError: A command has no ``labels.json``.
        UsageError: The labels of a command are malformed, or one of its own files is a link out of its folder.
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
        options, isolation = _with_labels(spec, options or {}, here), isolation or Isolation()
        own = own_files(spec, here)
        expect_no_links_out(own, (*isolation.mounts, *shared_files()), here)
        self._shown = (*shared_files(), *own, *isolation.mounts)
        self._session = Session(_CHILD, spec, options, isolation, here, own)
        self._info: PredictorInfo | None = None
        weakref.finalize(self, self._session.stop)

    @property
    def info(self) -> PredictorInfo:
        """The predictor's own info; reading it first starts the process.

        Raises:
            PluginError: As for ``load_predictor``, or the process ended or exceeded a limit.
            UsageError: As for ``load_predictor``, or the answer is malformed, or there is no sandbox on this machine
                and the isolation does not allow to run without one.
        """
        self.start(again=False)
        assert self._info is not None
        return self._info

    def start(self, *, again: bool = True) -> None:
        """Start the process if it has not been started, or (``again``) has ended since.

        Raises:
            PluginError, UsageError: As for `info`.
        """
        if self._info is not None and (self._session.is_live or not again):
            return
        try:
            self._info = info_from_json(self._session.start(), f"the info of {self.spec}")
        except PredictionFailedError as error:
            msg = f"predictor {self.spec!r} could not be made: it {error}"
            raise PluginError(msg) from error

    def predict(self, image: Volume) -> Prediction:
        """Predict one image; the same as `prediction` of a case without id."""
        return self.prediction("", image)

    def prediction(self, case: str, image: Volume, *, probabilities: bool = False) -> Prediction:
        """Predict one case.

        Args:
            case: Its id, for messages; the predictor does not get it.
            image: The image, which is all that the predictor gets.
            probabilities: Whether to return its probabilities too, rounded to 8 bits. Default: no.

        Raises:
            PredictionFailedError: The predictor raised an exception, died, exceeded a limit or left processes running;
                notes hold the traceback and the end of what it printed.
            ContractError: The answer is not a valid prediction.
            CtbenchError: The predictor raised it in its process.
        """
        self.start()
        info = self.info
        dtype = np.min_scalar_type(max(info.labels.values(), default=1))
        try:
            labels, codes, answer = self._predicted(image, dtype, info.labels.names if probabilities else ())
        except PredictionFailedError as error:
            self._name_in(error, case)
            raise
        score, findings = parse_findings(answer, f"the answer of {info.name}")
        maps = {name: decode(array).astype(np.float32) for name, array in codes.items()}
        return check_prediction(Prediction(labels, score, maps or None, findings), image, info)

    def _predicted(
        self, image: Volume, dtype: np.dtype[Any], probabilities: tuple[str, ...]
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]], dict[str, Any]]:
        try:
            return self._session.predict(image, dtype, probabilities)
        except KilledError:  # perhaps from outside, which is no fault of the predictor
            self.start()
            return self._session.predict(image, dtype, probabilities)

    def check(self) -> tuple[CheckResult, ...]:
        """Run ``check_conformance`` in the predictor's process and return its results.

        Raises:
            PredictionFailedError: As for `prediction`.
        """
        info = self.info
        try:
            results = self._session.check().get("results", ())
            return tuple(CheckResult(str(one["check"]), one["passed"] is True, str(one["detail"])) for one in results)
        except PredictionFailedError as error:
            self._name_in(error, "")
            raise
        except (TypeError, KeyError) as error:
            msg = f"the process of {info.name} answered without results of the conformance test: {error!r}"
            raise ContractError(msg) from error

    def _name_in(self, error: PredictionFailedError, case: str) -> None:
        """Add the predictor's name, the case, and advice on a file that it does not see to the message of an error."""
        what, colon, why = str(error).removeprefix(f"{self.info.name} ").partition(": ")
        advice = mount_advice("\n".join((str(error), *getattr(error, "__notes__", ()))), self._shown)
        error.args = (f"{self.info.name} {what}{f' on case {case}' if case else ''}{colon}{why}{advice}",)

    def command(self) -> list[str]:
        """Return the command line of its process; ``/CASE`` stands for the folder of a case's image and labels."""
        return self._session.command(_CASE)

    def stop(self) -> None:
        """End its process; the next call starts a new one."""
        self._session.stop()


def open_predictor(
    spec: str, options: Mapping[str, Any] | None = None, isolation: Isolation | None = None, here: Path | None = None
) -> Predictor | FolderPredictions | IsolatedPredictor:
    """Create the predictor that ``spec`` names; third-party code runs in a child process unless it is trusted.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        options: Its keyword arguments.
        isolation: Whether it is trusted, what it may read and use; None: not trusted, default limits.
        here: Working folder; None: the current one.

    Raises:
        PluginError, UsageError: As for ``load_predictor``; for third-party code only when ``info`` is read.
    """
    isolation = with_options_shown(spec, options, isolation, here)
    _expect_possible(spec, isolation)
    if _is_isolated(spec, isolation):
        return IsolatedPredictor(spec, options, isolation, here)
    predictor = load_predictor(spec, options, isolation, here)
    if isinstance(predictor, ContainerPredictor):
        predictor.expect_engine()
    return predictor


def open_model(
    spec: str,
    weights: Path | None = None,
    options: Mapping[str, Any] | None = None,
    isolation: Isolation | None = None,
) -> Predictor | IsolatedPredictor:
    """Create a predictor with given weights, as `open_predictor` does.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        weights: Path that is passed as the option ``weights``, and that the predictor may read; None: its default.
        options: Its other keyword arguments.
        isolation: Whether it is trusted, what it may read and use; None: not trusted, default limits.

    Raises:
        UsageError: It is a folder of predictions, which cannot predict.
        PluginError, UsageError: As for `open_predictor`.
    """
    given, isolation = dict(options or {}), isolation or Isolation()
    if weights is not None:
        given |= {"weights": str(weights)}
        isolation = replace(isolation, mounts=(*isolation.mounts, weights.absolute()))
    predictor = open_predictor(spec, given, isolation)
    if isinstance(predictor, FolderPredictions):
        msg = f"{spec} is a folder of predictions; it cannot predict an image"
        raise UsageError(msg)
    return predictor


def process_command(spec: str, options: Mapping[str, Any] | None = None, isolation: Isolation | None = None) -> str:
    """Return the command line of the process that runs a predictor; ``/CASE`` stands for the folder of a case.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        options: Its keyword arguments.
        isolation: What it may read and use.

    Raises:
        PluginError, UsageError: As for ``load_predictor``; third-party code is not run.
    """
    isolation = with_options_shown(spec, options, isolation)
    _expect_possible(spec, isolation)
    if _is_isolated(spec, isolation):
        return shlex.join(IsolatedPredictor(spec, options, isolation).command())
    predictor = load_predictor(spec, options, isolation)
    if isinstance(predictor, ContainerPredictor):
        return shlex.join(predictor.command(_CASE / "in", _CASE / "out"))
    return f"{spec} runs in ctbench's own process"


def with_options_shown(
    spec: str, options: Mapping[str, Any] | None, isolation: Isolation | None, here: Path | None = None
) -> Isolation:
    """Return the isolation in which a predictor may also read the files and folders that its options name.

    Args:
        spec: Predictor, as ``load_predictor`` takes it; a container has paths of its own.
        options: Its keyword arguments.
        isolation: What it may read and use; None: its own files, default limits.
        here: Working folder; None: the current one.
    """
    isolation = isolation or Isolation()
    named = option_files(options or {}, here or Path.cwd()) if _is_isolated(spec, isolation) else ()
    return replace(isolation, mounts=tuple(dict.fromkeys((*isolation.mounts, *named))))


def visible_files(spec: str, isolation: Isolation, here: Path) -> tuple[Path, ...]:
    """Return the files and folders that a sandboxed predictor may read: the system's, its own, and mounts.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        isolation: Its mounts, and whether it is trusted.
        here: Working folder.

    Returns:
        Paths, with the mount points inside them; empty for a predictor that runs in ctbench's own process.
    """
    if _is_isolated(spec, isolation):
        shown = (*shared_files(), *own_files(spec, here), *isolation.mounts)
        return (*shown, *(point for path in shown for point in mounted_below(path)))
    return isolation.shown if spec.startswith("container:") else ()


def unenforced(spec: str, isolation: Isolation) -> tuple[str, ...]:
    """Return one sentence for each protection that is not enforced for a predictor; a run writes them to its log."""
    if not is_third_party(spec):
        return ()
    if isolation.trust:
        return (f"{spec} is trusted: it runs in ctbench's own process, without a sandbox and without limits",)
    return missing_protections()


def _is_isolated(spec: str, isolation: Isolation) -> bool:
    """Return whether a predictor runs in a process of its own: third-party code that is not trusted."""
    return is_third_party(spec) and not isolation.trust


def _expect_possible(spec: str, isolation: Isolation) -> None:
    """Raise ``UsageError`` for a path inside of what is no container, and for variables of what has no process."""
    if isolation.environment and not (spec.startswith("container:") or _is_isolated(spec, isolation)):
        msg = f"--env is for predictors with a process of their own; {spec} runs in this one: set it before the command"
        raise UsageError(msg)
    if isolation.placed and not spec.startswith("container:"):
        path, inside = isolation.placed[0]
        msg = f"--mount {path}:{inside} is for containers; {spec} sees a file at its own path: use --mount {path}"
        raise UsageError(msg)


def _with_labels(spec: str, options: Mapping[str, Any], here: Path) -> dict[str, Any]:
    """Read the labels of a command or network in this process, as its own process cannot see the file."""
    read = dict(options)
    if find_scheme(spec) and isinstance(read.get("labels"), str):
        read["labels"] = read_labels_file(here / read["labels"])
    if spec.startswith("command:") and not isinstance(read.get("labels"), Mapping):
        read["labels"] = read_labels_file(here / (read.get("labels") or LABELS_FILE))
    return read
