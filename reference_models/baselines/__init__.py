"""``atlas`` and ``threshold``: the baselines that the papers' models must beat."""

from __future__ import annotations

from reference_models.model import Model

__all__ = ["ATLAS", "MODELS", "THRESHOLD"]

ATLAS = Model(
    name="atlas",
    predictors={"atlas": "reference_models.baselines.atlas:atlas"},
    demo_fit="reference_models.baselines.demo:fit_demo_atlas",
)

THRESHOLD = Model(name="threshold", predictors={"threshold": "reference_models.baselines.threshold:threshold"})

MODELS = (ATLAS, THRESHOLD)
