"""``cai-unet``: the 2D U-Net of Cai et al. 2020, for the structures of the normal head."""

from __future__ import annotations

from reference_models.model import DemoTraining, Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="cai-unet",
    predictors={
        "cai-unet": "reference_models.cai_unet.predictor:cai_unet",
        "cai-unet-demo": "reference_models.cai_unet.predictor:cai_unet_demo",
    },
    network_class="reference_models.cai_unet.network:CaiUNet",
    training_setup="reference_models.cai_unet.training:cai_setup",
    weights_conversion="reference_models.cai_unet.weights_import:convert_cai",
    demo_training=DemoTraining("phantom-anatomy"),
    paper="10.1148/ryai.2020190183",
    paper_size=31_043_084,
)

MODELS = (MODEL,)
