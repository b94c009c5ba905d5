"""Placeholders ``{name}`` in the command lines of programs and containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["filled", "placeholders"]

_PLACE = re.compile(r"\{(\w+)\}")


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders in a text; other braces, as of JSON, are none."""
    return set(_PLACE.findall(text))


def filled(words: Iterable[str], places: Mapping[str, str]) -> list[str]:
    """Return words with each placeholder replaced by its value.

    Args:
        words: Words of a command line.
        places: Name of a placeholder -> its value.

    Raises:
        KeyError: A placeholder has no value.

    Example:
        >>> filled(["--in={image}", '{"a": 1}'], {"image": "/in/a.nii.gz"})
        ['--in=/in/a.nii.gz', '{"a": 1}']
    """
    return [_PLACE.sub(lambda place: places[place[1]], word) for word in words]
