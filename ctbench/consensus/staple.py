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


def fit_staple(patterns: VotePatterns, asked: NDArray[np.bool_] | None = None) -> StapleFit:
    """Estimate the true label of each vote pattern together with the readers' confusion matrices.

    The prior of a label is the share of all votes that it got. The first confusion matrices are those against the
    label with most votes, without the patterns in which several labels have most.

    Args:
        patterns: Vote patterns of two readers or more; of one, his labels are taken as true.
        asked: readers x codes, whether the reader was asked to draw the label; None (default): everyone for all labels.
            To a reader a label that he was not asked to draw is background: his confusion matrix has one column for
            both, so that his vote is no evidence for or against it.

    Returns:
        The fit, after the last change of a confusion matrix fell below 1e-7, or 2,000 iterations.
    """
    counts = patterns.counts.sum(axis=0)
    drawn = _drawn(patterns)
    votes, judged = drawn.sum(axis=0), None
    if asked is not None and not asked.all():
        judged = asked
        votes = _asked_votes(patterns.votes, asked)
    shares = counts @ votes
    prior = shares / shares.sum() if shares.sum() else shares
    top = votes == votes.max(axis=1, keepdims=True)
    first = (top & (top.sum(axis=1, keepdims=True) == 1)) * counts[:, None]
    confusion = _columns_to_shares(_as_asked(_joint(drawn, first), judged))
    iterations = 0
    while True:
        posterior = _posterior(patterns.votes, prior, confusion)
        if iterations == _MOST_ITERATIONS:
            break
        iterations += 1
        previous, confusion = (
            confusion,
            _columns_to_shares(_as_asked(_joint(drawn, posterior * counts[:, None]), judged)),
        )
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


def _asked_votes(votes: NDArray[np.int64], asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, patterns x codes, the share of the readers asked for a label who drew it; of background, the rest."""
    looked = (votes != ABSENT).astype(np.float64)
    total = looked @ asked
    drew = np.stack([(votes == place).sum(axis=1) for place in range(asked.shape[1])], axis=1).astype(np.float64)
    shares: NDArray[np.float64] = np.divide(drew, total, out=np.zeros_like(drew), where=total > 0)
    shares[:, 0] = np.clip(1 - shares[:, 1:].sum(axis=1), 0, None) * (total[:, 0] > 0)
    return shares


def _as_asked(joint: NDArray[np.float64], asked: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Merge, for each reader, the true labels that he was not asked to draw with background: equal columns."""
    if asked is None:
        return joint
    merged = joint.copy()
    for own, known in zip(merged, asked, strict=True):
        background = ~known
        background[0] = True
        own[:, background] = own[:, background].sum(axis=1, keepdims=True)
    return merged


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
