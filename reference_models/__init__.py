"""The papers' models and the baselines that they must beat; they come in through the plugin door like anybody's."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

__all__ = ["network"]

_CLASSES = {
    "cai-unet": ("cai_unet", "CaiUNet"),
    "cascade-unet": ("cascade_unet", "CascadeUNet"),
    "deepnat": ("deepnat", "DeepNat"),
    "hybrid-mask-rcnn": ("hybrid_mask_rcnn", "HybridMaskRCNN"),
}
_VNET_DIMENSIONS = {"deepbleed-512": 2, "deepbleed-128": 3, "deepbleed-64": 3, "deepbleed-32": 3}


def network(name: str, **options: Any) -> nn.Module:
    """Make a paper's network, with new random weights, at the size of the paper unless told otherwise.

    torch is imported when this is first called.

    Args:
        name: ``cai-unet``, ``cascade-unet``, ``deepnat``, ``hybrid-mask-rcnn``, or ``deepbleed-512``, ``-128``,
            ``-64``, ``-32``.
        options: Keyword arguments of its class: `CaiUNet`, `CascadeUNet`, `DeepNat`, `HybridMaskRCNN` or `VNet`.

    Raises:
        ValueError: no model has that name, or an option has no such value.
        TypeError: the network has no such option.
    """
    if name in _VNET_DIMENSIONS:
        from reference_models.deepbleed.network import VNet

        return VNet(dimensions=_VNET_DIMENSIONS[name], **options)
    if name not in _CLASSES:
        msg = f"no network is called {name!r}; expected one of {', '.join([*_CLASSES, *_VNET_DIMENSIONS])}"
        raise ValueError(msg)
    folder, of_class = _CLASSES[name]
    module = importlib.import_module(f"{__name__}.{folder}.network")
    made: nn.Module = getattr(module, of_class)(**options)
    return made
