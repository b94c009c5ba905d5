"""Colours of raters, errors, findings and structures: every drawing and page takes them from here.

A model's colour, a reader's, that of printed results and those of errors are all different, also over a CT.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING

from ctbench.report.frames.tables import ALL_READERS, ALL_READERS_KIND
from ctbench.scores import RaterKind

if TYPE_CHECKING:
    from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = [
    "ERROR_COLOURS",
    "FINDING_COLOUR",
    "INK",
    "KIND_COLOURS",
    "LINE",
    "MODEL_COLOURS",
    "MUTED",
    "READER_COLOURS",
    "RGB",
    "WHITE",
    "colour_uses",
    "outline_colours",
    "pair_colours",
    "palette",
    "rater_colours",
    "structure_colours",
]

RGB = tuple[int, int, int]

INK, MUTED, LINE = "#1f2328", "#59636e", "#d1d9e0"
MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, distinguishable with any colour vision; without their yellow, too pale on white."""
READER_COLOURS = ("#8c959f", "#b3bac1", "#6e7781")

KIND_COLOURS = {
    RaterKind.MODEL.value: MODEL_COLOURS[0],
    ALL_READERS_KIND: "#57606a",
    RaterKind.READER.value: READER_COLOURS[0],
    "published": "#8a6a4f",
}
"""Kind of rater -> colour of a rater that has none of its own; ``published`` is what papers printed."""

ERROR_COLOURS: dict[str, RGB] = {
    "true positive": (120, 200, 60),
    "false positive": (255, 45, 85),
    "false negative": (85, 85, 255),
    "other structure": (255, 245, 60),
}
"""Green, red, blue and yellow; ``other structure``: both drew one, but not the same."""

FINDING_COLOUR = "#00ebff"
"""Of the boxes of a detector over the errors of a slice."""

WHITE: RGB = (255, 255, 255)

_ON_CT: dict[str, RGB] = dict(
    zip(
        MODEL_COLOURS,
        ((0, 130, 220), (213, 94, 0), (0, 190, 140), (204, 121, 167), (230, 159, 0), (86, 180, 233)),
        strict=True,
    )
)
_OTHERS_ON_CT: tuple[RGB, ...] = (
    *((150, 240, 235), (225, 170, 245), (255, 190, 150), (205, 225, 150)),
    *((170, 140, 100), (150, 150, 235), (200, 60, 200)),
)
_STRUCTURES: tuple[RGB, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 190, 140), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 130, 220)),
    *((221, 170, 221), (170, 221, 119), (238, 136, 102), (119, 221, 221), (187, 187, 51)),
)
"""Okabe and Ito's colours, lightened where they are too dark on a CT, and five more for sets of twelve structures."""


def rater_colours(models: Iterable[str], readers: Iterable[str] = ()) -> dict[str, str]:
    """Return the colour of each rater: one of ``MODEL_COLOURS`` for a model, greys for readers.

    The name of a model chooses its colour, so that it is the same on pages that show other models beside it. Where two
    would share one while another is free, the later in the alphabet takes the next free one. Colours repeat when they
    run out; ``colour_uses`` then tells the raters of a chart apart.

    Args:
        models: Names of the models.
        readers: Names of the readers, and ``all readers`` for all of them as one.

    Returns:
        Name -> ``#rrggbb``: readers first, each kind in the order given.
    """
    models = list(models)
    chosen: dict[str, str] = {}
    used = Counter(dict.fromkeys(MODEL_COLOURS, 0))
    for name in sorted(set(models)):
        at = int(hashlib.sha512(name.encode()).hexdigest(), 16) % len(MODEL_COLOURS)
        least = min(used.values())
        chosen[name] = next(one for one in MODEL_COLOURS[at:] + MODEL_COLOURS[:at] if used[one] == least)
        used[chosen[name]] += 1
    greys = dict(zip((name for name in readers if name != ALL_READERS), cycle(READER_COLOURS), strict=False))
    return {ALL_READERS: KIND_COLOURS[ALL_READERS_KIND]} | greys | {name: chosen[name] for name in models}


def palette(results: ComparableRuns) -> dict[str, str]:
    """Return the colour of every rater of comparable runs, see ``rater_colours``."""
    return rater_colours(results.models, results.readers)


def colour_uses(raters: Sequence[str], palette: Mapping[str, str]) -> list[int]:
    """Return for each rater of a chart how many before it have its colour: 0 for all where colours tell them apart."""
    seen: Counter[str] = Counter()
    uses = []
    for name in raters:
        shade = palette.get(name, INK)
        uses.append(seen[shade])
        seen[shade] += 1
    return uses


def structure_colours(structures: Sequence[str]) -> dict[str, RGB]:
    """Return a colour for each structure that can be seen on a CT; colours repeat after twelve."""
    return dict(zip(structures, islice(cycle(_STRUCTURES), len(structures)), strict=True))


def outline_colours(raters: Sequence[str | None], palette: Mapping[str, str]) -> dict[str | None, RGB]:
    """Return the colour of each rater's outline; the reference (None) is white.

    Args:
        raters: Names of the raters; up to eight have different colours.
        palette: Rater -> ``#rrggbb`` of the charts. Models keep their colour, lightened where it is too dark on a CT;
            readers, who are grey there, and a model whose colour an earlier one has, get colours that no model has.
    """
    named = [name for name in raters if name is not None]
    first = {name for name, use in zip(named, colour_uses(named, palette), strict=True) if not use}
    kept = {name: _ON_CT[palette[name]] for name in named if name in first and palette.get(name) in _ON_CT}
    others = dict(zip((name for name in named if name not in kept), cycle(_OTHERS_ON_CT), strict=False))
    return dict([(None, WHITE), *kept.items(), *others.items()])


def pair_colours(first: str, second: str, palette: Mapping[str, str]) -> tuple[str, str]:
    """Return the colours of two raters of one chart; a second rater who has the colour of the first is drawn in ink."""
    own = palette.get(first, MODEL_COLOURS[1]), palette.get(second, MODEL_COLOURS[0])
    return own if own[0] != own[1] else (own[0], INK)
