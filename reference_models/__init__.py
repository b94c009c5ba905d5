"""The papers' models and the baselines that they must beat; ctbench loads them as plugins, through entry points.

Every folder with a tuple ``MODELS`` of records holds models: see docs/add-a-reference-model.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from reference_models.model import Model

if TYPE_CHECKING:
    from torch import nn

__all__ = ["find_model", "models", "network"]


def models() -> dict[str, Model]:
    """Return the record of every model by name, in the order of the folders."""
    found: dict[str, Model] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            records = getattr(importlib.import_module(f"{__name__}.{module.name}"), "MODELS", ())
            found.update({record.name: record for record in records})
    return found


def find_model(name: str) -> Model:
    """Return the record of a model.

    Raises:
        ValueError: No model has that name.
    """
    known = models()
    if name not in known:
        msg = f"no model is called {name!r}; expected one of {', '.join(known)}"
        raise ValueError(msg)
    return known[name]


def network(name: str, **options: Any) -> nn.Module:
    """Return a paper's network with new random weights, at the size of the paper unless the options change it.

    torch is imported when this is first called.

    Args:
        name: ``blast-ct``, ``cai-unet``, ``cascade-unet``, ``deepnat``, ``hybrid-mask-rcnn``, or ``deepbleed-512``,
            ``-128``, ``-64``, ``-32``.
        options: Keyword arguments of its class: `DeepMedic`, `CaiUNet`, `CascadeUNet`, `DeepNat`, `HybridMaskRCNN` or
            `VNet`.

    Raises:
        ValueError: No model with a network has that name, or an option has no such value.
        TypeError: The network has no such option.
    """
    with_network = {known: record for known, record in models().items() if record.network_class}
    if name not in with_network:
        msg = f"no network is called {name!r}; expected one of {', '.join(with_network)}"
        raise ValueError(msg)
    return with_network[name].network(**options)
