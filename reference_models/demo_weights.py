"""Fit the weights that come with the package, on the training splits of the phantoms: ``make demo-weights``."""

from __future__ import annotations

import sys

from ctbench.consensus import fuse
from ctbench.datasets import load_dataset
from reference_models.atlas import DEMO_WEIGHTS, fit_atlas

__all__ = ["fit_demo_atlas"]


def fit_demo_atlas() -> None:
    """Fit the atlas on the training split of ``phantom-anatomy`` and write its weights."""
    dataset = load_dataset("phantom-anatomy").split("train")
    cases = (
        (
            case.image(),
            fuse(
                {reader: case.reader(reader).array for reader in case.readers},
                annotated={reader: case.annotated(reader) for reader in case.readers},
            ),
        )
        for case in dataset
    )
    fit_atlas(cases, dataset.labels, dataset.name).save(DEMO_WEIGHTS)


if __name__ == "__main__":
    fit_demo_atlas()
    sys.stdout.write(f"wrote {DEMO_WEIGHTS}\n")
