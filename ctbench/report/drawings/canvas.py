"""A sheet to draw on, and how a drawing becomes part of a page.

matplotlib takes a third of a second to import, so only drawing pays for it; pyplot and its global
state are never used.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.report.page.markup import Html, element

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "LINE", "MODEL_COLOURS", "MUTED", "READER_COLOURS", "colour", "inline_svg", "png", "sheet", "style"]

INK, MUTED, LINE = "#1f2328", "#59636e", "#d1d9e0"
MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which people with any colour vision can tell apart; their yellow is too pale on white."""
READER_COLOURS = ("#8c959f", "#b3bac1", "#6e7781")

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)"}
_STYLE = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 9.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": INK,
    # A reader may be called "$1": names are never formulas.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
}

# Group ids repeat from figure to figure and nothing refers to them (those that are referred to are salted); the font
# and the rule for line joins are the page's.
_TIDYING = (
    (r"^.*?(?=<svg)", ""),
    (r"<metadata>.*?</metadata>", ""),
    (r"<defs>\s*<style.*?</style>\s*</defs>", ""),
    (r'<g id="[^"]*"/>', ""),
    (r'<g id="[^"]*">', "<g>"),
    (r' transform="rotate\(-0 [^"]*"', ""),
    (r"font: (?:bold|700) ([\d.]+px) [^;\"]*;?", r"font-weight: 700; font-size: \1;"),
    (r"font: ([\d.]+px) [^;\"]*;?", r"font-size: \1;"),
    (r"font-family: [^;\"]*;?", ""),
    (r"\s+", " "),
)


@contextmanager
def style(**more: object) -> Iterator[None]:
    """Draw in the page's style within this block; matplotlib's own settings are back afterwards."""
    import matplotlib as mpl

    settings: Any = {**_STYLE, **more}
    with mpl.rc_context(settings):
        yield


def sheet(
    rows: int, columns: int, size_in: tuple[float, float], *, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, Sequence[Axes]]:
    """Make a figure of ``rows`` x ``columns`` axes, which come row by row.

    Args:
        rows: of axes.
        columns: of axes.
        size_in: width and height in inches.
        sharex: whether all axes have one x scale.
        sharey: whether they have one y scale.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_in, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    return figure, list(axes.ravel())


def colour(index: int, kind: str) -> str:
    """Give the colour of the ``index``-th reader or model; they repeat when they run out."""
    colours = READER_COLOURS if kind == "reader" else MODEL_COLOURS
    return colours[index % len(colours)]


def inline_svg(figure: Figure, name: str, description: str) -> Html:
    """Write a figure as an SVG element whose ink and lines follow the page's light or dark theme.

    Args:
        figure: what to write.
        name: salts the ids inside, which must differ between the figures of one page; equal figures of one name give
            equal bytes.
        description: the alternative text.
    """
    buffer = io.StringIO()
    with style(**{"svg.hashsalt": name}), warnings.catch_warnings():
        # The browser has the glyphs that matplotlib's font lacks: the SVG keeps text as text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    title = element("title", description)
    head, body = _tidied(buffer.getvalue()).split(">", 1)
    return Html(f'{head} role="img">{title}{body}')


def _tidied(svg: str) -> str:
    for pattern, replacement in _TIDYING:
        svg = re.sub(pattern, replacement, svg, flags=re.DOTALL)
    for literal, variable in _VARIABLES.items():
        svg = svg.replace(literal, variable)
    return svg.strip()


def png(image: NDArray[np.uint8]) -> str:
    """Write an image (y, x, RGB) as a ``data:`` address of a PNG; one without colour takes a third of the room."""
    from PIL import Image

    plain = bool((image == image[..., :1]).all())
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., 0] if plain else image)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
