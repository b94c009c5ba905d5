"""Markdown whose texts may be a stranger's: they are shown as they stand, and neither run nor load anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["inert", "table_of"]


def inert(text: object) -> str:
    r"""Return a text on one line as Markdown shows it: no HTML, link, picture, emphasis or further cell of a table.

    Example:
        >>> print(inert("a|b <i>"))
        a\|b &lt;i>
    """
    return re.sub(r"([\\`*\[\]|])", r"\\\1", " ".join(str(text).split())).replace("<", "&lt;")


def table_of(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; its cells are ``inert``."""
    lines = [[inert(cell) for cell in line] for line in (header, *rows)]
    lines.insert(1, ["---"] * len(header))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
