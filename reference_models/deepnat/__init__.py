"""``deepnat``: the patch networks of Wachinger et al. 2018, for the structures of the brain."""

from __future__ import annotations

from reference_models.model import DemoTraining, Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="deepnat",
    predictors={
        "deepnat": "reference_models.deepnat.predictor:deepnat",
        "deepnat-demo": "reference_models.deepnat.predictor:deepnat_demo",
        "deepnat-crf": "reference_models.deepnat.predictor:deepnat_crf",
        "deepnat-crf-demo": "reference_models.deepnat.predictor:deepnat_crf_demo",
    },
    network_class="reference_models.deepnat.network:DeepNat",
    training_setup="reference_models.deepnat.training:deepnat_setup",
    demo_training=DemoTraining("phantom-anatomy"),
    paper="10.1016/j.neuroimage.2017.02.035",
    paper_size=5_449_149,
)

MODELS = (MODEL,)
