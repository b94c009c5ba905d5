"""The papers' networks. They import torch and numpy only, so that they run on a bare GPU machine."""

from __future__ import annotations

from reference_models.networks.cai_unet import CONFIGURATIONS, CaiUNet, Configuration
from reference_models.networks.cascade_unet import CascadeUNet
from reference_models.networks.deepnat import DeepNat, PatchNetwork
from reference_models.networks.hybrid_mask_rcnn import HybridMaskRCNN
from reference_models.networks.layers import BatchRenorm, ChannelLayerNorm, count_parameters
from reference_models.networks.vnet import VNet

__all__ = [
    "CONFIGURATIONS",
    "BatchRenorm",
    "CaiUNet",
    "CascadeUNet",
    "ChannelLayerNorm",
    "Configuration",
    "DeepNat",
    "HybridMaskRCNN",
    "PatchNetwork",
    "VNet",
    "count_parameters",
]
