"""SIMPLE: votes weighted by each reader's Dice with the consensus, without readers who are far below the best.

After Langerak, van der Heide, Kotte, Viergever, van Vulpen and Pluim, IEEE Trans Med Imaging 2010;29:2000-2008. The
limits are our own: a reader is dropped whose Dice is below a share of the best reader's, which grows from .5 to .8; and
voxels on which the consensus is undecided are no evidence about anybody, so that two readers remain equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import ABSENT, VotePatterns, weighted_shares

__all__ = ["simple_weights"]

_LIMITS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
"""A reader with a Dice below this share of the best is dropped; one limit after another, the last until it is over."""
_MOST_ITERATIONS = 100
_FEWEST = 2
"""So many readers remain for every label, whatever their Dice."""
_ROUNDING = 1e-9


def simple_weights(patterns: VotePatterns, asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weight of each reader's vote for each label: the Dice with the consensus; 0: dropped or not asked.

    Args:
        patterns: Vote patterns of all voxels, contested or not.
        asked: readers x codes, whether the reader was asked to draw the label.

    Returns:
        readers x codes; for background (the first code) 1.
    """
    counts = patterns.counts.sum(axis=0)
    weights = asked.astype(np.float64)
    for iteration in range(_MOST_ITERATIONS):
        limit = _LIMITS[min(iteration, len(_LIMITS) - 1)]
        shares = weighted_shares(patterns.votes, weights)
        before = weights.copy()
        for place in range(1, len(patterns.codes)):
            dice = _dice(patterns.votes, counts, place, shares[:, place])
            weights[:, place] = _kept(dice, before[:, place] > 0, limit)
        if iteration >= len(_LIMITS) - 1 and np.abs(weights - before).max(initial=0) < _ROUNDING:
            break
    return weights


def _dice(
    votes: NDArray[np.int64], counts: NDArray[np.float64], place: int, share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each reader's Dice with the consensus about one label, over decided voxels; 1 where both are empty."""
    decided = np.where(np.abs(share - 0.5) > _ROUNDING, counts, 0.0)
    held = decided * (share > 0.5)
    drawn = votes == place
    both = held @ drawn
    total = decided @ drawn + held @ (votes != ABSENT)
    dice: NDArray[np.float64] = np.divide(2 * both, total, out=np.ones_like(total), where=total > 0)
    return dice


def _kept(dice: NDArray[np.float64], there: NDArray[np.bool_], limit: float) -> NDArray[np.float64]:
    """Return the weights of the readers who stay; equal weights if nobody agrees with the consensus."""
    best = dice[there].max(initial=0)
    if best <= 0:
        return there.astype(np.float64)
    stay = there & (dice >= limit * best - _ROUNDING) & (dice > 0)
    return np.where(stay if stay.sum() >= min(_FEWEST, there.sum()) else there & (dice > 0), dice, 0.0)
