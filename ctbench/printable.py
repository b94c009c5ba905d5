"""Text from strangers' files, made safe for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]


def printable(text: str, *, keep: str = "") -> str:
    r"""Escape the characters of a text that a terminal would act on: control sequences, line ends, direction marks.

    Args:
        text: Names, messages or tables that may come from anybody.
        keep: Unprintable characters that stay, e.g. line ends.

    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    if text.isprintable():
        return text
    return "".join(sign if _is_shown(sign) or sign in keep else ascii(sign)[1:-1] for sign in text)


def _is_shown(sign: str) -> bool:
    return sign.isprintable() or unicodedata.category(sign) == "Zs"  # spaces of other widths
