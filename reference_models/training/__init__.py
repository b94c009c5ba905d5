"""How the papers' networks learn: losses, class weights, augmentation, stopping rules, and the engine around them."""

from __future__ import annotations

__all__: list[str] = []
