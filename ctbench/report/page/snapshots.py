"""Cards with pictures of where readers differ."""

from __future__ import annotations

from collections.abc import Sequence

from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.snapshots import SnapshotCard
from ctbench.report.page.markup import Html, element, join, paragraph

__all__ = ["snapshot_gallery"]


def snapshot_gallery(cards: Sequence[SnapshotCard], how: str) -> Html:
    """Return the cards below a sentence about them; nothing without cards."""
    if not cards:
        return Html()
    return join((paragraph(how, kind="how"), element("div", *map(_card, cards), class_="gallery")))


def _card(card: SnapshotCard) -> Html:
    images = [
        element("img", src=png(picture), alt=said, loading="lazy", style="width: 100%")
        for picture, said in card.pictures
    ]
    caption = join(
        (element("strong", card.title), element("small", f"{card.where}, {card.below}", class_="line")),
    )
    body = element("div", *images, class_="pair") if len(images) > 1 else images[0]
    return element("figure", body, element("figcaption", caption), class_="card")
