"""Label sets: the names of structures, their codes in a label map, and groups of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import LabelError
from ctbench.suggestions import suggestion

__all__ = ["LabelSet"]

_END = 2**63
"""Codes are computed with as 64-bit integers."""


@dataclass(frozen=True, init=False)
class LabelSet(Mapping[str, int]):
    """Names of structures and the codes that stand for them in a label map; 0 is always background.

    A label set is a read-only mapping from name to code. ``groups`` name unions of labels (``ventricles_all`` =
    ``ventricles`` + ``septum_pellucidum``) that are scored like labels of their own.

    Args:
        codes: name -> code; codes are positive, below 2^63, and differ.
        groups: name -> names of the labels that it unites.
        covers: label or group -> names of the structures, in label sets of datasets, whose union it is; so a coarse
            predictor counts in the groups of a dataset that has the finer labels only. Default: none.

    Raises:
        LabelError: a code that is not a positive integer or occurs twice, a group of unknown labels, a group with
            the name of a label, or ``covers`` of an unknown name or of nothing.

    Example:
        >>> labels = LabelSet({"iph": 1, "ivh": 2}, groups={"hemorrhage": ("iph", "ivh")})
        >>> labels["ivh"], labels.codes_of("hemorrhage")
        (2, (1, 2))
    """

    codes: Mapping[str, int] = field()
    groups: Mapping[str, tuple[str, ...]] = field()
    covers: Mapping[str, tuple[str, ...]] = field()

    def __init__(
        self,
        codes: Mapping[str, int],
        groups: Mapping[str, tuple[str, ...]] | None = None,
        covers: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        groups = {name: tuple(members) for name, members in (groups or {}).items()}
        covers = {name: tuple(parts) for name, parts in (covers or {}).items()}
        _check(codes, groups)
        _check_covers(covers, (*codes, *groups))
        object.__setattr__(self, "codes", MappingProxyType({name: int(code) for name, code in codes.items()}))
        object.__setattr__(self, "groups", MappingProxyType(groups))
        object.__setattr__(self, "covers", MappingProxyType(covers))

    def __getitem__(self, name: str) -> int:
        return self.codes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def __hash__(self) -> int:
        return hash((tuple(self.codes.items()), tuple(self.groups.items()), tuple(self.covers.items())))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelSet):
            return NotImplemented
        return self._parts == other._parts

    def __reduce__(self) -> tuple[type[LabelSet], tuple[Any, ...]]:
        # A mapping proxy cannot be pickled, and label sets travel to worker processes.
        return LabelSet, self._parts

    @property
    def _parts(self) -> tuple[dict[str, int], dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        return dict(self.codes), dict(self.groups), dict(self.covers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all labels, then of all groups."""
        return (*self.codes, *self.groups)

    def codes_of(self, name: str) -> tuple[int, ...]:
        """Return the codes of a label or a group.

        Raises:
            LabelError: no label or group has that name; the message offers the nearest one.
        """
        if name in self.codes:
            return (self.codes[name],)
        if name in self.groups:
            return tuple(self.codes[member] for member in self.groups[name])
        msg = f"unknown structure {name!r}; {suggestion(name, self.names, otherwise='known names:')}"
        raise LabelError(msg)

    def check(self, array: NDArray[np.integer], where: str = "label map") -> None:
        """Raise ``LabelError`` if ``array`` holds a code other than 0 and those of this set.

        Args:
            array: a label map of any shape.
            where: Name of the array in the message, e.g. its path.
        """
        known = {0, *self.codes.values()}
        unknown = [int(code) for code in np.unique(array) if int(code) not in known]
        if unknown:
            listed = ", ".join(map(str, unknown[:10])) + (", ..." if len(unknown) > 10 else "")
            expected = ", ".join(f"{code} {name}" for name, code in self.codes.items())
            msg = f"{where} holds unknown label codes {listed}; expected 0 background, {expected}"
            raise LabelError(msg)


def _check(codes: Mapping[str, int], groups: Mapping[str, tuple[str, ...]]) -> None:
    owners: dict[int, str] = {}
    for name, code in codes.items():
        if isinstance(code, bool) or not isinstance(code, (int, np.integer)) or not 0 < code < _END:
            msg = f"label {name!r} has code {code!r}; expected a positive integer (0 is background) below 2^63"
            raise LabelError(msg)
        if code in owners:
            msg = f"labels {owners[int(code)]!r} and {name!r} share code {code}; every label needs a code of its own"
            raise LabelError(msg)
        owners[int(code)] = name
    for group, members in groups.items():
        if group in codes:
            msg = f"group {group!r} has the name of a label; rename the group"
            raise LabelError(msg)
        strangers = [member for member in members if member not in codes]
        if strangers or not members:
            msg = f"group {group!r} has members {list(members)}; expected one or more of {', '.join(codes)}"
            raise LabelError(msg)


def _check_covers(covers: Mapping[str, tuple[str, ...]], names: tuple[str, ...]) -> None:
    for name, parts in covers.items():
        if name not in names or not parts:
            msg = f"covers has {name!r}: {list(parts)}; expected one of {', '.join(names)} -> a dataset's labels"
            raise LabelError(msg)
