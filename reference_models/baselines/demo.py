"""Fitting of the atlas that comes with the package, on simulated heads."""

from __future__ import annotations

from pathlib import Path

from ctbench.datasets import load_dataset
from ctbench.references import common_reference
from reference_models.baselines.atlas import DEMO_WEIGHTS, fit_atlas

__all__ = ["fit_demo_atlas"]


def fit_demo_atlas() -> Path:
    """Fit the atlas on the training split of ``phantom-anatomy``, write its weights and return their path."""
    dataset = load_dataset("phantom-anatomy").split("train")
    cases = ((case.image(), common_reference(case)) for case in dataset)
    fit_atlas(cases, dataset.labels, dataset.name).save(DEMO_WEIGHTS)
    return DEMO_WEIGHTS
