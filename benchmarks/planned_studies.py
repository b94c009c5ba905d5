"""Readings of readers and cases with known variances, as studies are planned for: drawn, analysed, and as a pilot.

``calibration.py`` draws from these the studies of its section ``planning``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ctbench.scores import without
from ctbench.statistics import Mrmc, mrmc, mrmc_of_scores
from ctbench.statistics.multi_reader import Components

__all__ = ["PLANNED", "Readings", "on_own_references"]


def on_own_references(values: np.ndarray) -> pd.DataFrame:
    """Lay out scores of a model and readers on the readers' references, 2 x readers x cases, as tidy scores."""
    kind, reader, case = np.indices(values.shape).reshape(3, -1)
    names = np.char.mod("reader%d", reader)
    return pd.DataFrame(
        {
            "dataset": "simulated",
            "case": np.char.mod("case%d", case),
            "rater": np.where(kind == 0, "model", names),
            "rater_kind": np.where(kind == 0, "model", "reader"),
            "reference": [without("majority", name) for name in names],
            "label": "lesion",
            "metric": "dice",
            "value": values.ravel(),
            "status": "ok",
        }
    )


@dataclass(frozen=True)
class Readings:
    """Where readings come from: variances as by Roe and Metz (Academic Radiology 1997;4:298-303), and a difference.

    Of ratings, half of the cases are diseased and rated higher by ``separation``; readers and cases of either kind have
    effects of their own. Of scores ``separation`` is 0, and there is one kind of case.
    """

    figure: str
    difference: float
    reader_condition: float
    case: tuple[float, float, float, float]
    """Variances of cases, cases x conditions, cases x readers, and of the rest."""
    reader: float = 0.0055
    separation: float = 0.0
    sampled: bool = False
    """Whether it is a model on the readers' references (``mrmc_of_scores``)."""

    def study(self, rng: np.random.Generator, readers: int, cases: int) -> Mrmc:
        """Draw new readers and new cases, and analyse them."""
        ill = np.arange(cases) % 2 == 1
        values = np.zeros((2, readers, cases))
        for chosen in (ill, ~ill) if self.separation else (np.ones(cases, bool),):
            n = int(chosen.sum())
            shapes = ((1, readers, 1), (2, readers, 1), (1, 1, n), (2, 1, n), (1, readers, n), (2, readers, n))
            variances = (self.reader, self.reader_condition, *self.case)
            values[..., chosen] = sum(
                rng.normal(0, math.sqrt(variance), shape) for variance, shape in zip(variances, shapes, strict=True)
            )
        raised = ill if self.separation else np.ones(cases, bool)
        values[..., raised] += self.separation
        values[0][:, raised] += self.difference
        if self.sampled:
            return mrmc_of_scores(on_own_references(values), model="model")
        condition, reader, case = np.indices(values.shape).reshape(3, -1)
        rows = {"condition": condition, "reader": reader, "case": case, "truth": ill[case], "rating": values.ravel()}
        return mrmc(pd.DataFrame(rows), figure=self.figure)

    def pilot(self, rng: np.random.Generator, cases: int = 200) -> Mrmc:
        """Return a pilot study with the true components: closed forms, of ratings the means of 100 studies."""
        studies = [self.study(rng, 5, cases) for _ in range(100 if self.separation else 1)]
        if self.separation:
            found = Components(*np.mean([study.components for study in studies], axis=0))
            readers = rng.normal(0, math.sqrt(2 * self.reader), 400_000)
            own = rng.normal(0, math.sqrt(2 * self.reader_condition), (2, len(readers)))
            raised = self.separation + np.array([self.difference, 0])[:, None]
            areas = ndtr((raised + readers + own) / math.sqrt(2 * sum(self.case)))
            between = float(np.var(areas[0] - areas[1])) / 2
        else:
            case, condition, reader, rest = (variance / cases for variance in self.case)
            found = Components(case + condition + reader + rest, case + reader, case + condition, case)
            between = self.reader_condition
        interaction = between + found.variance - found.cov1 - found.excess
        return replace(studies[0], components=found, mean_squares=(math.nan, math.nan, interaction))

    @property
    def true_difference(self) -> float:
        """Of the mean scores, or of the areas of a random reader (binormal: Phi(separation / SD))."""
        if not self.separation:
            return self.difference
        sd = math.sqrt(2 * (self.reader + self.reader_condition + sum(self.case)))
        return float(ndtr((self.separation + self.difference) / sd) - ndtr(self.separation / sd))


PLANNED = {
    "areas, readers alike": Readings("auc", 0.45, 0.0055, (0.3, 0.3, 0.2, 0.2), separation=1.5),
    "areas, readers differ": Readings("auc", 0.6, 0.03, (0.3, 0.3, 0.2, 0.2), reader=0.03, separation=1.5),
    "mean scores": Readings("mean", 0.03, 0.0001, (0.01, 0.001, 0.002, 0.004), reader=0.0004),
    "model against readers": Readings("mean", 0.03, 0.0001, (0.01, 0.002, 0.002, 0.004), reader=0.0004, sampled=True),
}
"""Name of a planned study -> its readings."""
