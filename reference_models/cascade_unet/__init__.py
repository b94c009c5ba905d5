"""``cascade-unet``: the cascade of two 3D U-Nets of Zhao et al. 2022, for hemorrhage of any type."""

from __future__ import annotations

from reference_models.model import DemoTraining, Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="cascade-unet",
    predictors={
        "cascade-unet": "reference_models.cascade_unet.predictor:cascade_unet",
        "cascade-unet-demo": "reference_models.cascade_unet.predictor:cascade_unet_demo",
        "cascade-unet-ensemble": "reference_models.cascade_unet.predictor:cascade_unet_ensemble",
    },
    network_class="reference_models.cascade_unet.network:CascadeUNet",
    training_setup="reference_models.cascade_unet.training:cascade_setup",
    presets=("paper", "demo", "nnunet"),
    demo_training=DemoTraining("phantom-hemorrhage"),
    paper_size=33_095_042,
)

MODELS = (MODEL,)
