"""When to stop, or to slow down: each paper's rule, as a function of the curve so far."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count_plateaus", "has_plateaued", "has_stalled"]


def has_plateaued(soft_dice: Sequence[float], *, gain: float = 0.001, epochs: int = 5) -> bool:
    """Say whether the soft Dice has gained less than ``gain`` over the last ``epochs`` (Cai et al. 2020).

    Args:
        soft_dice: mean over the structures, one an epoch.
        gain: the best of the last epochs must exceed the best before them by this.
        epochs: how many count as the last.
    """
    if len(soft_dice) <= epochs:
        return False
    return max(soft_dice[-epochs:]) - max(soft_dice[:-epochs]) < gain


def has_stalled(losses: Sequence[float], *, window: int = 10, patience: int = 10, at_least: int = 200) -> bool:
    """Say whether the moving average of the loss has not improved for ``patience`` epochs (Sharrock et al. 2020).

    Args:
        losses: on the validation cases, one an epoch.
        window: epochs that are averaged; the paper does not state it.
        patience: epochs without a new lowest average.
        at_least: epochs before which training goes on in any case.
    """
    if len(losses) < max(at_least, window + patience):
        return False
    averages = [sum(losses[end - window : end]) / window for end in range(window, len(losses) + 1)]
    return min(averages[-patience:]) >= min(averages[:-patience], default=float("inf"))


def count_plateaus(losses: Sequence[float], *, patience: int) -> int:
    """Count how often the loss went without a new lowest value for ``patience`` epochs (Chang et al. 2018 anneal then).

    Args:
        losses: of training, one an epoch.
        patience: after each plateau the count of epochs begins anew; the paper does not state it.
    """
    lowest, waited, plateaus = float("inf"), 0, 0
    for loss in losses:
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
