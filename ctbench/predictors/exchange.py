"""Files that pass an image to a program or container, and its prediction back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from ctbench.errors import ContractError, MissingFileError
from ctbench.predictors.answers import MAP_SUFFIX, read_answer
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.isolation import remove_tree
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume, write_volume

__all__ = ["Exchange", "exchange"]


class Exchange:
    """Paths of a program's image and prediction.

    Args:
        folder: Folder with the folders ``in`` and ``out``.
    """

    def __init__(self, folder: Path) -> None:
        self.image = folder / "in" / f"image{MAP_SUFFIX}"
        self.output = folder / "out" / f"prediction{MAP_SUFFIX}"

    def answer(self, image: Volume, info: PredictorInfo) -> Prediction:
        """Read the prediction, with ``prediction_{label}.prob.nii.gz`` beside it if the program wrote any.

        Raises:
            ContractError, DataError: As for `read_answer`; also if the prediction is missing.
        """
        try:
            return read_answer(self.output, image, info, probabilities=True)
        except MissingFileError as error:
            msg = f"{info.name} ended with exit code 0, but wrote no prediction: {error}"
            raise ContractError(msg) from error


@contextmanager
def exchange(image: Volume) -> Iterator[Exchange]:
    """Write ``image`` into a temporary folder for a program; remove the folder afterwards."""
    folder = Path(mkdtemp(prefix="ctbench-"))
    try:
        files = Exchange(folder)
        write_volume(image, files.image)
        files.output.parent.mkdir()
        yield files
    finally:
        remove_tree(folder)
