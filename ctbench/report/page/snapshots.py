"""Cards with pictures of where readers differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ctbench.agreement import Snapshot
from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.snapshots import draw_snapshot
from ctbench.report.page.markup import Html, element, join, paragraph

__all__ = ["SnapshotCard", "snapshot_gallery"]


class SnapshotCard(NamedTuple):
    """A picture with its title, the words below it, and what it shows, for those who cannot see it."""

    title: str
    below: str
    what: str
    seen: Snapshot


def snapshot_gallery(cards: Iterable[SnapshotCard], how: str) -> Html:
    """Return the cards below a sentence about them; nothing without cards."""
    drawn = [_card(one) for one in cards]
    return join((paragraph(how, kind="how"), element("div", *drawn, class_="gallery"))) if drawn else Html()


def _card(card: SnapshotCard) -> Html:
    where = f"slice {card.seen.z + 1} of {card.seen.slices}"
    pictures = draw_snapshot(card.seen)
    words = (f"image of {card.title}, {where}", f"{card.what} in {card.title}, {where}")[-len(pictures) :]
    images = [
        element("img", src=png(picture), alt=said, loading="lazy", style="width: 100%")
        for picture, said in zip(pictures, words, strict=True)
    ]
    caption = join((element("strong", card.title), element("small", f"{where}, {card.below}", class_="line")))
    body = element("div", *images, class_="pair") if len(images) > 1 else images[0]
    return element("figure", body, element("figcaption", caption), class_="card")
