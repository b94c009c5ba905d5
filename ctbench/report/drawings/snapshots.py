"""Where readers differ: tinted voxels over the image, from blue to yellow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement import LesionStudy, ReaderStudy, Snapshot
from ctbench.report.drawings.overlays import grey
from ctbench.report.drawings.slices import WINDOWS, whole_range
from ctbench.report.drawings.view import View

__all__ = ["SnapshotCard", "contested_cards", "disputed_cards", "draw_snapshot"]

_DARK = (22, 27, 34)
_TINTS = np.array([[86, 180, 233], [240, 228, 66]])
_OPACITY = 0.55


def draw_snapshot(seen: Snapshot, *, largest: int = 240) -> tuple[NDArray[np.uint8], ...]:
    """Draw a part of a slice in radiological view: plain, and tinted.

    A CT is shown in the brain window, another image from its darkest to its brightest hundredth.

    Args:
        seen: The part of the slice.
        largest: Number of pixels of the longer side.

    Returns:
        Two pictures y,x,3 of square pixels; without an image only the tinted one, on a dark ground.
    """
    view = View.of(seen.shade)
    shape = view.pixels(largest)
    shade = view.nearest(seen.shade.array[0], shape)[..., None]
    tint = (1 - shade) * _TINTS[0] + shade * _TINTS[1]
    if seen.image is None:
        return (np.round(np.where(shade > 0, tint, _DARK)).astype(np.uint8),)
    window = WINDOWS["brain"] if seen.in_hu else whole_range(seen.image[None])
    plain = view.smooth(grey(seen.image, window), shape)
    tinted = np.where(shade > 0, (1 - _OPACITY) * plain + _OPACITY * tint, plain)
    return plain, np.round(tinted).astype(np.uint8)


class SnapshotCard(NamedTuple):
    """A snapshot with what is written below it."""

    title: str
    below: str
    what: str
    """What the tinted voxels are."""
    seen: Snapshot

    @property
    def where(self) -> str:
        """The slice in words."""
        return f"slice {self.seen.z + 1} of {self.seen.slices}"

    @property
    def pictures(self) -> list[tuple[NDArray[np.uint8], str]]:
        """The pictures of ``draw_snapshot``, each with a sentence for those who cannot see it."""
        drawn = draw_snapshot(self.seen)
        said = [f"{what} {self.title}, {self.where}" for what in ("image of", f"{self.what} in")]
        return list(zip(drawn, said[-len(drawn) :], strict=True))


def contested_cards(study: ReaderStudy) -> list[SnapshotCard]:
    """Return the slices with the most contested voxels, those of the most contested cases."""
    voxels = study.disagreement.set_index("case")["worst_slice_voxels"]
    return [
        SnapshotCard(f"case {case}", f"{voxels[case]:,} contested voxels", "disagreement", seen)
        for case, seen in study.pictures.items()
    ]


def disputed_cards(study: LesionStudy) -> list[SnapshotCard]:
    """Return the most disputed lesion candidates, the worst first."""
    rows = study.disputed.set_index(["case", "label", "lesion"]).to_dict("index")
    cards = []
    for (case, label, lesion), seen in study.pictures.items():
        row = rows[case, label, lesion]
        who = [row[name].replace(" ", " and ") for name in ("found_by", "missed_by")]
        below = f"{row['volume_ml']:.2f} mL, found by {who[0]}, missed by {who[1]}"
        cards.append(SnapshotCard(f"{case}: {label} {lesion}", below, "the share of readers", seen))
    return cards
