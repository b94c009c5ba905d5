"""Findings of an audit: the printed figure, what follows from the other figures, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ctbench.audit.rounding import Range, verdict_of

__all__ = ["COLUMNS", "Finding", "Printed", "claimed", "followed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One audited figure or claim.

    Attributes:
        paper: first author and year.
        table: the table, figure or section that prints it.
        label: the structure; empty if it concerns none.
        rater: the model, reader or subset that it is about.
        quantity: Name of the printed quantity.
        printed: The figure as printed, ``*`` for an asterisk and empty for none, or the claim.
        verdict: ``reproduced``, ``undecidable`` within the rounding, or ``contradicted``.
        value_low: the smallest number that follows from the other figures; None if no number follows.
        value_high: the largest.
        p_low: the smallest p that follows; None without a test.
        p_high: the largest.
        detail: How the values were computed, and under which reading of the paper.
    """

    paper: str
    table: str
    label: str = ""
    rater: str = ""
    quantity: str
    printed: str
    verdict: str
    value_low: float | None = None
    value_high: float | None = None
    p_low: float | None = None
    p_high: float | None = None
    detail: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the finding as a row of a table."""
        return asdict(self)


COLUMNS = tuple(Finding.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as a paper prints it."""

    text: str

    @classmethod
    def of(cls, row: Any, column: str = "value") -> Printed:
        """Return the ``value`` or the ``sd`` of a row of published figures as it was printed."""
        return cls(f"{row[column]:.{int(row[f'{column}_decimals'])}f}")

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)

    @property
    def range(self) -> Range:
        """The numbers that round to it."""
        return Range.printed(self.value, self._decimals)

    def cuts(self, number: float) -> bool:
        """Whether the paper cut off the further digits of the number instead of rounding it."""
        return 0 <= abs(number) - abs(self.value) < 10.0**-self._decimals and number * self.value >= 0

    @property
    def _decimals(self) -> int:
        return len(self.text.partition(".")[2])


def followed(printed: Printed, follows: Range, expected: float, **where: Any) -> Finding:
    """Judge a figure by the range of numbers that follow from other figures, and the number expected from them.

    Args:
        printed: The figure.
        follows: The range that follows, with every other figure over its rounding interval.
        expected: The number that follows from the other figures as they are printed.
        where: The fields ``paper, table, label, rater, quantity, detail`` of the finding.
    """
    verdict = verdict_of(printed.range, follows, expected)
    if verdict == "contradicted" and printed.cuts(expected):
        where["detail"] += "; cut off instead of rounded, it would agree"
    return Finding(printed=printed.text, verdict=verdict, value_low=follows.low, value_high=follows.high, **where)


def claimed(printed: str, *, holds: bool, **where: Any) -> Finding:
    """Judge a claim in words that holds or does not."""
    return Finding(printed=printed, verdict="reproduced" if holds else "contradicted", **where)
