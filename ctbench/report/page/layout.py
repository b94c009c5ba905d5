"""The page itself: sections, contents, style and script in one file that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from ctbench.report.page.markup import Html, element, join

__all__ = ["Section", "page"]


@dataclass(frozen=True)
class Section:
    """A part of the page with its place in the contents.

    Args:
        anchor: Id of the section, unique on the page.
        title: Heading of the section.
        body: Content of the section.
        parts: sections within it.
    """

    anchor: str
    title: str
    body: Html
    parts: tuple[Section, ...] = ()

    def html(self, level: int = 2) -> Html:
        """Return the section with its heading and parts."""
        heading = element(f"h{level}", self.title)
        return element("section", heading, self.body, *(part.html(level + 1) for part in self.parts), id=self.anchor)


def page(title: str, lead: Html, sections: Sequence[Section], version: str) -> str:
    """Return a whole page.

    Args:
        title: Title of the page.
        lead: Markup below the title.
        sections: Sections in their order.
        version: Version of ctbench.
    """
    folder = files("ctbench.report.page")
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=join([title]),
        lead=lead,
        contents=_contents(sections),
        sections=join(section.html() for section in sections),
        version=join([version]),
        css=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
    )


def _contents(sections: Sequence[Section]) -> Html | None:
    if not sections:
        return None
    items = (
        element("li", element("a", section.title, href=f"#{section.anchor}"), _contents(section.parts))
        for section in sections
    )
    return element("ul", *items)
