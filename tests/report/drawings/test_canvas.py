"""Drawings as part of a page."""

import base64
import io
import re
import subprocess
import sys

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctbench.report.drawings.canvas import inline_svg, png, write_figure
from ctbench.report.drawings.charts import styled
from ctbench.report.drawings.colours import INK


def _figure(name="a"):
    """A clipped chart with a title, so that there are ids, ink and text in it."""
    rows = pd.DataFrame({"x": [1, 2], "y": [3, 4]})
    line = alt.Chart(rows, title=name).mark_line(clip=True, color=INK)
    return styled(line.encode(x=alt.X("x", title="x, mm"), y="y"))


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


_DIGEST = """
import hashlib
import altair as alt
import pandas as pd
from ctbench.report.drawings.canvas import inline_svg
chart = alt.Chart(pd.DataFrame({'x': [1, 2]})).mark_point(clip=True).encode(x='x')
digest = hashlib.sha256(inline_svg(chart, 'one', 'a').encode()).hexdigest()
"""


def test_bytes_are_those_of_another_process():
    """A report made twice is the same file: nothing depends on the process that draws, nor on what it drew before."""
    inline_svg(_figure(), "one", "a")
    here = {}
    exec(_DIGEST, here)  # noqa: S102  # the very code that the other process runs
    code = _DIGEST + "print(digest)"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here["digest"]


def test_importing_the_report_imports_no_drawing_engine():
    """The command line's help waits neither for altair nor for vl-convert, and matplotlib is never there."""
    code = "import sys, ctbench.report; print({'altair', 'vl_convert', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_figure_is_written_as_svg_and_pdf(tmp_path):
    """Both files are whole, and a name that no file may have becomes one."""
    svg, pdf = write_figure(_figure(), "phantom/../a b", tmp_path)
    assert svg.parent == pdf.parent == tmp_path
    assert svg.name == "phantom-..-a-b.svg"
    assert svg.read_text(encoding="utf-8").startswith("<svg ")
    assert INK in svg.read_text(encoding="utf-8")  # no page, no variables
    assert pdf.read_bytes().startswith(b"%PDF")


def test_nothing_is_loaded_from_elsewhere():
    """A chart whose data lies at an address is refused, not fetched."""
    chart = alt.Chart("http://127.0.0.1:9/data.csv").mark_point().encode(x="x:Q")
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        inline_svg(chart, "one", "a")


@pytest.mark.parametrize("colourful", [True, False])
def test_png_keeps_every_voxel(colourful):
    """An image comes back from its address exactly."""
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = image if colourful else np.repeat(image[..., :1], 3, axis=-1)
    head, data = png(image).split(",")
    assert head == "data:image/png;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    np.testing.assert_array_equal(back, image)
