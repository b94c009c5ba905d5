"""Early stopping and learning-rate plateaus: each paper's rule, as a function of the curve so far."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count_plateaus", "has_plateaued", "has_stalled"]


def has_plateaued(soft_dice: Sequence[float], *, gain: float = 0.001, epochs: int = 5) -> bool:
    """Return whether the soft Dice has gained less than ``gain`` over the last ``epochs`` (Cai et al. 2020).

    Args:
        soft_dice: Mean over the structures, one per epoch.
        gain: The best of the last epochs must exceed the best before them by this.
        epochs: Number of last epochs.
    """
    if len(soft_dice) <= epochs:
        return False
    return max(soft_dice[-epochs:]) - max(soft_dice[:-epochs]) < gain


def has_stalled(losses: Sequence[float], *, window: int = 10, patience: int = 10, at_least: int = 200) -> bool:
    """Return whether the moving average of the loss has not improved for ``patience`` epochs (Sharrock et al. 2020).

    Args:
        losses: Validation loss, one per epoch.
        window: Number of epochs averaged; the paper does not state it.
        patience: Number of epochs without a new lowest average.
        at_least: Number of epochs before which training never stops.
    """
    if len(losses) < max(at_least, window + patience):
        return False
    averages = [sum(losses[end - window : end]) / window for end in range(window, len(losses) + 1)]
    return min(averages[-patience:]) >= min(averages[:-patience], default=float("inf"))


def count_plateaus(losses: Sequence[float], *, patience: int) -> int:
    """Return the number of plateaus: ``patience`` epochs without a lower loss, at which Chang et al. 2018 anneal.

    Args:
        losses: Training loss, one per epoch.
        patience: Length of a plateau in epochs, after which counting starts again; the paper does not state it.
    """
    lowest, waited, plateaus = float("inf"), 0, 0
    for loss in losses:
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
