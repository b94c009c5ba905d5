"""What a run keeps with confidences: probabilities of structures, and boxes of findings by the dataset's structures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.matching import match_labels
from ctbench.metrics.lesions import Boxes
from ctbench.predictors import Finding
from ctbench.probability_codes import decode
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder
from ctbench.runs.forecasts import kept_probabilities
from ctbench.volume import Volume

__all__ = ["MarkedRun"]


@dataclass(frozen=True, eq=False)
class MarkedRun:
    """The run of a model with what can be marks on lesions.

    Args:
        run: The run.
        forecast: The structures of which it keeps probabilities in some case.
        findings: Case -> its boxes.
        boxed: Type of a box -> the dataset's structures that it is a mark on, for the types that occur.
    """

    run: Run
    forecast: frozenset[str]
    findings: Mapping[str, tuple[Finding, ...]]
    boxed: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, run: Run) -> MarkedRun:
        """Read which probabilities a run has, and its boxes.

        Raises:
            StoreError: Boxes cannot be read.
        """
        cases = run.manifest.cases
        folder = RunFolder.of(run.folder, run.manifest)
        kept = {name for case in cases for name, path in folder.probabilities(case).items() if path.is_file()}
        findings = {case: run.findings(case)[1] for case in cases}
        types = {finding.type for own in findings.values() for finding in own}
        return cls(run, frozenset(kept), findings, {name: _structures_of(run, name) for name in sorted(types)})

    def in_case(self, case: str, structures: Collection[str], grid: Volume) -> dict[str, Any]:
        """Return the arguments of ``metrics.lesions.case_rows`` about marks in one case.

        Args:
            case: Id of the case.
            structures: Names of the structures that are scored.
            grid: An image or label map of the case.

        Raises:
            DataError: A box lies outside the image.
        """
        boxed = {name for names in self.boxed.values() for name in names}
        return {
            "forecast": self.forecast,
            "probabilities": self._probabilities(case, structures, grid),
            "boxes": {name: self._boxes(case, name, grid) for name in structures if name in boxed},
        }

    def _probabilities(self, case: str, structures: Collection[str], grid: Volume) -> dict[str, NDArray[np.float64]]:
        paths = RunFolder.of(self.run.folder, self.run.manifest).probabilities(case)
        wanted = {name: path for name, path in paths.items() if name in structures and path.is_file()}
        return {name: decode(kept_probabilities(path, grid)) for name, path in wanted.items()}

    def _boxes(self, case: str, structure: str, grid: Volume) -> Boxes:
        own = [one for one in self.findings[case] if structure in self.boxed[one.type]]
        for one in own:
            if not one.fits(grid.array.shape):
                msg = (
                    f"{self.run.folder} has {one} in case {case}; expected a box inside the image of shape "
                    f"{grid.array.shape} (z, y, x) and a confidence in [0, 1]. Run the predictor again"
                )
                raise DataError(msg)
        return Boxes(
            np.array([one.slice for one in own], np.int64),
            np.array([one.box for one in own], np.float64).reshape(-1, 4),
            np.array([one.confidence for one in own], np.float64),
        )


def _structures_of(run: Run, kind: str) -> tuple[str, ...]:
    """Return the dataset's structures that a type of box is a part of: its label, and the groups that hold it."""
    card = run.manifest.predictor
    if card is None or kind not in card.info.labels.names:
        return ()
    match = match_labels(run.label_set, card.info.labels)
    codes = {match.translation.get(code) for code in card.info.labels.codes_of(kind)}
    return tuple(name for name, held in match.structures.items() if codes <= set(held))
