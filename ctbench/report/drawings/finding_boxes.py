"""A detector's boxes over a picture, with their confidence: vectors, so that they stay sharp at any size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctbench.predictors import Finding
from ctbench.report.drawings.view import View
from ctbench.report.page.markup import Html, element

__all__ = ["Frame", "frames", "over"]

_WIDTH = 1000
_LETTERS = 52


@dataclass(frozen=True)
class Frame:
    """A box where it lies in a picture.

    Args:
        top: in thousandths of the picture's width, likewise the other sides.
        left: from the picture's left.
        bottom: from its top.
        right: from its left.
        type: of the finding.
        confidence: in [0, 1].
    """

    top: float
    left: float
    bottom: float
    right: float
    type: str
    confidence: float


def frames(findings: Iterable[Finding], z: int, view: View) -> tuple[Frame, ...]:
    """Give the boxes of one slice, as they lie in its view; the surest comes last, and so on top."""
    shape = round(_WIDTH / view.aspect), _WIDTH
    own = sorted((one for one in findings if one.slice == z), key=lambda one: one.confidence)
    return tuple(Frame(*view.box(one.box, shape), one.type, one.confidence) for one in own)


def over(picture: Html, framed: Iterable[Frame], aspect: float) -> Html:
    """Lay boxes over a picture.

    Args:
        picture: an element that is as wide as the place it stands in.
        framed: boxes.
        aspect: width of the picture over its height.
    """
    marks = [mark for frame in framed for mark in _mark(frame)]
    sheet = element("svg", *marks, viewBox=f"0 0 {_WIDTH} {_WIDTH / aspect:.1f}", aria_hidden="true")
    return element("div", picture, sheet, class_="framed")


def _mark(frame: Frame) -> tuple[Html, Html]:
    size = {"width": f"{frame.right - frame.left:.1f}", "height": f"{frame.bottom - frame.top:.1f}"}
    box = element("rect", element("title", frame.type), x=f"{frame.left:.1f}", y=f"{frame.top:.1f}", **size)
    # Above the box where there is room, else below its upper side.
    line = frame.top - _LETTERS / 5 if frame.top > 1.5 * _LETTERS else frame.top + _LETTERS
    words = f"{frame.confidence:.2f}"
    return box, element("text", words, x=f"{frame.left:.1f}", y=f"{line:.1f}", font_size=_LETTERS)
