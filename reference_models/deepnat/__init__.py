"""``deepnat``: the patch networks of Wachinger et al. 2018, for the structures of the brain."""

from __future__ import annotations

from reference_models.model import DemoTraining, Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="deepnat",
    predictors={
        "deepnat": "reference_models.deepnat.predictor:deepnat",
        "deepnat-crf": "reference_models.deepnat.predictor:deepnat_crf",
    },
    network_class="reference_models.deepnat.network:DeepNat",
    training_setup="reference_models.deepnat.training:deepnat_setup",
    demo_training=DemoTraining("phantom-anatomy"),
)

MODELS = (MODEL,)
