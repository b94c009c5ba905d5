"""The page as a person meets it."""

import re
from html.parser import HTMLParser

import pytest

from ctbench.report.page.layout import Section, page
from ctbench.report.page.markup import Html

VOID = {"meta", "link", "br", "img", "hr", "path", "use"}


class _Checker(HTMLParser):
    """Follows open elements and collects ids, links and whatever would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.loads, self.crossed = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.loads += [found[name] for name in ("src", "srcset", "data", "poster") if name in found]
        self.loads += [found["href"]] if tag == "link" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)


def _check(html):
    checker = _Checker()
    checker.feed(html)
    checker.close()
    return checker


def test_sections_and_contents():
    """Sections are nested under their headings, and the contents link to each."""
    inner = Section("a-1", "Inner <x>", Html("<p>deep</p>"))
    html = page("A & B", Html("<p>lead</p>"), [Section("a", "Outer", Html(""), (inner,))], "1.0")
    assert "<title>A &amp; B</title>" in html
    assert "<h2>Outer</h2>" in html
    assert "<h3>Inner &lt;x&gt;</h3><p>deep</p>" in html
    assert _check(html).links == ["#main", "#a", "#a-1"]


def test_page_is_well_formed(html):
    """Elements close as they opened, no id occurs twice, and every link finds its target."""
    checker = _check(html)
    assert not checker.crossed
    assert not checker.open
    assert len(checker.ids) == len(set(checker.ids))
    assert {link.removeprefix("#") for link in checker.links} <= set(checker.ids)


def test_page_loads_nothing(html):
    """Everything is inside: no address but data of images, in elements or in styles."""
    loads = _check(html).loads
    assert loads
    assert all(load.startswith("data:image/png;base64,") for load in loads)
    assert not re.search(r"@import|url\((?!#)|<link|<iframe|fetch\(|XMLHttp|import\(", html)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def test_page_is_small(html):
    """The page stays below 5 MB."""
    assert len(html.encode()) < 5e6


@pytest.fixture
def opened(html, tmp_path, chromium):
    """Open the page in Chromium with choices of the context; gives the tab and the addresses it asked for."""
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    contexts = []

    def open_page(**choices):
        contexts.append(chromium.new_context(**choices))
        tab = contexts[-1].new_page()
        requests = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(path.as_uri())
        return tab, requests

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.browser
def test_a_phone_shows_it_without_sideways_scrolling(opened):
    """At 390 pixels the page is as wide as the screen, in light and dark; nothing but the file is asked for."""
    for scheme, background in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")):
        tab, requests = opened(viewport={"width": 390, "height": 800}, color_scheme=scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == background
        assert [url for url in requests if not url.startswith("data:")] == [tab.url]


@pytest.mark.browser
def test_the_page_is_short_and_bars_nobody(opened, accessibility_problems):
    """Details are folded, sections that are folded whole stand side by side; unfolded, everybody can use it."""
    tab, _ = opened(viewport={"width": 1280, "height": 800})
    assert tab.evaluate("document.documentElement.scrollHeight") < 8_000
    tops = tab.locator("section section").evaluate_all("found => found.map(one => one.getBoundingClientRect().top)")
    assert len(set(tops)) < len(tops)
    assert accessibility_problems(tab, unfolded=True) == []


@pytest.mark.browser
def test_a_click_sorts_by_value(opened):
    """A head sorts its column by value, up and then down; cells without a value stay last."""
    tab, _ = opened(viewport={"width": 1280, "height": 800})
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    dice = tab.locator("table.comparison").first
    head = dice.locator("thead tr").last.locator("th").nth(1)

    def values():
        cells = dice.locator("tbody tr td:nth-child(2)").all()
        return [float(cell.get_attribute("data-order")) for cell in cells]

    before = values()
    head.locator("button").click()
    assert values() == sorted(before)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert values() == sorted(before, reverse=True)
