"""``hybrid-mask-rcnn``: the hybrid 3D/2D Mask R-CNN of Chang et al. 2018, for hemorrhage as boxes and masks."""

from __future__ import annotations

from reference_models.model import DemoTraining, Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="hybrid-mask-rcnn",
    predictors={
        "hybrid-mask-rcnn": "reference_models.hybrid_mask_rcnn.predictor:hybrid_mask_rcnn",
        "hybrid-mask-rcnn-demo": "reference_models.hybrid_mask_rcnn.predictor:hybrid_mask_rcnn_demo",
    },
    network_class="reference_models.hybrid_mask_rcnn.network:HybridMaskRCNN",
    training_setup="reference_models.hybrid_mask_rcnn.training:chang_setup",
    demo_training=DemoTraining("phantom-hemorrhage"),
    paper="10.3174/ajnr.A5742",
    paper_size=12_102_646,
)

MODELS = (MODEL,)
