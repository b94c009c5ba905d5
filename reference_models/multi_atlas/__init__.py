"""``multi-atlas``: labels of training heads, registered to a scan and fused, for anatomy on CT and T1."""

from __future__ import annotations

from reference_models.model import Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="multi-atlas",
    predictors={"multi-atlas": "reference_models.multi_atlas.predictor:multi_atlas"},
    training_fit="reference_models.multi_atlas.training:fit_multi_atlas",
    paper="10.1109/TPAMI.2012.143",
)
"""It has no demo weights: its weights are the training heads themselves, several MB."""

MODELS = (MODEL,)
