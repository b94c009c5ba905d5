"""Path patterns with ``{case}`` and ``{reader}``, and the files that match them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Match", "Pattern", "assign", "is_safe_name"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_MOST_STARS = 3
"""How long a name may take to be matched grows with each star by a power."""
# {case} takes as much as it can: in P1_nodule0_reader2 the reader is what follows the last underscore.
_GROUPS = {"case": r"[^/]+", "reader": r"[^/]+?"}


def is_safe_name(name: str) -> bool:
    """Say whether a case or reader can stand in a path: one part of it, visible, and no way out of the folder.

    >>> [is_safe_name(name) for name in ("p1_0", "..", "a/b", ".hidden", "")]
    [True, False, False, False, False]
    """
    return bool(name) and not name.startswith(".") and not re.search(r'[/\\:*?"<>|{}\x00-\x1f]', name)


@dataclass(frozen=True)
class Match:
    """A file that a pattern matched, and what its fields stood for."""

    path: Path
    case: str
    reader: str | None


@dataclass(frozen=True)
class Pattern:
    """A path relative to a dataset's root, e.g. ``readers/{reader}/{case}.nii.gz``.

    ``*`` stands for any text within one part of the path, where a name holds something that says nothing, such as a
    date; a part has at most three. A pattern may name a folder (a DICOM series); one that ends in a slash names nothing
    else.

    Example:
        >>> Pattern("readers/{reader}/{case}.nii.gz").fill(case="c1", reader="anna")
        'readers/anna/c1.nii.gz'
    """

    text: str

    def expect(self, *fields: str) -> None:
        """Raise ``ValueError`` unless the pattern is relative, stays below its root and has just these fields."""
        parts = Path(self.text).parts
        if Path(self.text).is_absolute() or ".." in parts or not parts:
            msg = f"the pattern {self.text!r} must be relative to root and stay below it"
            raise ValueError(msg)
        if any(part.count("*") > _MOST_STARS for part in parts):
            msg = f"the pattern {self.text!r} has more than {_MOST_STARS} stars in one part of the path; write it out"
            raise ValueError(msg)
        found = set(_FIELD.findall(self.text))
        if found != set(fields) or re.search(r"[{}]", _FIELD.sub("", self.text)):
            wanted = " and ".join(f"{{{field}}}" for field in fields)
            msg = f"the pattern {self.text!r} must hold {wanted} and no other field"
            raise ValueError(msg)

    @property
    def literals(self) -> int:
        """How many characters of the pattern stand for themselves: the more, the more specific it is."""
        return len(_FIELD.sub("", self.text).replace("*", ""))

    def fill(self, **fields: str) -> str:
        """Put names in the place of fields; ``*`` stays."""
        return _FIELD.sub(lambda field: fields[field[1]], self.text)

    def matches(self, root: Path) -> Iterator[Match]:
        """Walk below ``root`` and yield what matches, sorted by path; only folders that can lead there are listed."""
        for match in _walk(root, list(Path(self.text).parts), {}):
            if match.path.is_dir() or not self.text.endswith("/"):
                yield match


def assign(patterns: Mapping[str, Pattern], root: Path) -> dict[str, list[Match]]:
    """Give each pattern its files, sorted by path; a file that several match goes to the most specific of them.

    So ``{case}.nii.gz`` may name the images of a folder in which ``{case}_mask.nii.gz`` names the masks.
    """
    owners: dict[Path, tuple[str, Match]] = {}
    for name, pattern in sorted(patterns.items(), key=lambda item: -item[1].literals):
        for match in pattern.matches(root):
            owners.setdefault(match.path, (name, match))
    assigned: dict[str, list[Match]] = {name: [] for name in patterns}
    for name, match in sorted(owners.values(), key=lambda owner: owner[1].path):
        assigned[name].append(match)
    return assigned


def _walk(folder: Path, parts: list[str], fields: dict[str, str]) -> Iterator[Match]:
    if not parts:
        if all(map(is_safe_name, fields.values())):
            yield Match(folder, fields["case"], fields.get("reader"))
        return
    part, rest = parts[0], parts[1:]
    if not re.search(r"[{*]", part):
        if (folder / part).exists():
            yield from _walk(folder / part, rest, fields)
        return
    expression = re.compile(_expression(part, fields))
    for name in _listed(folder):
        if found := expression.fullmatch(name):
            yield from _walk(folder / name, rest, fields | found.groupdict())


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except NotADirectoryError:
        return []


def _expression(part: str, fields: Mapping[str, str]) -> str:
    """Turn one part of a pattern into a regular expression; a field that is known already must come again alike."""
    pieces = re.split(r"(\{[^{}]*\}|\*)", part)
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
            expression += f"(?P={field})" if field in seen else f"(?P<{field}>{_GROUPS[field]})"
            seen.add(field)
    return expression
