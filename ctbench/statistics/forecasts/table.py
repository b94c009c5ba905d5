"""Tables of probability forecasts: the number of voxels with each stored probability and pattern of readers' votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.probability_codes import CODES, decode

__all__ = ["MEAN", "NOT_READ", "SHARES", "ForecastTable", "Outcomes", "pool_tables"]

NOT_READ = -1
"""The vote of a reader who did not annotate the slice."""

MEAN = "mean of readers"
"""What a forecast is compared with when it is compared with the share of readers who drew the structure."""

SHARES = "vote shares"
"""The only reader of a table that was made of given shares of votes, where nobody knows who voted for what."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Forecasts beside what was observed, counted; every figure of a forecast is computed from this.

    Args:
        forecasts: levels, the distinct probabilities, ascending, from 0 to 1.
        observed: shares, the distinct outcomes: 0 and 1 for one reader, shares of readers for their mean.
        counts: ... x levels x shares, numbers of voxels; leading axes hold several samples, such as bootstrap samples.
    """

    forecasts: Numbers
    observed: Numbers
    counts: Numbers

    @property
    def voxels(self) -> Numbers:
        """Number of voxels by forecast: ... x levels."""
        total: Numbers = self.counts.sum(axis=-1)
        return total

    @property
    def positives(self) -> Numbers:
        """Sum of the outcomes by forecast: ... x levels."""
        return self.counts @ self.observed

    @property
    def total(self) -> Numbers:
        """Number of voxels: ..."""
        total: Numbers = self.counts.sum(axis=(-1, -2))
        return total


@dataclass(frozen=True, eq=False)
class ForecastTable:
    """The number of voxels with each forecast and each pattern of votes, for one structure in one domain.

    Args:
        forecasts: levels, probabilities, ascending, from 0 to 1.
        readers: Names of the readers.
        votes: patterns x readers: 1 drawn, 0 not drawn, ``NOT_READ`` where the reader did not annotate the slice; of
            ``SHARES`` the share of readers who drew it.
        counts: levels x patterns, numbers of voxels.
    """

    forecasts: Numbers
    readers: tuple[str, ...]
    votes: Numbers
    counts: Numbers

    @classmethod
    def of(
        cls, codes: NDArray[np.uint8], votes: Sequence[NDArray[np.integer[Any]]], readers: Sequence[str]
    ) -> ForecastTable:
        """Count the voxels of a domain.

        Args:
            codes: voxels, stored codes 0 to 255.
            votes: readers x voxels: 1, 0 or ``NOT_READ``. Voxels that nobody read are not counted.
            readers: Names of the readers.
        """
        key = np.zeros(len(codes), np.int64)
        seen = np.zeros((1, 0), np.int8)
        for own in votes:  # renumbered after each reader, so that no number of readers overflows
            key = key * 3 + (np.asarray(own, np.int64) + 1)
            present = np.flatnonzero(np.bincount(key, minlength=3 * len(seen)))
            place = np.zeros(3 * len(seen), np.int64)
            place[present] = np.arange(len(present))
            key = place[key]
            seen = np.column_stack([seen[present // 3], (present % 3 - 1).astype(np.int8)])
        counts = np.bincount(key * CODES + codes, minlength=len(seen) * CODES).reshape(-1, CODES).T
        read = (seen != NOT_READ).any(axis=1)
        return cls(
            decode(np.arange(CODES)), tuple(readers), seen[read].astype(np.float64), counts[:, read].astype(np.float64)
        )

    @classmethod
    def of_shares(cls, codes: NDArray[np.uint8], shares: NDArray[np.uint8]) -> ForecastTable:
        """Count the voxels of a domain by given shares of votes, whose readers are not known one by one.

        Args:
            codes: voxels, stored codes 0 to 255 of the probabilities.
            shares: voxels, stored codes 0 to 255 of the shares of readers who drew the structure.
        """
        counts = np.bincount(codes.astype(np.int64) * CODES + shares, minlength=CODES**2).reshape(CODES, CODES)
        levels, seen = decode(np.arange(CODES)), counts.any(axis=0)
        return cls(levels, (SHARES,), levels[seen][:, None], counts[:, seen].astype(np.float64))

    @property
    def is_of_shares(self) -> bool:
        """Whether it was made of given shares of votes, so that no reader is known by himself."""
        return self.readers == (SHARES,)

    def against(self, reader: str) -> Outcomes:
        """Return the forecasts beside the votes of one reader, or beside the share of all readers (``MEAN``).

        Raises:
            UsageError: There is no such reader.
        """
        if reader == MEAN:
            return self._beside(self._shares(self.votes), self.counts)
        if reader not in self.readers:
            msg = f"unknown reader {reader!r}; expected one of {', '.join((*self.readers, MEAN))}"
            raise UsageError(msg)
        own = self.votes[:, self.readers.index(reader)]
        read = own != NOT_READ
        observed = None if reader == SHARES else np.array([0.0, 1.0])
        return self._beside(own[read], self.counts[:, read], observed)

    def vote_shares_without(self, reader: str) -> ForecastTable:
        """Return the table of the other readers' vote share as if it were a forecast of what this reader drew.

        Scored against the reader, it is the ceiling of a model that knows the readers but not this one.

        Raises:
            UsageError: There is no such reader.
        """
        self.against(reader)  # raises for an unknown name
        place = self.readers.index(reader)
        others = np.delete(self.votes, place, axis=1)
        kept = (self.votes[:, place] != NOT_READ) & (others != NOT_READ).any(axis=1)
        shares = self._shares(others[kept])
        levels, row = np.unique(shares, return_inverse=True)
        counts = np.zeros((len(levels), int(kept.sum())))
        counts[row.ravel(), np.arange(len(shares))] = self.counts[:, kept].sum(axis=0)
        own = self.votes[kept][:, [place]]
        return ForecastTable(levels, (reader,), own, counts)

    def _beside(self, shares: Numbers, counts: Numbers, observed: Numbers | None = None) -> Outcomes:
        observed = np.unique(shares) if observed is None else observed
        summed = np.zeros((len(self.forecasts), len(observed)))
        for place, share in enumerate(observed):
            summed[:, place] = counts[:, shares == share].sum(axis=1)
        return Outcomes(self.forecasts, observed, summed)

    @staticmethod
    def _shares(votes: Numbers) -> Numbers:
        present = votes != NOT_READ
        return np.asarray(np.where(present, votes, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def pool_tables(tables: Sequence[ForecastTable]) -> ForecastTable:
    """Return the sum of tables of several cases; a reader who did not read a case has no vote there.

    Args:
        tables: One or more.
    """
    readers = tuple(dict.fromkeys(name for table in tables for name in table.readers))
    forecasts = np.unique(np.concatenate([table.forecasts for table in tables]))
    rows = []
    for table in tables:
        own = np.full((len(table.votes), len(readers)), NOT_READ, np.float64)
        own[:, [readers.index(name) for name in table.readers]] = table.votes
        rows.append(own)
    votes, place = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    counts, start = np.zeros((len(forecasts), len(votes))), 0
    for table in tables:
        columns = place.ravel()[start : start + len(table.votes)]
        levels = np.searchsorted(forecasts, table.forecasts)
        np.add.at(counts, (levels[:, None], columns[None]), table.counts)
        start += len(table.votes)
    return ForecastTable(forecasts, readers, votes, counts)
