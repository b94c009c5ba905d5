"""The predict phase: images in, label maps out. Nothing here knows where a reference lies."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ctbench.errors import ContractError, DataError, MissingFileError, PluginError, UsageError
from ctbench.files import write_text
from ctbench.predictors import (
    FolderPredictions,
    IsolatedPredictor,
    Isolation,
    Prediction,
    Predictor,
    check_prediction,
    open_predictor,
    unenforced,
    visible_files,
)
from ctbench.runs.folder import RunFolder
from ctbench.scores import Status
from ctbench.volume import Volume, read_volume, write_volume

__all__ = ["Outcome", "PredictorSource", "predict_case"]


AnyPredictor = Predictor | FolderPredictions | IsolatedPredictor


@dataclass(frozen=True)
class PredictorSource:
    """How a predictor is made, wherever it is needed.

    Args:
        spec: as ``load_predictor`` takes it.
        options: its keyword arguments.
        made: a predictor that the caller made; it must be picklable to run in several processes, and is trusted.
        isolation: whether it is trusted, what it may see and use.
        here: the working folder, in which a module or a command is looked for.
    """

    spec: str
    options: Mapping[str, Any]
    made: Predictor | FolderPredictions | None = None
    isolation: Isolation = field(default_factory=Isolation)
    here: Path = field(default_factory=Path.cwd)

    def predictor(self) -> AnyPredictor:
        """Give the predictor; a process makes it once."""
        options = json.dumps(dict(self.options), sort_keys=True)
        return self.made or _made_once(self.spec, options, self.isolation, self.here)

    def release(self) -> None:
        """Give back the memory that the predictor holds for this process, where it has a process of its own."""
        predictor = self.predictor()
        if isinstance(predictor, IsolatedPredictor):
            predictor.stop()

    def unenforced(self) -> tuple[str, ...]:
        """Say, a sentence each, what the predictor is not kept from."""
        return () if self.made else unenforced(self.spec, self.isolation)

    def expect_hidden(self, files: Iterable[Path]) -> None:
        """See to it that nothing which the predictor may read holds one of ``files``: what it is scored against.

        Raises:
            UsageError: it would see one of them; the message names both.
        """
        if self.made:
            return
        shown = {path.resolve() for path in visible_files(self.spec, self.isolation, self.here)}
        for file in files:
            found = shown & {file.resolve(), *file.resolve().parents}
            if found:
                msg = (
                    f"the predictor may read {found.pop()}, in which lies {file}, by which it would be judged; "
                    "keep the dataset in a folder of its own, or mount less"
                )
                raise UsageError(msg)


@dataclass(frozen=True)
class Outcome:
    """How the prediction of one case went.

    Args:
        case: its id.
        status: ``ok``, ``missing`` or ``failed``.
        detail: why it is not ok.
        broken_contract: the predictor returned something that is no prediction.
        trace: the traceback of what the predictor raised, and the end of what it printed.
        seconds: wall time.
    """

    case: str
    status: Status = Status.OK
    detail: str = ""
    broken_contract: bool = False
    trace: str = ""
    seconds: float = 0.0


def predict_case(
    source: PredictorSource, case: str, image: Path | Volume, folder: RunFolder, series: str | None = None
) -> Outcome:
    """Predict one case and keep the prediction in the run's folder.

    Args:
        source: the predictor.
        case: its id.
        image: its file; or, for a case that has no image, a volume on its grid.
        folder: of the run.
        series: which series, where the file is a DICOM folder with several.

    Returns:
        how it went; whatever the predictor raises becomes a ``failed`` outcome.

    Raises:
        DataError: the image cannot be read.
    """
    predictor = source.predictor()
    volume = image if isinstance(image, Volume) else read_volume(image, series=series)
    try:
        info = predictor.info  # where it has a process of its own, that is started here, and is no case's time
        start = time.perf_counter()
        prediction = check_prediction(_predict(predictor, case, volume), volume, info)
    except MissingFileError as error:
        return Outcome(case, Status.MISSING, str(error))
    except (PluginError, DataError) as error:
        trace = "\n".join(getattr(error, "__notes__", ())).strip()
        return Outcome(case, Status.FAILED, str(error), isinstance(error, ContractError), trace)
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything; the run must go on
        what = f"{predictor.info.name} raised {type(error).__name__} on case {case}: {error}"
        return Outcome(case, Status.FAILED, what, trace=traceback.format_exc())
    seconds = time.perf_counter() - start
    _keep(prediction, case, volume, folder)
    return Outcome(case, seconds=seconds)


def _predict(predictor: AnyPredictor, case: str, image: Volume) -> Prediction:
    if isinstance(predictor, Predictor) and not isinstance(predictor, IsolatedPredictor):
        return predictor.predict(image)
    return predictor.prediction(case, image)


def _keep(prediction: Prediction, case: str, image: Volume, folder: RunFolder) -> None:
    if prediction.score is not None or prediction.findings:
        content = {"score": prediction.score, "findings": [asdict(finding) for finding in prediction.findings]}
        write_text(folder.findings(case), json.dumps(content, indent=1) + "\n")
    # The label map comes last: where it is, the prediction is whole.
    write_volume(image.with_array(prediction.labels), folder.prediction(case))


@lru_cache(maxsize=4)
def _made_once(spec: str, options: str, isolation: Isolation, here: Path) -> AnyPredictor:
    return open_predictor(spec, json.loads(options), isolation, here)
