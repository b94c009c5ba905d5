"""Rendering: altair charts as SVG and PDF, images as PNG.

vl-convert renders a chart without a browser; it takes seconds to start, so it is imported on first use.
"""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.files import file_stems, whole_file, write_text
from ctbench.report.drawings.colours import INK, LINE, MUTED
from ctbench.report.page.markup import Html, element

if TYPE_CHECKING:
    import altair as alt

__all__ = ["inline_svg", "png", "write_figure"]

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)"}


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
