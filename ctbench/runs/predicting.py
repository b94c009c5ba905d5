"""The predict phase: images in, label maps out. Nothing here knows where a reference lies."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ctbench.errors import ContractError, DataError, MissingFileError
from ctbench.files import write_text
from ctbench.predictors import FolderPredictions, Prediction, Predictor, check_prediction, load_predictor
from ctbench.runs.folder import RunFolder
from ctbench.volume import Volume, read_volume, write_volume

__all__ = ["Outcome", "PredictorSource", "predict_case"]


@dataclass(frozen=True)
class PredictorSource:
    """How a predictor is made, wherever it is needed.

    Args:
        spec: as ``load_predictor`` takes it.
        options: its keyword arguments.
        made: a predictor that the caller made; it must be picklable to run in several processes.
    """

    spec: str
    options: Mapping[str, Any]
    made: Predictor | FolderPredictions | None = None

    def predictor(self) -> Predictor | FolderPredictions:
        """Give the predictor; a process makes it once."""
        return self.made or _made_once(self.spec, json.dumps(dict(self.options), sort_keys=True))


@dataclass(frozen=True)
class Outcome:
    """How the prediction of one case went.

    Args:
        case: its id.
        status: ``ok``, ``missing`` or ``failed``.
        detail: why it is not ok.
        broken_contract: the predictor returned something that is no prediction.
        trace: the traceback of what the predictor raised.
        seconds: wall time.
    """

    case: str
    status: Literal["ok", "missing", "failed"] = "ok"
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
    start = time.perf_counter()
    try:
        prediction = check_prediction(_predict(predictor, case, volume), volume, predictor.info)
    except MissingFileError as error:
        return Outcome(case, "missing", str(error))
    except (ContractError, DataError) as error:
        return Outcome(case, "failed", str(error), broken_contract=isinstance(error, ContractError))
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything; the run must go on
        what = f"{predictor.info.name} raised {type(error).__name__} on case {case}: {error}"
        return Outcome(case, "failed", what, trace=traceback.format_exc())
    seconds = time.perf_counter() - start
    _keep(prediction, case, volume, folder)
    return Outcome(case, seconds=seconds)


def _predict(predictor: Predictor | FolderPredictions, case: str, image: Volume) -> Prediction:
    if isinstance(predictor, FolderPredictions):
        return predictor.prediction(case, image)
    return predictor.predict(image)


def _keep(prediction: Prediction, case: str, image: Volume, folder: RunFolder) -> None:
    if prediction.score is not None or prediction.findings:
        content = {"score": prediction.score, "findings": [asdict(finding) for finding in prediction.findings]}
        write_text(folder.findings(case), json.dumps(content, indent=1) + "\n")
    # The label map comes last: where it is, the prediction is whole.
    write_volume(image.with_array(prediction.labels), folder.prediction(case))


@lru_cache(maxsize=4)
def _made_once(spec: str, options: str) -> Predictor | FolderPredictions:
    return load_predictor(spec, json.loads(options))
