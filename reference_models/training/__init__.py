"""Training that all models share: losses, class weights, augmentation, stopping, checkpoints, the epoch loop."""

from __future__ import annotations

__all__: list[str] = []
