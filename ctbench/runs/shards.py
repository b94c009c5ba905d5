"""A run in pieces: which cases are in which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ctbench.errors import UsageError

__all__ = ["Shard"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several nearly equal stretches of the sorted cases.

    Args:
        number: from 1.
        count: how many there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read e.g. ``3/16``.

        Raises:
            UsageError: it is not of that form, or there is no such shard.
        """
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        msg = f"expected a shard as NUMBER/COUNT, from 1/COUNT to COUNT/COUNT, e.g. 3/16; got {text!r}"
        raise UsageError(msg)

    def of(self, cases: Sequence[T]) -> tuple[T, ...]:
        """Give the cases of this shard.

        Raises:
            UsageError: there are fewer cases than shards.
        """
        if len(cases) < self.count:
            msg = f"{len(cases)} cases cannot make {self.count} shards; ask for at most {len(cases)}"
            raise UsageError(msg)
        return tuple(cases[len(cases) * (self.number - 1) // self.count : len(cases) * self.number // self.count])

    def folder(self, run: Path) -> Path:
        """Name the folder of this shard of a run, beside the run's own: ``RUN.shard-03-of-16``."""
        digits = len(str(self.count))
        return run.with_name(f"{run.name}.shard-{self.number:0{digits}d}-of-{self.count}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
