"""Layers of DeepNAT's networks and their numbers of parameters, from the settings that a run of it records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = ["Settings", "architecture", "parameters", "settings_of", "variant"]

_SUPPORT = 24
_KERNELS = (7, 5, 3)
_COORDINATES = {"both": 6, "spectral": 3, "cartesian": 3, "none": 0}
_USUAL = {"coordinates": "both", "hierarchical": True, "tasks": 7}
_VARIANTS = {
    ("coordinates", "none"): "no coordinates",
    ("coordinates", "cartesian"): "Cartesian only",
    ("coordinates", "spectral"): "spectral only",
    ("hierarchical", False): "one step",
    ("tasks", 1): "1 task",
    ("tasks", 27): "27 tasks",
}


@dataclass(frozen=True)
class Settings:
    """Settings of the second network.

    Args:
        structures: Number of structures.
        coordinates: Number of coordinates.
        tasks: Number of voxels that a patch predicts.
        widths: Filters of the three convolutions.
        hidden: Neurons of the two hidden layers.
    """

    structures: int
    coordinates: int
    tasks: int
    widths: tuple[int, int, int]
    hidden: tuple[int, int]

    @property
    def sides(self) -> tuple[int, int, int, int, int]:
        """Sides in voxels of the patch, after convolution 1, its pooling, convolution 2 and convolution 3."""
        first = _SUPPORT - _KERNELS[0] + 1
        pooled = first // 2
        second = pooled - _KERNELS[1] + 1
        return (_SUPPORT, first, pooled, second, second - _KERNELS[2] + 1)


def settings_of(recorded: Mapping[str, Any]) -> Settings | None:
    """Return the settings in the parameters of a predictor's card; None if it is not DeepNAT's."""
    if not {*_USUAL, "structures", "widths", "hidden"} <= set(recorded):
        return None
    w1, w2, w3 = recorded["widths"]
    h1, h2 = recorded["hidden"]
    return Settings(
        int(recorded["structures"]),
        _COORDINATES[str(recorded["coordinates"])],
        int(recorded["tasks"]),
        (int(w1), int(w2), int(w3)),
        (int(h1), int(h2)),
    )


def variant(results: ComparableRuns, model: str) -> str | None:
    """Return which variant of Figure 4 of Wachinger et al. a model is: ``DeepNAT``, or the one thing that differs.

    Returns:
        The name; None for another model, for two differences, and with the random field.
    """
    card = results.open_run(model).manifest.predictor
    if card is None or settings_of(card.info.parameters) is None or "-crf" in card.info.name:
        return None
    recorded = card.info.parameters
    changes = [(key, recorded[key]) for key, usual in _USUAL.items() if recorded[key] != usual]
    if not changes:
        return "DeepNAT"
    return _VARIANTS.get(changes[0]) if len(changes) == 1 else None


def architecture(settings: Settings) -> pd.DataFrame:
    """Return the layers of Table 1 of Wachinger et al.: columns ``number, layer, specification``."""
    w1, w2, w3 = settings.widths
    h1, h2 = settings.hidden
    rows = [
        ("Convolution", f"7 x 7 x 7 x {w1}"),
        ("ReLU", ""),
        ("Max-pooling", "size 2, stride 2"),
        ("Convolution", f"5 x 5 x 5 x {w2}"),
        ("Batch normalization", ""),
        ("ReLU", ""),
        ("Convolution", f"3 x 3 x 3 x {w3}"),
        ("Batch normalization", ""),
        ("ReLU", f"output {settings.sides[-1] ** 3 * w3}"),
        ("Inner product", f"{h1} neurons"),
        ("ReLU", ""),
        ("Dropout", ""),
        ("Concatenation", f"with {settings.coordinates} coordinates"),
        ("Inner product", f"{h2} neurons"),
        ("Batch normalization", ""),
        ("ReLU", ""),
        ("Dropout", ""),
        (f"Inner product, {settings.tasks} tasks", f"2 / {settings.structures} neurons"),
    ]
    return pd.DataFrame(
        [(number, *row) for number, row in enumerate(rows, start=1)], columns=["number", "layer", "specification"]
    )


def parameters(settings: Settings) -> pd.DataFrame:
    """Return Table 2 of Wachinger et al.: the weights of each layer, without biases and with one task; last the total.

    Returns:
        Columns ``layer, calculation, parameters, input, output``.
    """
    w1, w2, w3 = settings.widths
    h1, h2 = settings.hidden
    patch, first, pooled, second, third = settings.sides
    factors = {
        "Convolution I": ((7, 7, 7, 1, w1), (patch,) * 3 + (1,), (first,) * 3 + (w1,)),
        "Convolution II": ((5, 5, 5, w1, w2), (pooled,) * 3 + (w1,), (second,) * 3 + (w2,)),
        "Convolution III": ((3, 3, 3, w2, w3), (second,) * 3 + (w2,), (third,) * 3 + (w3,)),
        "Inner Product I": ((third, third, third, w3, h1), (third,) * 3 + (w3,), (h1,)),
        "Inner Product II": ((h1 + settings.coordinates, h2), (h1 + settings.coordinates,), (h2,)),
        "Inner Product III": ((h2, settings.structures), (h2,), (settings.structures,)),
    }
    rows = [
        (name, _times(made), math.prod(made), _times(into), _times(out)) for name, (made, into, out) in factors.items()
    ]
    rows.append(("Total", "", sum(row[2] for row in rows), "", ""))
    return pd.DataFrame(rows, columns=["layer", "calculation", "parameters", "input", "output"])


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
