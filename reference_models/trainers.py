"""The door through which ``ctbench train`` and ``ctbench weights import`` find these models: one callable each.

torch is imported when one of them is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctbench.datasets import Case, Dataset

__all__ = [
    "Trainer",
    "cai_unet",
    "cascade_unet",
    "deepbleed_32",
    "deepbleed_64",
    "deepbleed_128",
    "deepbleed_512",
    "deepnat",
    "hybrid_mask_rcnn",
]


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains one model; called as ``training.run.train`` without its name."""

    model: str

    def __call__(
        self, dataset: Dataset, training: Sequence[Case], validation: Sequence[Case], out: Path, **settings: Any
    ) -> Path:
        """Train on cases of a dataset; gives the path of the weights."""
        from reference_models.training.run import train

        return train(self.model, dataset, training, validation, out, **settings)


cai_unet = Trainer("cai-unet")
deepnat = Trainer("deepnat")
cascade_unet = Trainer("cascade-unet")
deepbleed_512 = Trainer("deepbleed-512")
deepbleed_128 = Trainer("deepbleed-128")
deepbleed_64 = Trainer("deepbleed-64")
deepbleed_32 = Trainer("deepbleed-32")
hybrid_mask_rcnn = Trainer("hybrid-mask-rcnn")
