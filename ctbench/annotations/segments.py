"""Segments (named masks of an annotation file), and how their names meet the labels of a data set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.codes import Code, label_of
from ctbench.errors import LabelError
from ctbench.labels import LabelSet

__all__ = ["ALL_OTHERS", "Naming", "Segment", "match_names", "merge", "merge_codes", "name_of_all"]

ALL_OTHERS = "*"
"""The alias that stands for every name without a label and an alias of its own."""

_MOST_LISTED = 12


@dataclass(frozen=True)
class Naming:
    """How the segments of annotation files become labels.

    Args:
        aliases: Name in a file -> label; None leaves the segment out. ``*`` stands for all other names. Numbers
            separated by spaces (``101 103``) are codes of label maps.
        overlap: Voxels in two segments become the ``last`` one of the file, or are an ``error``.
    """

    aliases: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    overlap: Literal["last", "error"] = "error"

    @property
    def codes(self) -> dict[int, str | None]:
        """Return the aliases of codes: code in a label map -> label, None for background."""
        lists = ((name.split(), label) for name, label in self.aliases.items())
        return {int(code): label for codes, label in lists if all(map(str.isdecimal, codes)) for code in codes}


@dataclass(frozen=True, eq=False)
class Segment:
    """One named mask.

    Args:
        name: Name in the file.
        mask: The voxels on the grid of the image, z,y,x, or on a part of it.
        code: Coded meaning in the file, if there is one.
        at: The part of the grid that the mask covers. Default: the whole grid.
    """

    name: str
    mask: NDArray[np.bool_]
    code: Code | None = None
    at: tuple[slice, slice, slice] = (slice(None), slice(None), slice(None))


def merge(
    segments: Sequence[Segment], labels: LabelSet, naming: Naming, where: str, shape: tuple[int, int, int]
) -> NDArray[np.integer]:
    """Return the label map of segments on one grid.

    Segments of one label are united. A segment without a voxel needs no label.

    Args:
        segments: The segments, in the order of the file.
        labels: The labels, with their codes in the label map.
        naming: How names meet labels, and what an overlap becomes.
        where: Name of the file in messages.
        shape: Shape of the grid, z,y,x.

    Raises:
        LabelError: A name meets no label, or segments of two labels overlap.
    """
    drawn = [segment for segment in segments if segment.mask.any()]
    matched = match_names(drawn, labels, naming, where)
    label_map = np.zeros(shape, np.min_scalar_type(max(labels.values(), default=1)))
    for segment, label in zip(drawn, matched, strict=True):
        if label is None:
            continue
        if naming.overlap == "error":
            _expect_apart(label_map, segment, labels, label, where)
        label_map[segment.at][segment.mask] = labels[label]
    return label_map


def merge_codes(array: NDArray[np.integer], labels: LabelSet, naming: Naming, where: str) -> NDArray[np.integer]:
    """Return a label map in which the codes that have an alias are replaced by their label's code.

    Args:
        array: Codes of the file, any shape.
        labels: The labels, with their codes in the result.
        naming: Aliases of codes; with the alias ``*`` any other code without a label is allowed and becomes its label.
        where: Name of the file in messages.

    Raises:
        LabelError: A code has neither an alias nor a label.
    """
    codes = np.unique(array)
    known = {0: 0, **{code: code for code in labels.values()}}
    known |= {code: 0 if label is None else labels[label] for code, label in naming.codes.items()}
    if ALL_OTHERS in naming.aliases:
        other = naming.aliases[ALL_OTHERS]
        known = dict.fromkeys(codes.tolist(), 0 if other is None else labels[other]) | known
    strangers = [code for code in codes.tolist() if code not in known]
    if strangers:
        listed = _listed(map(str, strangers))
        msg = f"{where} holds the codes {listed}, which are neither labels nor aliases of the dataset"
        raise LabelError(msg)
    table = np.array([known[code] for code in codes.tolist()], np.min_scalar_type(max(known.values())))
    merged: NDArray[np.integer] = table[np.searchsorted(codes, array)]
    return merged


def match_names(segments: Iterable[Segment], labels: LabelSet, naming: Naming, where: str) -> list[str | None]:
    """Return the label of each segment, None for those that an alias leaves out.

    A name is looked up among the aliases, then among the labels; upper and lower case, and spaces, ``-`` and ``_``, are
    alike. A name that is neither is looked up by its coded meaning: the words, then the code of an anatomical structure
    in ``ctbench.annotations.codes``.

    Raises:
        LabelError: A segment has no label; the message lists the names on both sides.
    """
    segments = list(segments)
    aliases = {_plain(name): label for name, label in naming.aliases.items()}
    own = {_plain(name): name for name in labels}
    matched: list[str | None] = []
    strangers: list[str] = []
    for segment in segments:
        plain = _plain(segment.name)
        by_code = _label_of_code(segment.code, labels, own)
        if plain in aliases:
            matched.append(aliases[plain])
        elif segment.name in labels or plain in own:
            matched.append(segment.name if segment.name in labels else own[plain])
        elif by_code is not None:
            matched.append(by_code)
        elif ALL_OTHERS in aliases:
            matched.append(aliases[ALL_OTHERS])
        else:
            strangers.append(segment.name)
    if strangers:
        found = list(dict.fromkeys(segment.name for segment in segments))
        raise LabelError(_unmatched(where, list(dict.fromkeys(strangers)), found, labels))
    return matched


def name_of_all(files: Iterable[Iterable[str]]) -> LabelSet:
    """Return a label set of all names in several files, numbered from 1 in the order of their first appearance."""
    names: dict[str, str] = {}
    for found in files:
        for name in found:
            names.setdefault(_plain(name), name)
    return LabelSet({name: number for number, name in enumerate(names.values(), start=1)})


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _label_of_code(code: Code | None, labels: LabelSet, own: Mapping[str, str]) -> str | None:
    if code is None:
        return None
    if _plain(code.meaning) in own:
        return own[_plain(code.meaning)]
    label = label_of(code)
    return label if label in labels else None


def _unmatched(where: str, strangers: Sequence[str], found: Sequence[str], labels: LabelSet) -> str:
    names, one = _listed(map(repr, strangers)), len(strangers) == 1
    what = f"has the segment {names}, which matches" if one else f"has the segments {names}, which match"
    return (
        f"{where} {what} no label; its segments: {_listed(found)}; the labels: {_listed(labels) or 'none'}. "
        f"Map names in the data set's YAML, e.g. aliases: {{{strangers[0]!r}: {next(iter(labels), 'LABEL')}}} "
        f"(null leaves a segment out)"
    )


def _listed(names: Iterable[str]) -> str:
    names = [name[:60] for name in names]
    return ", ".join(names[:_MOST_LISTED]) + (", ..." if len(names) > _MOST_LISTED else "")


def _expect_apart(label_map: NDArray[np.integer], segment: Segment, labels: LabelSet, label: str, where: str) -> None:
    under = label_map[segment.at][segment.mask]
    both = np.unique(under[(under != 0) & (under != labels[label])])
    if both.size:
        other = next(name for name, code in labels.items() if code == both[0])
        count = int(np.count_nonzero(under == both[0]))
        msg = (
            f"{where}: {count} voxels are both {other} and {label}; correct the segmentation, or say overlap: last in "
            f"the data set's YAML, so that the later segment of the file counts"
        )
        raise LabelError(msg)
