"""Path patterns with fields (``{case}``, ``{reader}``, ``{session}``, ...) and ``*``, and the files that match them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Match", "Pattern", "assign", "is_dataset_name", "is_safe_name"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_MOST_STARS = 3
"""Most stars in one part of a path: each star raises the power of the time that matching takes."""
# {case} takes as much as it can: in P1_nodule0_reader2 the reader is what follows the last underscore.
# A session has no underscore, so that in anna_b_2 the session is 2.
_GROUPS = {"case": r"[^/]+", "reader": r"[^/]+?", "session": r"[^/_]+"}


def is_safe_name(name: str) -> bool:
    """Return whether a name is safe as one part of a path: not hidden, without separators and special characters.

    >>> [is_safe_name(name) for name in ("p1_0", "..", "a/b", ".hidden", "")]
    [True, False, False, False, False]
    """
    return bool(name) and not name.startswith(".") and not re.search(r'[/\\:*?"<>|{}\x00-\x1f]', name)


def is_dataset_name(name: str) -> bool:
    """Return whether a text is the name of a dataset: safe as one part of a path, and not the name of a YAML file.

    >>> [is_dataset_name(name) for name in ("phantom-anatomy", "theirs.yaml", "a#b", "../x")]
    [True, False, False, False]
    """
    return is_safe_name(name) and "#" not in name and not name.lower().endswith((".yaml", ".yml"))


@dataclass(frozen=True)
class Match:
    """A file that matches a pattern, with the values of its fields; no case is "", a file of all cases."""

    path: Path
    case: str
    reader: str | None
    label: str | None = None
    session: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Pattern:
    """A path relative to a dataset's root, e.g. ``readers/{reader}/{case}.nii.gz``.

    ``*`` matches any text within one part of the path, e.g. a date; at most three per part. A pattern may match a
    folder (a DICOM series); one that ends in a slash matches folders only.

    Args:
        text: The pattern.
        labels: Names that ``{label}`` matches, upper or lower case; empty (default): any name.
        conditions: Names that ``{condition}`` matches; empty (default): any name.

    Example:
        >>> Pattern("readers/{reader}/{case}.nii.gz").fill(case="c1", reader="anna")
        'readers/anna/c1.nii.gz'
    """

    text: str
    labels: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """Names of its fields."""
        return frozenset(_FIELD.findall(self.text))

    def expect(self, *fields: str, allowed: tuple[str, ...] = ()) -> None:
        """Raise ``ValueError`` unless the pattern is relative, stays below its root and has exactly these fields.

        Args:
            fields: Names of the fields that it must have.
            allowed: Names of further fields that it may have.
        """
        parts = Path(self.text).parts
        if Path(self.text).is_absolute() or ".." in parts or not parts:
            msg = f"the pattern {self.text!r} must be relative to root and stay below it"
            raise ValueError(msg)
        if any(part.count("*") > _MOST_STARS for part in parts):
            msg = f"the pattern {self.text!r} has more than {_MOST_STARS} stars in one part of the path; write it out"
            raise ValueError(msg)
        if self.fields - set(allowed) != set(fields) or re.search(r"[{}]", _FIELD.sub("", self.text)):
            wanted = " and ".join(f"{{{field}}}" for field in fields)
            msg = f"the pattern {self.text!r} must hold {wanted} and no other field"
            raise ValueError(msg)

    @property
    def literals(self) -> int:
        """Number of literal characters: the more, the more specific is the pattern."""
        return len(_FIELD.sub("", self.text).replace("*", ""))

    def fill(self, **fields: str) -> str:
        """Return the pattern as text with the fields replaced by these names; ``*`` and other fields remain."""
        return _FIELD.sub(lambda field: fields.get(field[1], field[0]), self.text)

    def matches(self, root: Path) -> Iterator[Match]:
        """Yield the matching files below ``root``, sorted by path; lists only folders that can contain matches."""
        for match in _walk(root, list(Path(self.text).parts), {}, self):
            if match.path.is_dir() or not self.text.endswith("/"):
                yield match


def assign(patterns: Mapping[str, Pattern], root: Path) -> dict[str, list[Match]]:
    """Return the matches of each pattern, sorted by path; a file with several matches goes to the most specific one.

    So ``{case}.nii.gz`` can match the images of a folder in which ``{case}_mask.nii.gz`` matches the masks.
    """
    owners: dict[Path, tuple[str, Match]] = {}
    for name, pattern in sorted(patterns.items(), key=lambda item: -item[1].literals):
        for match in pattern.matches(root):
            owners.setdefault(match.path, (name, match))
    assigned: dict[str, list[Match]] = {name: [] for name in patterns}
    for name, match in sorted(owners.values(), key=lambda owner: owner[1].path):
        assigned[name].append(match)
    return assigned


def _walk(folder: Path, parts: list[str], fields: dict[str, str], pattern: Pattern) -> Iterator[Match]:
    if not parts:
        if all(map(is_safe_name, fields.values())):
            repeat = fields.get("session", ""), fields.get("condition", "")
            yield Match(folder, fields.get("case", ""), fields.get("reader"), fields.get("label"), *repeat)
        return
    part, rest = parts[0], parts[1:]
    if not re.search(r"[{*]", part):
        # A broken link is found too, so that it can be named.
        if (folder / part).exists() or (folder / part).is_symlink():
            yield from _walk(folder / part, rest, fields, pattern)
        return
    expression = re.compile(_expression(part, fields, pattern))
    for name in _listed(folder):
        if found := expression.fullmatch(name):
            yield from _walk(folder / name, rest, fields | found.groupdict(), pattern)


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except NotADirectoryError:
        return []


def _expression(part: str, fields: Mapping[str, str], pattern: Pattern) -> str:
    """Return one part of a pattern as a regular expression; a field with a known value matches that value only."""
    pieces = re.split(r"(\{[^{}]*\}|\*)", part)
    conditions = "|".join(re.escape(name) for name in sorted(pattern.conditions, key=len, reverse=True))
    groups = _GROUPS | {"label": _one_of(pattern.labels), "condition": f"(?:{conditions})" if conditions else r"[^/]+?"}
    if pattern.labels and "{label}" in part and "{reader}" not in part:
        groups["case"] = groups["reader"]  # as little as it can: of p1_edh_sdh the label is edh_sdh
    expression, seen = "", set(fields)
    for piece in pieces:
        field = piece[1:-1]
        if piece == "*":
            expression += r"[^/]*"
        elif not piece.startswith("{"):
            expression += re.escape(piece)
        elif field in fields:
            expression += re.escape(fields[field])
        else:
            expression += f"(?P={field})" if field in seen else f"(?P<{field}>{groups[field]})"
            seen.add(field)
    return expression


def _one_of(labels: tuple[str, ...]) -> str:
    """Return an expression for one of some names, or for any name if there are none."""
    return f"(?i:{'|'.join(re.escape(label) for label in labels)})" if labels else r"[^/]+?"
