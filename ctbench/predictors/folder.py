"""Predictions that were made elsewhere: a folder of label maps, no code at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ctbench.errors import MissingFileError, PluginNotFoundError
from ctbench.predictors.answers import MAP_SUFFIX, read_answer
from ctbench.predictors.card import info_of, read_card
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume

__all__ = ["FolderPredictions"]


class FolderPredictions:
    """The predictions ``{case}.nii.gz`` of a folder, with the names of their codes in ``labels.json``.

    ``labels.json`` is ``{"iph": 1, "ivh": 2}`` or a card: ``{"labels": {...}, "groups": {...}, "name": ..., "version":
    ..., "paper": ..., "training_datasets": [...]}``. ``{case}.json`` may stand beside a label map with ``score`` and
    ``findings``.

    Args:
        folder: where the files lie.

    Raises:
        PluginNotFoundError: no such folder, or no ``labels.json`` in it.
        UsageError: ``labels.json`` is not as described.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            msg = (
                f"no folder {self.folder}; folder:PATH expects a folder with labels.json and one {{case}}.nii.gz a case"
            )
            raise PluginNotFoundError(msg)
        card = self.folder / "labels.json"
        self.info = info_of(read_card(card), str(card), name=self.folder.name)

    def path(self, case: str) -> Path:
        """Say where the label map of a case should lie."""
        return self.folder / f"{case}{MAP_SUFFIX}"

    def prediction(self, case: str, image: Volume) -> Prediction:
        """Read the prediction of one case.

        Args:
            case: its id.
            image: the grid that the label map must lie on.

        Raises:
            MissingFileError: there is no file for this case.
            ContractError: it is a link, or holds more than a label map on the image's grid can.
            DataError: the label map lies on another grid, is not made of integers or holds unknown codes.
        """
        path = self.path(case)
        if not path.is_file():
            msg = f"no prediction for case {case}: {path} is not there"
            raise MissingFileError(msg)
        return read_answer(path, image, self.info, f"the image of {case}")

    def unmatched(self, cases: Iterable[str]) -> tuple[str, ...]:
        """Name the label maps that belong to none of ``cases``, sorted."""
        expected = {self.path(case).name for case in cases}
        return tuple(sorted(path.name for path in self.folder.glob(f"*{MAP_SUFFIX}") if path.name not in expected))
