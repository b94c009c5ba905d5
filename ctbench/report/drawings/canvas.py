"""Colours of raters, and rendering: altair charts as SVG and PDF, images as PNG.

vl-convert renders a chart without a browser; it takes seconds to start, so it is imported on first use.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.files import file_stems, whole_file, write_text
from ctbench.report.frames.tables import ALL_READERS
from ctbench.report.page.markup import Html, element
from ctbench.scores import RaterKind

if TYPE_CHECKING:
    import altair as alt

    from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = [
    "INK",
    "LINE",
    "MODEL_COLOURS",
    "MUTED",
    "READER_COLOURS",
    "colour",
    "inline_svg",
    "palette",
    "png",
    "rater_colours",
    "write_figure",
]

INK, MUTED, LINE = "#1f2328", "#59636e", "#d1d9e0"
MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, distinguishable with any colour vision; without their yellow, too pale on white."""
READER_COLOURS = ("#8c959f", "#b3bac1", "#6e7781")
_ALL_READERS_COLOUR = "#656d76"

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)"}


def colour(index: int, kind: str) -> str:
    """Return the colour of the ``index``-th reader or model; colours repeat when they run out."""
    colours = READER_COLOURS if kind == RaterKind.READER else MODEL_COLOURS
    return colours[index % len(colours)]


def rater_colours(models: Iterable[str], readers: Iterable[str] = ()) -> dict[str, str]:
    """Return the colour of each rater: one of ``MODEL_COLOURS`` for a model, greys for readers.

    The name of a model chooses its colour, so that it is the same on pages that show other models beside it. Where two
    would share one while another is free, the later in the alphabet takes the next free one.

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
    singles = [name for name in readers if name != ALL_READERS]
    greys = {name: colour(index, RaterKind.READER) for index, name in enumerate(singles)}
    return {ALL_READERS: _ALL_READERS_COLOUR} | greys | {name: chosen[name] for name in models}


def palette(results: ComparableRuns) -> dict[str, str]:
    """Return the colour of every rater of comparable runs, see ``rater_colours``."""
    return rater_colours(results.models, results.readers)


def inline_svg(chart: alt.TopLevelMixin, name: str, description: str) -> Html:
    """Return a chart as an SVG element whose ink and lines follow the page's light or dark theme.

    Args:
        chart: What to draw.
        name: Prefix of the ids inside, which must differ between the figures of one page; equal charts of one name
            have equal bytes.
        description: The alternative text.
    """
    drawn = _svg(chart)
    salt = re.sub(r"\W+", "-", name)
    drawn = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{salt}-", drawn)
    drawn = re.sub(r' font-family="[^"]*"| aria-\w+="[^"]*"| role="[^"]*"', "", drawn)
    for literal, variable in _VARIABLES.items():
        drawn = drawn.replace(literal, variable)
    head, body = drawn.split(">", 1)
    # The browser's font may be a little wider than the one that the chart was laid out with.
    return Html(f'{head} role="img" style="overflow: visible">{element("title", description)}{body}')


def write_figure(chart: alt.TopLevelMixin, name: str, folder: Path) -> list[Path]:
    """Write a chart as SVG and as PDF.

    Args:
        chart: What to draw.
        name: Name of the files without suffix, made safe by ``ctbench.files.file_stems``.
        folder: Folder of the files.

    Returns:
        The paths of the two files.
    """
    import vl_convert

    stem = file_stems([name])[name]
    files = [folder / f"{stem}.svg", folder / f"{stem}.pdf"]
    drawn = _svg(chart)
    write_text(files[0], drawn)
    with whole_file(files[1]) as part:
        part.write_bytes(vl_convert.svg_to_pdf(drawn))
    return files


def _svg(chart: alt.TopLevelMixin) -> str:
    """Return a chart as SVG; equal charts have equal bytes."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), **_version())
    # Ids are counted on from one chart of a process to the next.
    numbers: dict[str, str] = {}
    for name in re.findall(r' id="([^"]+)"', drawn):
        numbers.setdefault(name, f"part{len(numbers)}")

    def numbered(found: re.Match[str]) -> str:
        return found.group(1) + numbers.get(found.group(2), found.group(2))

    return re.sub(r'( id="|url\(#|href="#)([^")]+)', numbered, drawn)


def _version() -> dict[str, Any]:
    """Return the version of Vega-Lite that altair writes, and that nothing may be loaded."""
    import altair as alt

    return {"vl_version": ".".join(alt.SCHEMA_VERSION.split(".")[:2]), "allowed_base_urls": []}


def png(image: NDArray[np.uint8]) -> str:
    """Return an image (y, x, RGB) as the ``data:`` URL of a PNG; an image without colour takes a third of the size."""
    from PIL import Image

    plain = bool((image == image[..., :1]).all())
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[..., 0] if plain else image)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
