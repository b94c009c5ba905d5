"""Fusion of several readers' label maps into a reference: ``fuse`` and ``leave_one_out``."""

from __future__ import annotations

import numpy as np

from ctbench.consensus.groups import fuse_groups
from ctbench.consensus.patterns import Contested, Domain, contested_patterns
from ctbench.consensus.readings import Annotated, Asked, LabelMaps, Readings, Weights
from ctbench.consensus.rules import BINARY_METHODS, METHODS, RULES, Verdicts, vote_counts
from ctbench.errors import DataError, LabelError, UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference, SparseMasks
from ctbench.scores import without
from ctbench.suggestions import suggestion

__all__ = ["expect_method", "fuse", "leave_one_out"]


def fuse(
    label_maps: LabelMaps,
    method: str = "majority",
    annotated: Annotated | None = None,
    *,
    groups: LabelSet | None = None,
    domain: Domain = "box",
    asked: Asked | None = None,
    weights: Weights | None = None,
) -> Reference:
    """Fuse several readers' label maps into one reference.

    Each slice is fused from the readers who annotated it:

    - ``majority``: the label that more than half of them drew; without one the voxel is indeterminate;
    - ``plurality``: the label that most of them drew; a tie is indeterminate;
    - ``staple``: the most probable label given each reader's confusion matrix, which is estimated with it, in one fit
      over all slices; voxels in which two labels are equally probable are indeterminate. It depends on how much
      background counts, hence ``domain``;
    - ``simple``: the label that more than half of them drew by weight; a reader weighs as his Dice with the result, and
      who is far below the best is dropped, label by label (SIMPLE, see ``ctbench.consensus.simple``);
    - ``union``, ``intersection``: what any, or all, of them drew; for one structure only.

    Background is a label like any other. One reader is his own reference.

    Args:
        label_maps: reader -> z,y,x integers (or bool), or a sequence, whose readers are named reader1, reader2, ...
        method: one of ``METHODS``.
        annotated: reader -> z bool, the slices that the reader annotated; a reader who is absent (or None), all.
        groups: A label set, each group of which gets a reference of its own, fused from the readers' merged masks by
            the same rule. Two of three readers see blood, of two types: no type has a majority, blood has.
        domain: Where background counts for ``staple``: ``box`` (what anyone drew, one voxel wider), ``image``, or a
            mask z,y,x; no other method depends on it.
        asked: reader -> codes that the reader was asked to draw; a reader who is absent, all. About any other label the
            reader has no vote: he leaves its denominator.
        weights: reader -> weight of the reader's vote for ``majority`` and ``plurality``, above 0; a reader who is
            absent weighs 1. The other methods do without: ``staple`` and ``simple`` estimate how much each reader
            counts.

    Returns:
        The reference; ``possible`` marks, for each label, the indeterminate voxels in which some reader drew it.

    Raises:
        UsageError: an unknown method, a weight that is not positive, or ``annotated``, ``asked`` or ``weights`` names
            a reader who has no label map.
        DataError: no reader, label maps of different shapes or that are not 3D (GeometryError, DataError), not
            integers, with a code that its reader was not asked for, or with several structures where the method takes
            one (LabelError).

    Example:
        >>> import numpy as np
        >>> a, b, c = (np.array([[[code, 1]]]) for code in (0, 1, 2))
        >>> reference = fuse({"ann": a, "bob": b, "cyd": c})
        >>> reference.labels.tolist(), reference.excluded.tolist()
        ([[[0, 1]]], [[[True, False]]])
    """
    expect_method(method)
    readings = Readings.of(label_maps, annotated, asked, weights)
    return _fused(readings, contested_patterns(readings), method, method, groups, domain)


def leave_one_out(
    label_maps: LabelMaps,
    method: str = "majority",
    annotated: Annotated | None = None,
    *,
    groups: LabelSet | None = None,
    domain: Domain = "box",
    asked: Asked | None = None,
    weights: Weights | None = None,
) -> dict[str, Reference]:
    """Fuse, for each reader, the label maps of all others, so that no reader is scored on their own contribution.

    Args:
        label_maps: As for ``fuse``.
        method: As for ``fuse``.
        annotated: As for ``fuse``.
        groups: As for ``fuse``.
        domain: As for ``fuse``; a box is that of what the others drew.
        asked: As for ``fuse``.
        weights: As for ``fuse``.

    Returns:
        Reader -> the reference of the others, whose method is named e.g. ``majority-without-reader2``.

    Raises:
        DataError: There are fewer than two readers.
        CtbenchError: As for ``fuse``.
    """
    expect_method(method)
    readings = Readings.of(label_maps, annotated, asked, weights)
    if len(readings.readers) < 2:
        msg = f"leaving out {readings.readers[0]} leaves no reader; expected label maps of two readers or more"
        raise DataError(msg)
    found = contested_patterns(readings)
    references = {}
    for place, reader in enumerate(readings.readers):
        others = [index for index in range(len(readings.readers)) if index != place]
        name = without(method, reader)
        references[reader] = _fused(readings.of_readers(others), found.of(others), method, name, groups, domain)
    return references


def _fused(
    readings: Readings, found: Contested, method: str, name: str, groups: LabelSet | None, domain: Domain
) -> Reference:
    if method in BINARY_METHODS:
        _expect_one_structure(readings, method)
    verdicts = RULES[method](readings, found, domain)
    labels, excluded = readings.first(), np.zeros(readings.shape, bool)
    labels.ravel()[found.at] = found.codes[verdicts.chosen].astype(labels.dtype)[found.place]
    excluded.ravel()[found.at] = verdicts.undecided[found.place]
    return Reference(
        labels=labels,
        excluded=excluded,
        annotated=np.logical_or.reduce(readings.annotated),
        method=name,
        readers=readings.readers,
        possible=_possible(readings, found, verdicts),
        groups={}
        if groups is None or method in BINARY_METHODS
        else fuse_groups(readings, found, groups, method, domain),
    )


def _possible(readings: Readings, found: Contested, verdicts: Verdicts) -> SparseMasks:
    """Return, for each label, the undecided voxels in which some reader drew it."""
    drawn = ((vote_counts(found.votes, len(found.codes)) > 0) & verdicts.undecided[:, None]).T.copy()
    undecided = np.flatnonzero(verdicts.undecided[found.place])
    at, place = found.at[undecided], found.place[undecided]
    return SparseMasks(
        readings.shape,
        {
            code: at[np.flatnonzero(own[place])]
            for code, own in zip(found.codes.tolist(), drawn, strict=True)
            if code and own.any()
        },
    )


def expect_method(method: str) -> None:
    """Check that a consensus rule has this name.

    Raises:
        UsageError: None has; the message suggests a similar name.
    """
    if method not in RULES:
        msg = f"unknown consensus method {method!r}; {suggestion(method, METHODS, otherwise='expected one of')}"
        raise UsageError(msg)


def _expect_one_structure(readings: Readings, method: str) -> None:
    codes = sorted({int(code) for array in readings.maps for code in np.unique(array)} - {0})
    if len(codes) > 1:
        msg = (
            f"{method} fuses masks of one structure, got codes {', '.join(map(str, codes))}; use majority or plurality"
        )
        raise LabelError(msg)
