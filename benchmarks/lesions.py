"""Processor time of the lesion tables of one case of 512 x 512 x 40 voxels, beside the panel of ``metrics.score``.

Both run in turn on one thread, round after round, and medians are printed and written to ``results/lesions.json``: of
a hemorrhage of some pieces, of one in two hundred pieces, and of the structures of the other benchmarks.

    OMP_NUM_THREADS=1 python benchmarks/lesions.py
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from workloads import WORKLOADS, make

from ctbench.metrics import score
from ctbench.metrics.lesions import PROTOCOLS, case_tables

RESULTS = Path(__file__).parent / "results" / "lesions.json"
SPACING = WORKLOADS["A"].spacing_mm
ROUNDS = 7
Labels = NDArray[np.integer]


def bleeds(pieces: int, radius_mm: float, seed: int = 0) -> tuple[Labels, Labels]:
    """Make ellipsoids of three types at random places, and a prediction: moved by 1 mm, with every fifth left out."""
    rng = np.random.default_rng(seed)
    reference, prediction = (np.zeros(WORKLOADS["A"].shape, np.int16) for _ in range(2))
    for number in range(pieces):
        centre = rng.uniform(0.25, 0.75, 3) * reference.shape
        radius = radius_mm * rng.uniform(0.3, 1, 3) / SPACING
        start = np.maximum((centre - radius).astype(int), 0)
        window = tuple(slice(a, b) for a, b in zip(start, (centre + radius + 2).astype(int), strict=True))
        grid = np.moveaxis(np.indices(reference[window].shape), 0, -1) + start - centre
        ball = ((grid / radius) ** 2).sum(axis=-1) <= 1
        reference[window][ball] = 1 + number % 3
        if number % 5:
            prediction[window][ball] = 1 + number % 3
    return reference, ndimage.shift(prediction, (0, 2, 1), order=0)


def measured(call: Callable[[], object]) -> float:
    """Return the seconds of processor time that a call takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print and write the medians."""
    scenes = {"12 pieces": bleeds(12, 25), "200 pieces": bleeds(200, 6), "structures": make(WORKLOADS["A"])}
    found = {}
    for name, (reference, prediction) in scenes.items():
        labels = {f"label {code}": code for code in range(1, int(reference.max()) + 1)}
        rules = {"spacing_mm": SPACING, "labels": labels}
        tables = partial(case_tables, reference, prediction, **rules)
        calls = {
            "score": partial(score, reference, prediction, **rules),
            "one protocol": partial(tables, protocols=["any"], surfaces=False),
            "all protocols": partial(tables, protocols=list(PROTOCOLS), surfaces=False),
            "one protocol, surfaces": partial(tables, protocols=["any"], surfaces=True),
        }
        for call in calls.values():
            call()
        times = [{tool: measured(call) for tool, call in calls.items()} for _ in range(ROUNDS)]
        found[name] = {tool: statistics.median(row[tool] for row in times) for tool in calls}
        print(name, {tool: f"{s:.3f} s, {s / found[name]['score']:.2f}" for tool, s in found[name].items()})
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
