"""A detector's boxes over a picture, with their confidence, as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctbench.predictors import Finding
from ctbench.report.drawings.colours import FINDING_COLOUR
from ctbench.report.drawings.view import View
from ctbench.report.page.markup import Html, element

__all__ = ["MOST_LABELS", "Frame", "frames", "over"]

MOST_LABELS = 3
"""Number of boxes of a picture whose confidence is written, the surest ones; more would hide what is below."""

_WIDTH = 1000
_LETTERS = 52


@dataclass(frozen=True)
class Frame:
    """A box in a picture; its position is in thousandths of the picture's width.

    Args:
        top: Distance of the upper side from the picture's top.
        left: Distance of the left side from the picture's left.
        bottom: Distance of the lower side from the picture's top.
        right: Distance of the right side from the picture's left.
        type: Type of the finding.
        confidence: Confidence in [0, 1].
    """

    top: float
    left: float
    bottom: float
    right: float
    type: str
    confidence: float


def frames(findings: Iterable[Finding], z: int, view: View) -> tuple[Frame, ...]:
    """Return the boxes of one slice in its view; the one with the highest confidence comes last, and so on top."""
    shape = round(_WIDTH / view.aspect), _WIDTH
    own = sorted((one for one in findings if one.slice == z), key=lambda one: one.confidence)
    return tuple(Frame(*view.box(one.box, shape), one.type, one.confidence) for one in own)


def over(picture: Html, framed: Iterable[Frame], aspect: float) -> Html:
    """Return a picture with boxes over it, of which the last ones are labelled.

    Args:
        picture: An element as wide as its container.
        framed: The boxes, the surest last.
        aspect: Width of the picture over its height.
    """
    every = list(framed)
    marks = [*map(_box, every), *map(_label, every[-MOST_LABELS:])]
    sheet = element("svg", *marks, viewBox=f"0 0 {_WIDTH} {_WIDTH / aspect:.1f}", aria_hidden="true")
    return element("div", picture, sheet, class_="framed")


def _box(frame: Frame) -> Html:
    size = {"width": f"{frame.right - frame.left:.1f}", "height": f"{frame.bottom - frame.top:.1f}"}
    return element(
        "rect", element("title", frame.type), stroke=FINDING_COLOUR, x=f"{frame.left:.1f}", y=f"{frame.top:.1f}", **size
    )


def _label(frame: Frame) -> Html:
    # Above the box where there is room, else below its upper side.
    line = frame.top - _LETTERS / 5 if frame.top > 1.5 * _LETTERS else frame.top + _LETTERS
    words = f"{frame.confidence:.2f}"
    return element("text", words, x=f"{frame.left:.1f}", y=f"{line:.1f}", font_size=_LETTERS, fill=FINDING_COLOUR)
