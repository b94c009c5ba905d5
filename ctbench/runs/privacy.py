"""Removal of tokens, home folders, and names of users and machines from what a run keeps and others may read."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["HIDDEN", "public_options", "public_text", "secrets_in"]

HIDDEN = "(not kept)"
"""What stands in place of a token."""

_WORDS = (
    r"token|secret|passw(?:or)?d|passphrase|api_?key|access_?key|private_?key|credential|authorization"
    r"|(?<![A-Za-z])key(?![A-Za-z])"
)
_NAME = re.compile(rf"(?:{_WORDS})", re.IGNORECASE)
# Each alternative begins where a word begins and is possessive, so that the time is linear in the length of the text.
_NAMED = re.compile(
    rf"((?<![\w-])(?:(?=[\w-]*?(?:{_WORDS}))[\w-]++=|(?=(?>[\w-]*?--)[\w-]*?(?:{_WORDS}))[\w-]++\s++))[^\s&'\"]+",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"\b(?:hf_|gh[pousr]_|github_pat_|glpat-|sk-|xox[abprs]-|AKIA|ASIA|npm_|pypi-)[A-Za-z0-9_-]{12,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/@\s]+(?=@)"
)
_HOMES = re.compile(r"(?<![\w.~-])(?:/home|/Users|/var/home)/[^/\s:'\"]+|\b[A-Za-z]:\\Users\\[^\\\s:'\"]+")
_LEAST_SECRET = 4
_LEAST_HOST = 6


def public_options(options: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return options of a predictor as a run keeps them: tokens and passwords are replaced by `HIDDEN`.

    Args:
        options: Name -> value that JSON can hold. A name that speaks of a token, a password or a key hides its value.
        secrets: Texts that are hidden wherever they occur, beside those among the options.
    """
    known = (*secrets_in(options), *secrets)
    return {name: HIDDEN if _NAME.search(name) else _public(value, known) for name, value in options.items()}


def secrets_in(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts among options, however deep, whose names say that they are secret."""
    found: list[str] = []
    for name, value in options.items():
        if _NAME.search(str(name)):
            found += [text for text in _texts(value) if len(text) >= _LEAST_SECRET]
        elif isinstance(value, Mapping):
            found += secrets_in(value)
    return tuple(found)


def public_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without tokens, home folders (as ``~``), and names of this user and this machine.

    Args:
        text: A message, a path or a command line.
        secrets: Texts that are hidden wherever they occur.

    Example:
        >>> public_text("cannot read /home/ann/model.pt with --token hf_0123456789abcdef")
        'cannot read ~/model.pt with --token (not kept)'
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = _NAMED.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    text = _KNOWN.sub(HIDDEN, text)
    home, user, host = _own_names()
    if home:
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    text = _HOMES.sub("~", text)
    if user:
        text = re.sub(rf"(?<=[/\\]){re.escape(user)}(?![\w.-])", "user", text)
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "host", text) if host else text


def _public(value: Any, secrets: Iterable[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: HIDDEN if _NAME.search(str(name)) else _public(part, secrets) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_public(part, secrets) for part in value]
    return public_text(value, secrets) if isinstance(value, str) else value


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _texts(part)]
    return [str(value)]


@cache
def _own_names() -> tuple[str, str, str]:
    """Return the home folder, the user and the machine; empty where there is none, or where it is no name."""
    try:
        home, user = str(Path.home()), getpass.getuser()
    except (RuntimeError, KeyError, OSError):  # a user without an entry in the system's list
        home, user = "", ""
    host = platform.node()
    return home if len(home) > 1 else "", user, host if len(host) >= _LEAST_HOST and host != "localhost" else ""
