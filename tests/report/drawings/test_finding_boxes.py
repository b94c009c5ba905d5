"""A detector's boxes over a picture."""

import re

import numpy as np
import pytest

from ctbench.predictors import Finding
from ctbench.report.drawings.finding_boxes import Frame, frames, over
from ctbench.report.drawings.view import View
from ctbench.report.page.markup import Html
from ctbench.volume import Volume

SURE = Finding(1, (4.0, 2.0, 10.0, 7.0), "iph", 0.97)
FAINT = Finding(1, (0.0, 0.0, 2.0, 2.0), "sah", 0.5)
ELSEWHERE = Finding(2, (0.0, 0.0, 2.0, 2.0), "sah", 0.9)


@pytest.fixture
def view():
    """All of a slice of 20 rows and 10 columns, each row twice as high as a column is wide."""
    return View.of(Volume(np.zeros((3, 20, 10), np.int16), (5.0, 2.0, 1.0)))


def test_boxes_of_the_slice_in_thousandths_of_the_width(view):
    """A column is a tenth of the width, a row two tenths; the surest box is drawn last."""
    faint, sure = frames([SURE, ELSEWHERE, FAINT], 1, view)
    assert (sure.top, sure.left, sure.bottom, sure.right) == pytest.approx((800, 200, 2000, 700))
    assert (faint.type, faint.confidence) == ("sah", 0.5)
    assert frames([SURE], 0, view) == ()


def test_boxes_turn_with_the_view():
    """In a scan stored left to right the other way round, the box is on the other side of the picture."""
    stored = Volume(np.zeros((3, 10, 10), np.int16), (5.0, 1.0, 1.0), direction=np.diag([1.0, 1.0, -1.0]))
    (box,) = frames([SURE], 1, View.of(stored))
    assert (box.left, box.right) == pytest.approx((300, 800))


def test_each_box_says_how_sure_it_is(view):
    """A rectangle and a number each, within a sheet of the picture's shape."""
    html = over(Html("<img>"), frames([SURE, FAINT], 1, view), view.aspect)
    assert html.count("<rect") == 2
    assert 'viewBox="0 0 1000 4000.0"' in html
    assert re.findall(r">(0\.\d\d)<", html) == ["0.50", "0.97"]
    assert 'x="200.0" y="800.0" width="500.0" height="1200.0"' in html


def test_only_the_surest_boxes_are_labelled():
    """Each box is framed; of five the three surest have a number, above all frames."""
    framed = [Frame(0, 0, 200, 200, "iph", number / 10) for number in range(1, 6)]
    html = over(Html("<img>"), framed, 1.0)
    assert html.count("<rect") == 5
    assert re.findall(r">(0\.\d\d)<", html) == ["0.30", "0.40", "0.50"]
    assert html.rindex("<rect") < html.index("<text")


def test_a_number_stays_in_the_picture():
    """At the upper border there is no room above the box."""
    html = over(Html("<img>"), [Frame(0, 0, 200, 200, "iph", 0.9)], 1.0)
    assert float(re.search(r'<text x="0.0" y="([\d.]+)"', html)[1]) > 0


def test_the_type_is_text():
    """Whatever a predictor calls its labels, it is no markup."""
    assert "<b>" not in over(Html("<img>"), [Frame(0, 0, 1, 1, "<b>", 0.9)], 1.0)
