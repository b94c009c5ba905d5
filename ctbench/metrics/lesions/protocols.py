"""Protocols of lesion matching: when a lesion is detected and a predicted piece false, by challenge.

Each protocol is a function of the overlap table, from pairs of lesions and pieces to outcomes. ``docs/lesions.md`` has
their sources and their differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.metrics.lesions.regions import in_regions
from ctbench.metrics.lesions.table import Links, Neighbours, OverlapTable

__all__ = ["PROTOCOLS", "Match", "Protocol", "protocol"]


@dataclass(frozen=True, eq=False)
class Match:
    """What a protocol makes of an overlap table.

    Args:
        table: The table, of the pieces and lesions of this protocol.
        pairs: The pieces that are compared with each detected lesion.
        detected: Whether each lesion is detected.
        overlaps: The share of each lesion by which the protocol decides.
        true: Whether each piece is true: it detects a lesion.
        piece_overlaps: The share of each piece by which the protocol decides.
        surplus: Whether each piece overlaps a lesion enough, but another piece was matched with it: neither true nor
            false.
        ignored: Whether each lesion is too small to count.
    """

    table: OverlapTable
    pairs: Links
    detected: NDArray[np.bool_]
    overlaps: NDArray[np.float64]
    true: NDArray[np.bool_]
    piece_overlaps: NDArray[np.float64]
    surplus: NDArray[np.bool_]
    ignored: NDArray[np.bool_]

    @property
    def indeterminate(self) -> NDArray[np.bool_]:
        """Whether each piece overlaps no lesion, but lies where some reader drew the structure."""
        overlapping = np.zeros(len(self.true), bool)
        overlapping[self.table.links.piece] = True
        return self.table.pieces.doubtful & ~overlapping & ~self.true & ~self.surplus

    @property
    def false(self) -> NDArray[np.bool_]:
        """Whether each piece is false."""
        return ~(self.true | self.surplus | self.indeterminate)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way to score lesions.

    Args:
        name: As in the column ``protocol``.
        title: Who scores in this way.
        rule: What makes a lesion detected, in one phrase.
        source: Where the definition comes from.
        chief: The column of ``lesions.case_scores`` by which it ranks.
        match: Decides which lesions are detected and which pieces are true.
        neighbours: Which voxels are connected.
        dilations: How often lesions are dilated to be joined into one, and to look for pieces that touch them.
        above_mm3: Lesions up to this volume do not count; None: all do.
        both_empty: Value of ratios where there is neither a lesion nor a piece; None: undefined.
        penalty_mm: Distance that penalises a missed lesion or a false piece; None: the diagonal of the image.
        regions: Whether each lesion is compared with all that is predicted nearer to it than to any other lesion.
    """

    name: str
    title: str
    rule: str
    source: str
    chief: str
    match: Callable[[OverlapTable, Protocol], Match]
    neighbours: Neighbours = 26
    dilations: int = 0
    above_mm3: float | None = None
    both_empty: float | None = None
    penalty_mm: float | None = None
    regions: bool = False

    def apply(self, table: OverlapTable) -> Match:
        """Return the outcomes of an overlap table of the protocol's own ``neighbours``."""
        return self.match(in_regions(table) if self.regions else table, self)


def protocol(name: str) -> Protocol:
    """Return a protocol by its name.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in PROTOCOLS:
        msg = f"unknown lesion protocol {name!r}; expected one of {', '.join(PROTOCOLS)}"
        raise UsageError(msg)
    return PROTOCOLS[name]


def _shares(table: OverlapTable, links: Links) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of each lesion that is predicted, and of each piece that lies in lesions."""
    lesions = np.bincount(links.lesion, links.voxels, len(table.lesions)) / np.maximum(table.lesions.sizes, 1)
    pieces = np.bincount(links.piece, links.voxels, len(table.pieces)) / np.maximum(table.pieces.sizes, 1)
    return lesions, pieces


def _best(table: OverlapTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest intersection over union of each lesion and of each piece."""
    lesions, pieces = np.zeros(len(table.lesions)), np.zeros(len(table.pieces))
    ious = table.links.voxels / table.union(table.links)
    np.maximum.at(lesions, table.links.lesion, ious)
    np.maximum.at(pieces, table.links.piece, ious)
    return lesions, pieces


def _decided(
    table: OverlapTable,
    pairs: Links,
    detected: NDArray[np.bool_],
    true: NDArray[np.bool_],
    overlaps: tuple[NDArray[np.float64], NDArray[np.float64]],
    surplus: NDArray[np.bool_] | None = None,
    ignored: NDArray[np.bool_] | None = None,
) -> Match:
    surplus = np.zeros(len(table.pieces), bool) if surplus is None else surplus
    ignored = np.zeros(len(table.lesions), bool) if ignored is None else ignored
    return Match(table, pairs, detected, overlaps[0], true, overlaps[1], surplus, ignored)


def _by_share(least: float) -> Callable[[OverlapTable, Protocol], Match]:
    """Return the rule that a share of a lesion or piece lies in the other mask: above 0, or at least ``least``."""

    def match(table: OverlapTable, _: Protocol) -> Match:
        overlaps = _shares(table, table.links)
        lesions, pieces = ((share > 0) & (share >= least) for share in overlaps)
        return _decided(table, table.links, lesions, pieces, overlaps)

    return match


def _by_iou(table: OverlapTable, _: Protocol) -> Match:
    """Any piece of which the intersection over union with the lesion is at least one half."""
    enough = 2 * table.links.voxels >= table.union(table.links)
    return _paired(table, table.links[enough])


def _one_to_one(*, strict: bool) -> Callable[[OverlapTable, Protocol], Match]:
    """Return the rule of panoptic quality: pairs of an IoU above (or of at least) one half, the largest first."""

    def match(table: OverlapTable, _: Protocol) -> Match:
        union = table.union(table.links)
        enough = 2 * table.links.voxels > union if strict else 2 * table.links.voxels >= union
        links, ious = table.links[enough], table.links.voxels[enough] / union[enough]
        lesions, pieces, chosen = set[int](), set[int](), []
        for at in np.argsort(-ious, kind="stable").tolist():
            lesion, piece = int(links.lesion[at]), int(links.piece[at])
            if lesion not in lesions and piece not in pieces:
                lesions.add(lesion)
                pieces.add(piece)
                chosen.append(at)
        return _paired(table, links[np.array(sorted(chosen), np.intp)])

    return match


def _most_pairs(table: OverlapTable, _: Protocol) -> Match:
    """As many pairs of an IoU of at least .1 as there can be; of these assignments, the one of the largest sum."""
    from scipy.optimize import linear_sum_assignment  # slow to import

    union = table.union(table.links)
    enough = 10 * table.links.voxels >= union
    links, ious = table.links[enough], table.links.voxels[enough] / union[enough]
    lesions, pieces = np.unique(links.lesion), np.unique(links.piece)
    gains = np.zeros((len(lesions), len(pieces)))
    gains[np.searchsorted(lesions, links.lesion), np.searchsorted(pieces, links.piece)] = 1 + ious
    rows, columns = linear_sum_assignment(gains, maximize=True)
    assigned = {(int(lesions[i]), int(pieces[j])) for i, j in zip(rows, columns, strict=True)}
    chosen = [pair in assigned for pair in zip(links.lesion.tolist(), links.piece.tolist(), strict=True)]
    pairs = links[np.array(chosen, bool)]
    surplus = _with_partner(table, links)[1] & ~_with_partner(table, pairs)[1]
    return _paired(table, pairs, surplus)


def _with_partner(table: OverlapTable, pairs: Links) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each lesion, and each piece, is in one of some pairs."""
    return np.isin(np.arange(len(table.lesions)), pairs.lesion), np.isin(np.arange(len(table.pieces)), pairs.piece)


def _paired(table: OverlapTable, pairs: Links, surplus: NDArray[np.bool_] | None = None) -> Match:
    """Return the outcomes where exactly what has a partner is detected or true."""
    detected, true = _with_partner(table, pairs)
    return _decided(table, pairs, detected, true, _best(table), surplus)


def _dilated(table: OverlapTable, protocol: Protocol) -> Match:
    """Lesions joined by dilation, detected by any piece that touches the dilated lesion; small ones do not count."""
    table = table.consolidated(protocol.dilations)
    pairs = table.touching(protocol.dilations)
    small = table.lesions.sizes * table.drawn.voxel_ml * 1000 <= (protocol.above_mm3 or 0) * (1 + 1e-9)
    detected, true = _with_partner(table, pairs)
    return _decided(table, pairs, detected, true, _shares(table, table.links), ignored=small)


_BRATS = "BraTS 2023 lesion-wise metrics: Saluja et al., github.com/rachitsaluja/BraTS-2023-Metrics"

_ALL = (
    Protocol(
        name="any",
        title="any overlap",
        rule="at least one voxel of the lesion is predicted",
        source="Chang et al., AJNR 2018;39:1609-1616",
        chief="f1",
        match=_by_share(0),
    ),
    Protocol(
        name="half",
        title="half of the volume",
        rule="at least half of the lesion's volume is predicted",
        source="ctbench",
        chief="f1",
        match=_by_share(0.5),
    ),
    Protocol(
        name="iou",
        title="IoU of one half, many to many",
        rule="the IoU with some piece is at least .5",
        source="ctbench",
        chief="f1",
        match=_by_iou,
    ),
    Protocol(
        name="isles22",
        title="ISLES 2022",
        rule="at least one voxel of the lesion is predicted",
        source="Hernandez Petzsche et al., Sci Data 2022;9:762; github.com/ezequieldlrosa/isles22",
        chief="f1",
        match=_by_share(0),
        both_empty=1.0,
    ),
    Protocol(
        name="brats-gli",
        title="BraTS 2023, glioma",
        rule="a piece touches the lesion dilated three times; lesions up to 50 mm³ do not count",
        source=_BRATS,
        chief="lesion_dice",
        match=_dilated,
        dilations=3,
        above_mm3=50.0,
        both_empty=1.0,
        penalty_mm=374.0,
    ),
    Protocol(
        name="brats-met",
        title="BraTS 2023, metastases",
        rule="a piece touches the lesion dilated once; lesions up to 2 mm³ do not count",
        source=_BRATS,
        chief="lesion_dice",
        match=_dilated,
        dilations=1,
        above_mm3=2.0,
        both_empty=1.0,
        penalty_mm=374.0,
    ),
    Protocol(
        name="autopet",
        title="autoPET",
        rule="at least one voxel of the lesion is predicted; voxels of a common corner only are not connected",
        source="Gatidis et al., Sci Data 2022;9:601; github.com/lab-midas/autoPET",
        chief="false_positive_volume_ml",
        match=_by_share(0),
        neighbours=18,
    ),
    Protocol(
        name="pq",
        title="panoptic quality",
        rule="the IoU with a piece is above .5",
        source="Kirillov et al., Panoptic segmentation, CVPR 2019:9404-9413",
        chief="pq",
        match=_one_to_one(strict=True),
    ),
    Protocol(
        name="pq-panoptica",
        title="panoptic quality, panoptica's default",
        rule="the IoU with a piece is at least .5, one to one, the largest first",
        source="Kofler et al., Panoptica, arXiv 2312.02608",
        chief="pq",
        match=_one_to_one(strict=False),
    ),
    Protocol(
        name="cc",
        title="CC-Metrics",
        rule="every lesion is compared with what is predicted nearer (in mm) to it than to any other lesion",
        source="Jaus et al., Every component counts, AAAI 2025;39:3904-3912",
        chief="lesion_dice",
        match=_by_share(0),
        regions=True,
    ),
    Protocol(
        name="picai",
        title="PI-CAI",
        rule="the IoU with a piece is at least .1, one to one, as many pairs as possible",
        source="Saha et al., Lancet Oncol 2024;25:879-887; github.com/DIAGNijmegen/picai_eval",
        chief="f1",
        match=_most_pairs,
    ),
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({one.name: one for one in _ALL})
"""All protocols by name."""
