"""Prediction of single cases: images in, label maps out, without access to the references."""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError, DataError, MissingFileError, PluginError, StoreError, UsageError
from ctbench.files import write_text
from ctbench.predictors import (
    FolderPredictions,
    IsolatedPredictor,
    Isolation,
    Prediction,
    Predictor,
    PredictorInfo,
    check_prediction,
    encoded_probabilities,
    findings_file,
    identities,
    is_third_party,
    open_predictor,
    unenforced,
    visible_files,
)
from ctbench.runs.digests import readable_files, short_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.manifest import UsedPredictor
from ctbench.runs.privacy import public_text, secrets_in
from ctbench.runs.refused import keep_refused
from ctbench.scores import Status
from ctbench.volume import Volume, read_volume, write_volume

__all__ = ["Outcome", "PredictorSource", "predict_case", "release_predictors"]


AnyPredictor = Predictor | FolderPredictions | IsolatedPredictor


@dataclass(frozen=True)
class PredictorSource:
    """A predictor's spec and options, from which each process makes it.

    Args:
        spec: As for ``load_predictor``.
        options: Keyword arguments of the predictor's callable.
        made: A predictor object made by the caller; it must be picklable to run in several processes, and is trusted.
        isolation: Whether it is trusted, what it may read, and its limits.
        here: The working folder, in which a module or a command is looked for.
    """

    spec: str
    options: Mapping[str, Any]
    made: Predictor | FolderPredictions | None = None
    isolation: Isolation = field(default_factory=Isolation)
    here: Path = field(default_factory=Path.cwd)

    def predictor(self) -> AnyPredictor:
        """Return the predictor, which is made once per thread: a process of a Dask worker may have several."""
        options = json.dumps(dict(self.options), sort_keys=True)
        return self.made or _made_once(self.spec, options, self.isolation, self.here)

    def card(self, code_digest: str) -> UsedPredictor:
        """Return the description of the predictor, as ``run.json`` holds it.

        Args:
            code_digest: Digest of its code.
        """
        trusted = not self.made and self.isolation.trust and is_third_party(self.spec)
        variables = {name: short_digest(f"{name}={value}") for name, value in self.isolation.environment}
        info = self.predictor().info
        return UsedPredictor.of(info, self.spec, self.options, code_digest, trusted=trusted, environment=variables)

    def secrets(self) -> tuple[str, ...]:
        """Return the values of its options and environment variables whose names say that they are secret."""
        return (*secrets_in(self.options), *secrets_in(dict(self.isolation.environment)))

    def release(self) -> None:
        """Release the memory of a predictor that runs in a process of its own."""
        predictor = self.predictor()
        if isinstance(predictor, IsolatedPredictor):
            predictor.stop()

    def unenforced(self) -> tuple[str, ...]:
        """Return the restrictions that cannot be enforced here, a sentence each."""
        return () if self.made else unenforced(self.spec, self.isolation)

    def reads_around(self) -> bool:
        """Return whether it may read the files of its working folder: third-party code without a sandbox."""
        return not self.made and ":" in self.spec and is_third_party(self.spec) and bool(self.unenforced())

    def expect_hidden(self, files: Iterable[Path]) -> None:
        """Check that the predictor cannot read any of ``files``, which it is scored against.

        Raises:
            UsageError: It could read one of them; the message names both.
        """
        if self.made:
            return
        visible = visible_files(self.spec, self.isolation, self.here)
        shown = identities(visible)  # not paths: a folder may be mounted in several places
        files = list(files)
        if visible and any(file.stat().st_nlink > 1 for file in files if file.is_file()):
            shown |= identities(readable_files(self.spec, self.here, self.isolation.shown))
        for file in files:
            found = shown.keys() & identities((file, *file.resolve().parents)).keys()
            if found:
                msg = (
                    f"the predictor may read {shown[found.pop()]}, in which lies {file}, by which it would be judged; "
                    "keep the dataset in a folder of its own, or mount less"
                )
                raise UsageError(msg)


@dataclass(frozen=True)
class Outcome:
    """Outcome of the prediction of one case.

    Args:
        case: Id of the case.
        status: ``ok``, ``missing`` or ``failed``.
        detail: Why it is not ok.
        broken_contract: Whether the predictor returned something other than a valid prediction.
        trace: Traceback of the predictor's exception, and the end of what it printed.
        seconds: Wall time.
        unenforced: Restrictions that the machine of the prediction could not enforce, a sentence each.
        files: Name of each file of the prediction -> its SHA-256.
        refused: Folder in which the output that was refused is kept, outside of the run; empty if there is none.
    """

    case: str
    status: Status = Status.OK
    detail: str = ""
    broken_contract: bool = False
    trace: str = ""
    seconds: float = 0.0
    unenforced: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


def predict_case(
    source: PredictorSource, case: str, image: Path | Volume, folder: RunFolder, series: str | None = None
) -> Outcome:
    """Predict one case and write the prediction into the run's folder, with probabilities if the folder keeps them.

    Args:
        source: The predictor.
        case: Id of the case.
        image: File of the image; for a case without an image, a volume on its grid.
        folder: The run's folder.
        series: Which series to read from a DICOM folder with several.

    Returns:
        The outcome; any exception of the predictor becomes a ``failed`` outcome.

    Raises:
        DataError: The image cannot be read.
        PluginError: The predictor cannot be made, although it could when the run began; it is tried twice.
        UsageError: There is no sandbox on this machine, and the predictor must not run without one.
        StoreError: The folder of temporary files cannot be written.
    """
    outcome = _predicted(source, case, image, folder, series)
    return replace(outcome, unenforced=source.unenforced())


def release_predictors() -> None:
    """End the processes of the predictors that were made in this thread: the score phase has begun."""
    for predictor in _made.predictors.values():
        if isinstance(predictor, IsolatedPredictor):
            predictor.stop()


def _predicted(
    source: PredictorSource, case: str, image: Path | Volume, folder: RunFolder, series: str | None
) -> Outcome:
    predictor, known = source.predictor(), source.secrets()
    volume = image if isinstance(image, Volume) else read_volume(image, series=series)
    info = _ready(predictor)  # outside the time of the case, and no failure of it
    try:
        start = time.perf_counter()
        with _one_at_a_time if source.made else nullcontext():
            wanted = bool(folder.probability_labels)
            prediction = check_prediction(_predict(predictor, case, volume, probabilities=wanted), volume, info)
            codes = encoded_probabilities(prediction, info) if wanted else {}
    except StoreError:  # a full disk is no failure of the predictor
        raise
    except MissingFileError as error:
        return Outcome(case, Status.MISSING, public_text(str(error), known))
    except (PluginError, DataError) as error:
        trace = public_text("\n".join(getattr(error, "__notes__", ())).strip(), known)
        kept = str(keep_refused(error.refused, info.name, case) or "")
        why, broken = public_text(str(error), known), isinstance(error, ContractError)
        return Outcome(case, Status.FAILED, why, broken_contract=broken, trace=trace, refused=kept)
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything; the run must go on
        what = f"{info.name} raised {type(error).__name__} on case {case}: {error}"
        trace = public_text(traceback.format_exc(), known)
        return Outcome(case, Status.FAILED, public_text(what, known), trace=trace)
    seconds = time.perf_counter() - start
    _keep(prediction, codes, case, volume, folder)
    return Outcome(case, seconds=seconds)


def _ready(predictor: AnyPredictor) -> PredictorInfo:
    """Start the process of a predictor, if it has one, a second time if that fails; return the predictor's info."""
    if isinstance(predictor, IsolatedPredictor):
        try:
            predictor.start()
        except PluginError:
            predictor.start()
    return predictor.info


def _predict(predictor: AnyPredictor, case: str, image: Volume, *, probabilities: bool) -> Prediction:
    if isinstance(predictor, Predictor) and not isinstance(predictor, IsolatedPredictor):
        return predictor.predict(image)
    return predictor.prediction(case, image, probabilities=probabilities)


def _keep(
    prediction: Prediction, codes: Mapping[str, NDArray[np.uint8]], case: str, image: Volume, folder: RunFolder
) -> None:
    paths = folder.probabilities(case)
    for label, array in codes.items():
        if label in paths:
            write_volume(image.with_array(array), paths[label])
    if (found := findings_file(prediction)) is not None:
        write_text(folder.findings(case), found)
    # The label map comes last: where it is, the prediction is whole.
    write_volume(image.with_array(prediction.labels), folder.prediction(case))


class _Made(threading.local):
    """The predictors that were made in this thread, oldest first; they end with it."""

    def __init__(self) -> None:
        self.predictors: dict[tuple[Any, ...], AnyPredictor] = {}


_made = _Made()

_one_at_a_time = threading.Lock()
"""Dask may hand one predictor object to two threads, and its author need not have thought of that."""

_MOST = 4


def _made_once(spec: str, options: str, isolation: Isolation, here: Path) -> AnyPredictor:
    kept, wanted = _made.predictors, (spec, options, isolation, here)
    if wanted not in kept:
        for oldest in list(kept)[: len(kept) + 1 - _MOST]:
            del kept[oldest]
        kept[wanted] = open_predictor(spec, json.loads(options), isolation, here)
    return kept[wanted]
