"""Suggestions for misspelt names: "did you mean ...?", or the known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["suggestion"]


def suggestion(name: object, known: Iterable[object], *, otherwise: str = "known:", most: int = 1) -> str:
    """Return a hint for somebody who wrote a name that does not exist.

    Args:
        name: The name that was written.
        known: The names that exist.
        otherwise: Words before the list of the known names, which is the hint where no name is similar.
        most: The largest number of names to suggest.

    >>> suggestion("dise", ["dice", "nsd"])
    "did you mean 'dice'?"
    >>> suggestion("xyz", ["dice", "nsd"], otherwise="expected one of")
    'expected one of dice, nsd'
    """
    names = list(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=most, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"{otherwise} {', '.join(names) or 'none'}"
