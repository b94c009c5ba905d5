"""The conformance test that every predictor must pass, on small volumes that take seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctbench.annotations import Segment, match_names, read_annotation, segment_names
from ctbench.errors import ContractError, CtbenchError
from ctbench.predictors.answers import MAP_SUFFIXES
from ctbench.predictors.contract import check_prediction, encoded_probabilities
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.predictor import Prediction, Predictor
from ctbench.volume import Volume
from ctbench.volume.dicom.kinds import kind_of

__all__ = ["CheckResult", "check_conformance", "tiny_head"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check: its name, whether the predictor passed, and the reason if it did not."""

    check: str
    passed: bool
    detail: str = ""


def tiny_head(
    shape: tuple[int, int, int] = (8, 48, 40),
    spacing_mm: tuple[float, float, float] = (18.0, 4.5, 4.5),
    direction: np.ndarray | None = None,
) -> Volume:
    """Make a head of a few thousand voxels in HU: air, scalp, skull, brain, ventricles and a hemorrhage.

    Args:
        shape: Number of voxels along z, y, x.
        spacing_mm: Spacing along z, y, x in mm.
        direction: Direction matrix, as in `Volume`; None: identity.
    """
    axes = [(np.arange(size) - (size - 1) / 2) / (size / 2) for size in shape]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt(z**2 + y**2 + x**2)
    hu = np.full(shape, -1000.0)
    for outer, value in ((0.95, 20.0), (0.88, 900.0), (0.78, 33.0), (0.2, 6.0)):
        hu[radius < outer] = value
    hu[(z**2 + (y - 0.3) ** 2 + (x - 0.4) ** 2) < 0.15**2] = 68.0
    hu += np.random.default_rng(0).normal(0.0, 3.0, shape)
    return Volume(np.round(hu).astype(np.int16), spacing_mm, (-60.0, -90.0, -80.0), direction)  # type: ignore[arg-type]  # None is the identity


def check_conformance(predictor: Predictor | FolderPredictions) -> tuple[CheckResult, ...]:
    """Check whether a predictor keeps the contract.

    A folder of predictions (``folder:PATH``) has no code to run: each of its files is read instead.

    Args:
        predictor: Predictor, as ``load_predictor`` returns it.

    Returns:
        One result for each check (for each file of a folder), in a fixed order.
    """
    if isinstance(predictor, FolderPredictions):
        return tuple(_check_file(predictor, path) for path in predictor.files()) or (
            CheckResult("predictions", False, f"{predictor.folder} has no label map (*{', *'.join(MAP_SUFFIXES)})"),
        )
    return tuple(_ask(question, check, predictor) for question, check in _QUESTIONS.items())


def _ask(question: str, check: Callable[[Predictor], None], predictor: Predictor) -> CheckResult:
    try:
        check(predictor)
    except CtbenchError as error:
        return CheckResult(question, False, str(error))
    except Exception as error:  # noqa: BLE001  # a plugin may raise any exception, which fails the check
        return CheckResult(question, False, f"raised {type(error).__name__}: {error}")
    return CheckResult(question, True)


def _check_file(predictor: FolderPredictions, path: Path) -> CheckResult:
    labels = predictor.info.labels
    try:
        if kind_of(path):  # without an image only the names can be checked
            names = segment_names(path) or ()
            match_names([Segment(name, np.ones(0, bool)) for name in names], labels, predictor.naming, str(path))
        else:
            read_annotation(path, labels=labels, naming=predictor.naming)
    except CtbenchError as error:
        return CheckResult(path.name, False, str(error))
    return CheckResult(path.name, True)


def _predict(predictor: Predictor, image: Volume) -> Prediction:
    prediction = check_prediction(predictor.predict(image), image, predictor.info)
    encoded_probabilities(prediction, predictor.info)
    return prediction


def _check_head(predictor: Predictor) -> None:
    _predict(predictor, tiny_head())


def _check_empty(predictor: Predictor) -> None:
    _predict(predictor, Volume(np.full((4, 32, 32), -1000, np.int16), (5.0, 1.0, 1.0)))


def _check_anisotropic(predictor: Predictor) -> None:
    _predict(predictor, tiny_head((7, 65, 51), (20.0, 3.3, 3.3)))


def _check_two_slices(predictor: Predictor) -> None:
    _predict(predictor, tiny_head((2, 48, 40)))


def _check_flipped(predictor: Predictor) -> None:
    for flip in (np.diag([-1.0, 1.0, 1.0]), np.diag([1.0, -1.0, -1.0])):
        _predict(predictor, tiny_head(direction=flip))


def _check_float(predictor: Predictor) -> None:
    image = tiny_head()
    _predict(predictor, image.with_array(image.array.astype(np.float32)))


def _check_repeated(predictor: Predictor) -> None:
    image = tiny_head()
    first, second = _predict(predictor, image), _predict(predictor, image)
    differing = int((first.labels != second.labels).sum())
    if differing or first.score != second.score:
        msg = f"two calls with one image differ in {differing} voxels (scores {first.score}, {second.score})"
        raise ContractError(msg)


def _check_untouched(predictor: Predictor) -> None:
    image = tiny_head()
    before = image.array.copy()
    image.array.flags.writeable = False
    _predict(predictor, image)
    if not np.array_equal(before, image.array):
        msg = "the image's array was changed; copy it before changing it"
        raise ContractError(msg)


def _check_writes(predictor: Predictor) -> None:
    with _watched_writes() as written:
        _predict(predictor, tiny_head())
    left = [path for path in written if os.path.exists(path)]  # noqa: PTH110  # names as they were opened
    if left:
        msg = f"files were left behind by predicting: {', '.join(left[:5])}; a predictor only returns its prediction"
        raise ContractError(msg)


_QUESTIONS: dict[str, Callable[[Predictor], None]] = {
    "keeps the grid, knows its labels": _check_head,
    "takes an empty scan": _check_empty,
    "takes anisotropic voxels and odd sizes": _check_anisotropic,
    "takes two slices": _check_two_slices,
    "takes flipped axes": _check_flipped,
    "takes floating-point HU": _check_float,
    "returns the same prediction twice": _check_repeated,
    "leaves the image as it is": _check_untouched,
    "leaves no files behind": _check_writes,
}

_written: list[str] | None = None
_hooked = False


@contextmanager
def _watched_writes() -> Iterator[list[str]]:
    """List the paths that Python code opens for writing inside the block, without bytecode caches."""
    global _written, _hooked  # noqa: PLW0603  # an audit hook cannot be removed, so there is one, switched by a global
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    _written = []
    try:
        yield _written
    finally:
        _written = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _written is None or event != "open":
        return
    path, mode, flags = arguments
    writes = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))
    if writes and isinstance(path, (str, bytes, os.PathLike)):
        name = os.fsdecode(path)
        if "__pycache__" not in name and not name.startswith("/dev/"):
            _written.append(name)
