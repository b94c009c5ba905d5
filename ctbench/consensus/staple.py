"""STAPLE: estimates the true label map and each reader's confusion matrix by expectation-maximisation.

Voxels with the same votes are one row with a count, so that an iteration costs as much as there are patterns (dozens),
whatever the size of the image. A reader who did not annotate a slice has no factor there: slices with different readers
enter one fit. A tie of votes is no evidence about anybody at the start, and stays indeterminate unless the readers'
performance decides it.

Warfield, Zou and Wells, IEEE Trans Med Imaging 2004;23:903-921; for several labels Rohlfing, Russakoff and Maurer, IEEE
Trans Med Imaging 2004;23:983-994.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import ABSENT, VotePatterns

__all__ = ["StapleFit", "fit_staple"]

_TOLERANCE = 1e-7
"""Largest change of an entry of a confusion matrix at which the iterations end."""
_MOST_ITERATIONS = 2000
_TIE = 1e-9
"""Posteriors nearer than this are equal: they differ by rounding."""


@dataclass(frozen=True, eq=False)
class StapleFit:
    """Estimates of STAPLE from vote patterns.

    Args:
        patterns: The vote patterns that it was fitted to.
        posterior: patterns x codes, the probability that each label is the true one; 0 throughout where the votes
            contradict every label.
        confusion: readers x codes drawn x true codes: the share of the voxels of a true label that the reader drew so.
        iterations: Number of iterations.
    """

    patterns: VotePatterns
    posterior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    iterations: int

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Whether two labels or more are equally probable, for each pattern."""
        top = self.posterior >= self.posterior.max(axis=1, keepdims=True) - _TIE
        undecided: NDArray[np.bool_] = top.sum(axis=1) > 1
        return undecided

    @property
    def decided(self) -> NDArray[np.int64]:
        """The code of the most probable label of each pattern, 0 where undecided."""
        decided: NDArray[np.int64] = np.where(self.undecided, 0, self.patterns.codes[self.posterior.argmax(axis=1)])
        return decided

    @property
    def joint(self) -> NDArray[np.float64]:
        """Expected number of voxels, readers x codes drawn x true codes, among those that the reader looked at."""
        weighted = self.posterior * self.patterns.counts.sum(axis=0)[:, None]
        return _joint(_drawn(self.patterns), weighted)


def fit_staple(patterns: VotePatterns) -> StapleFit:
    """Estimate the true label of each vote pattern together with the readers' confusion matrices.

    The prior of a label is the share of all votes that it got. The first confusion matrices are those against the
    label with most votes, without the patterns in which several labels have most.

    Args:
        patterns: Vote patterns of two readers or more; of one, his labels are taken as true.

    Returns:
        The fit, after the last change of a confusion matrix fell below 1e-7, or 2,000 iterations.
    """
    counts = patterns.counts.sum(axis=0)
    drawn = _drawn(patterns)
    votes = drawn.sum(axis=0)
    shares = counts @ votes
    prior = shares / shares.sum() if shares.sum() else shares
    top = votes == votes.max(axis=1, keepdims=True)
    confusion = _columns_to_shares(_joint(drawn, (top & (top.sum(axis=1, keepdims=True) == 1)) * counts[:, None]))
    iterations = 0
    while True:
        posterior = _posterior(patterns.votes, prior, confusion)
        if iterations == _MOST_ITERATIONS:
            break
        iterations += 1
        previous, confusion = confusion, _columns_to_shares(_joint(drawn, posterior * counts[:, None]))
        if np.abs(confusion - previous).max(initial=0) < _TOLERANCE:
            posterior = _posterior(patterns.votes, prior, confusion)
            break
    return StapleFit(patterns, posterior, confusion, iterations)


def _drawn(patterns: VotePatterns) -> NDArray[np.float64]:
    """Return readers x patterns x codes, 1 where the reader drew that label."""
    places = np.arange(len(patterns.codes))
    drawn: NDArray[np.float64] = (patterns.votes.T[:, :, None] == places).astype(np.float64)
    return drawn


def _joint(drawn: NDArray[np.float64], weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the voxels of each true label (patterns x codes) by what each reader drew."""
    joint: NDArray[np.float64] = drawn.transpose(0, 2, 1) @ weighted
    return joint


def _columns_to_shares(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide by the voxels of each true label; 0 where there are none."""
    total = joint.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(joint, total, out=np.zeros_like(joint), where=total > 0)
    return shares


def _posterior(
    votes: NDArray[np.int64], prior: NDArray[np.float64], confusion: NDArray[np.float64]
) -> NDArray[np.float64]:
    likelihood = np.tile(prior, (len(votes), 1))
    for own, matrix in zip(votes.T, confusion, strict=True):
        likelihood *= np.where((own == ABSENT)[:, None], 1.0, matrix[own])
    total = likelihood.sum(axis=1, keepdims=True)
    posterior: NDArray[np.float64] = np.divide(likelihood, total, out=np.zeros_like(likelihood), where=total > 0)
    return posterior
