"""Cross-entropy and Dice losses over the voxels that count, which the mask ``counted`` holds.

Logits are batch,class,... with one channel (the logit of a single structure) or one for background and each structure;
targets are batch,... class numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["DiceTerms", "binary_cross_entropy", "cross_entropy", "dice_loss", "soft_dice_terms"]


class DiceTerms(NamedTuple):
    """Numerator and denominator of the soft Dice of each class; terms of several batches may be added."""

    overlap: Tensor
    total: Tensor

    def dice(self) -> Tensor:
        """Return the soft Dice of each class; 0 where both sides are empty."""
        return self.overlap / self.total.clamp_min(1e-6)


def cross_entropy(logits: Tensor, target: Tensor, counted: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the categorical cross-entropy, weighted by class, as the mean over counted voxels.

    The mean divides by the number of voxels, as Keras does, and not by the sum of their weights.

    Args:
        logits: batch,class,...
        target: batch,... integers.
        counted: batch,... bool.
        weights: Weight of each class; None: all 1.
    """
    each = torch.nn.functional.cross_entropy(logits.float(), target, weights, reduction="none")
    return (each * counted).sum() / counted.sum().clamp_min(1)


def binary_cross_entropy(logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Return the cross-entropy of a single structure, as the mean over counted voxels; logits are batch,1,..."""
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[:, 0].float(), (target > 0).float(), reduction="none"
    )
    return (each * counted).sum() / counted.sum().clamp_min(1)


def soft_dice_terms(logits: Tensor, target: Tensor, counted: Tensor) -> DiceTerms:
    """Return the terms of Milletari's soft Dice, 2 sum(pg) / (sum(p^2) + sum(g^2)), over the whole batch (1606.04797).

    Summing over the batch lets a scan without the structure count too: on its own it has no gradient.

    Returns:
        Terms of each class; of a single one where the logits have one channel.
    """
    if logits.shape[1] == 1:
        probability = torch.sigmoid(logits.float())
        true = (target > 0).unsqueeze(1).float()
    else:
        probability = torch.softmax(logits.float(), dim=1)
        true = torch.nn.functional.one_hot(target, logits.shape[1]).movedim(-1, 1).float()
    mask = counted.unsqueeze(1)
    probability, true = probability * mask, true * mask
    axes = [0, *range(2, logits.ndim)]
    overlap = 2 * (probability * true).sum(axes)
    return DiceTerms(overlap, (probability.square() + true.square()).sum(axes))


def dice_loss(logits: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Return 1 minus the soft Dice, averaged over the channels (background is one of several, not of a single one)."""
    return 1 - soft_dice_terms(logits, target, counted).dice().mean()
