"""Drawings as part of a page."""

import base64
import io
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from ctbench.report.drawings.canvas import INK, colour, inline_svg, png, sheet, style


def _figure(name="a"):
    with style():
        figure, panels = sheet(1, 1, (3, 2))
        panels[0].plot([1, 2], [3, 4], color=INK)
        panels[0].set_title(name)
        panels[0].set_xlabel("x, mm")
    return figure


def test_equal_figures_give_equal_bytes():
    """Nothing of the moment is written into a figure."""
    assert inline_svg(_figure(), "one", "a") == inline_svg(_figure(), "one", "a")


def test_figures_do_not_share_ids():
    """Two figures of one page refer to ids of their own."""
    ids = [set(re.findall(r'id="([^"]+)"', inline_svg(_figure(), name, "a"))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_ink_follows_the_theme():
    """Ink is a variable of the page, and no font or background is fixed."""
    svg = inline_svg(_figure(), "one", "a")
    assert "var(--ink)" in svg
    assert INK not in svg
    assert "font-family" not in svg
    assert "<style" not in svg
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")


@pytest.mark.parametrize("name", ["$x$", "$", "😀 漢字", "<b>&", "a\\$b", "_x^2"])
def test_names_are_no_formulas(name):
    """What users call things is written as it is, and an emoji is no warning."""
    import html

    assert html.escape(name, quote=False) in inline_svg(_figure(name), "one", "a")


def test_description_is_escaped():
    """The alternative text is text."""
    assert "<title>&lt;i&gt;</title>" in inline_svg(_figure(), "one", "<i>")


def test_settings_of_matplotlib_are_left_alone():
    """Drawing changes no setting of the process."""
    before = dict(mpl.rcParams)
    inline_svg(_figure(), "one", "a")
    assert dict(mpl.rcParams) == before


def test_importing_the_report_does_not_import_matplotlib():
    """The command line's help does not wait for matplotlib, and pyplot is never there."""
    code = "import sys, ctbench.report; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("colourful", [True, False])
def test_png_keeps_every_voxel(colourful):
    """An image comes back from its address exactly."""
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = image if colourful else np.repeat(image[..., :1], 3, axis=-1)
    head, data = png(image).split(",")
    assert head == "data:image/png;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    np.testing.assert_array_equal(back, image)


def test_colours_repeat():
    """There is a colour for every rater."""
    assert colour(0, "model") == colour(6, "model")
    assert colour(0, "reader") != colour(0, "model")
