"""The pages as a person meets them, in Chromium."""

import io
from pathlib import Path

import pandas as pd
import pytest

from leaderboard.app import PAGES

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
TITLES = {page.url: page.title for page in PAGES}
OPENED = (*TITLES, "structures?confusion=true&groups=true", "case?show=outlines")
PICTURED = {"structures", "readers", "detection", "case", "multiverse"}
"""Pages that show a chart or a picture of the toy board."""


def choose(tab, label, option):
    """Choose an option of a control."""
    tab.get_by_label(label, exact=True).first.click()
    tab.get_by_role("option", name=option, exact=True).click()


_GRID = """() => {
    const grid = document.querySelector("[data-testid='stDataFrame'] table[role='grid']");
    const texts = (within, what) => [...within.querySelectorAll(what)].map(one => one.innerText);
    return [texts(grid, "th"), [...grid.querySelectorAll("tbody tr")].map(row => texts(row, "td"))];
}"""


def grid_of(tab):
    """The first table on the page, as the browser tells it to those who cannot see: heads and rows of text."""
    tab.locator("[data-testid='stDataFrame'] table[role='grid'] td").first.wait_for(state="attached")
    before, found = None, tab.evaluate(_GRID)
    while found != before:  # it is drawn after the page, and drawn again when it knows its width
        tab.wait_for_timeout(200)
        before, found = found, tab.evaluate(_GRID)
    return found


def seen(tab):
    """What makes a view: address, words, what the controls say, and the columns that are never scrolled away."""
    heads, rows = grid_of(tab)
    words = tab.locator(".words").all_inner_texts()
    controls = tab.get_by_role("combobox").evaluate_all("found => found.map(one => one.value)")
    return tab.url, words, controls, heads[:8], [row[:8] for row in rows]


@pytest.mark.parametrize("page", OPENED)
def test_every_page_opens_and_fits_a_phone(request, page, accessibility_problems):
    """No page shows an error or bars anybody, on a phone too; what is wider than a phone scrolls within itself."""
    if page in TITLES:
        tab = request.getfixturevalue("walk")(TITLES[page], page)
    else:
        tab = request.getfixturevalue("visit")(page)
    if page.partition("?")[0] in PICTURED:
        tab.wait_for_selector("[data-testid='stVegaLiteChart'], [data-testid='stImage']", timeout=30_000)
    assert accessibility_problems(tab) == []
    assert tab.locator(".words").count()
    assert tab.get_by_role("link", name="Ranking").count()
    tab.set_viewport_size(PHONE)
    # Laying out takes as long as it takes; a page that stays wider ends here too.
    for part in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        tab.wait_for_function(f"width => {part}.scrollWidth <= width", arg=PHONE["width"], timeout=30_000)
    assert accessibility_problems(tab, colours=False) == []  # they are those of the wide page


def test_a_link_reproduces_the_view(visit, tab, drawn):
    """Every choice stands in the address; the address in a new visit shows the same words, controls and table."""
    visit()
    choose(tab, "Structure", "ivh")
    drawn()
    choose(tab, "Metric", "HD95")
    drawn()
    choose(tab, "Reference", "majority")
    drawn()
    tab.get_by_label("Find a rater").fill("s")
    tab.keyboard.press("Enter")
    drawn()
    for part in ("structure=ivh", "metric=HD95", "reference=majority", "find=s"):
        assert part in tab.url
    before = seen(tab)
    tab.goto(tab.url)
    drawn()
    assert seen(tab) == before


def test_shared_choices_are_kept_from_page_to_page(visit, tab, drawn):
    """The metric that was chosen on one page is looked at on the next."""
    visit("?metric=HD95")
    tab.get_by_role("link", name="Compare").first.click()
    tab.wait_for_url("**/compare*")
    drawn()
    assert "metric=HD95" in tab.url
    assert tab.get_by_text("HD95, mm: ").count() or tab.locator("canvas, svg").count()


def test_the_csv_is_the_table(visit, tab, drawn):
    """Row by row and column by column, in the order that is seen."""
    visit("?columns=rater&columns=n&columns=failed&columns=reason&sort=rater")
    with tab.expect_download() as waiting:
        tab.locator("[data-testid='stDownloadButton'] button").first.click()
    table = pd.read_csv(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    assert waiting.value.suggested_filename == "ranking-toy-dice.csv"
    assert table.columns.tolist() == ["rater", "n", "failed", "reason"]
    _, rows = grid_of(tab)
    assert [row[0] for row in rows] == table["rater"].tolist()
    assert [int(row[1]) for row in rows] == table["n"].tolist()
    assert [row[3].replace("–", "") for row in rows] == table["reason"].fillna("").tolist()


def test_the_only_csv_is_the_safe_one(visit):
    """What Streamlit would export by itself is not to be had: a spreadsheet would run it."""
    tab = visit()
    tab.locator("[data-testid='stDataFrame']").first.hover()
    tab.locator("button[aria-label='Search']").first.wait_for(state="visible")
    assert not tab.locator("button[aria-label='Download as CSV']").first.is_visible()


def test_a_failure_s_log_can_be_read(visit, tab):
    """The card of a method says what happened, as text."""
    visit("methods?method=blunt")
    assert tab.get_by_text("no <b>brain</b> found").count()
    assert tab.locator("b", has_text="brain").count() == 0
