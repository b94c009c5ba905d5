"""The pages of structures, readers, detection and cases as a person meets them, in Chromium."""

import io

import pandas as pd
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _shown(tab):
    """Give the addresses of the pictures that are on the page, once they are there."""
    tab.locator("[data-testid='stImage'] img").first.wait_for(timeout=60_000)
    return tab.locator("[data-testid='stImage'] img").evaluate_all("found => found.map(one => one.src)")


def _pick(tab, label, option):
    tab.get_by_role("combobox", name=label).click()
    tab.get_by_role("option", name=option, exact=True).click()


def _pick_row(tab, table, row):
    """Choose a row of a table: its cells are painted, so the first column of the row is clicked where it lies."""
    frame = tab.locator("[data-testid='stDataFrame']").nth(table)
    frame.scroll_into_view_if_needed()
    place = frame.bounding_box()
    tab.mouse.click(place["x"] + 18, place["y"] + 35 + 35 * row + 17)


def test_a_link_shows_the_same_slice(visit, drawn, tab):
    """What was chosen by hand stands in the address; the address alone gives the same picture."""
    visit("case?rater=blunt&reference=majority")
    _pick(tab, "Case, worst first", "case4")
    drawn()
    _pick(tab, "Show", "structures")
    drawn()
    _pick(tab, "Window", "subdural")
    drawn()
    assert all(part in tab.url for part in ("rater=blunt", "case=case4", "show=structures", "window=subdural"))
    before, address = _shown(tab), tab.url
    assert len(before) == 2
    tab.goto("about:blank")
    tab.goto(address)
    drawn()
    assert _shown(tab) == before


def test_the_slider_changes_the_slice(visit, drawn, tab):
    """One step to the right is another slice, and stands in the address."""
    visit("case?rater=blunt&slice=5")
    before = _shown(tab)
    tab.get_by_role("slider").press("ArrowRight")
    tab.wait_for_function("() => location.search.includes('slice=6')")
    drawn()
    assert _shown(tab) != before


def test_a_row_leads_to_its_case(visit, drawn, tab):
    """A wrongly called case that is chosen has a link to its slices, with its model."""
    visit("detection?finding=ivh")
    _pick_row(tab, 0, 0)
    tab.get_by_role("link", name="See the case").click()
    tab.wait_for_function("() => location.pathname.endsWith('case')", timeout=30_000)
    drawn()
    chosen = [tab.get_by_role("combobox", name=name).input_value() for name in ("Rater", "Case, worst first")]
    assert chosen == ["blunt", "case2"]
    assert _shown(tab)


def test_a_row_of_the_case_page_changes_the_case(visit, drawn, tab):
    """The table of all cases chooses, and the control can choose again afterwards."""
    visit("case?rater=blunt")
    first = tab.get_by_role("combobox", name="Case, worst first").input_value()
    _pick_row(tab, 1, 2)
    tab.wait_for_function("() => location.search.includes('case=')", timeout=30_000)
    drawn()
    assert tab.get_by_role("combobox", name="Case, worst first").input_value() != first
    _pick(tab, "Case, worst first", "case4")
    drawn()
    assert tab.get_by_role("combobox", name="Case, worst first").input_value() == "case4"


def test_what_is_downloaded_is_what_is_seen(visit, tab, toy_runs):
    """The scores of a case as CSV are those of its run."""
    visit("case?rater=sharp&case=case1&reference=majority")
    with tab.expect_download() as started:
        tab.locator("[data-testid='stDownloadButton'] button").first.click()
    table = pd.read_csv(io.BytesIO(started.value.path().read_bytes())).set_index("structure")
    rows = toy_runs["sharp"].scores.query("case == 'case1' and reference == 'majority' and metric == 'dice'")
    assert table["Dice"].to_dict() == pytest.approx(rows.set_index("label")["value"].to_dict())


def test_the_viewer_turns_the_whole_case(visit, drawn, tab):
    """The switch stands in the address; the volume is drawn, and nothing is asked of another host."""
    pytest.importorskip("niivue_component", reason="the extra viewer is not installed")
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    visit("case?rater=sharp&viewer=true")
    canvas = tab.frame_locator("iframe[title^='niivue']").locator("canvas").first
    canvas.wait_for(timeout=60_000)
    tab.wait_for_function("() => location.search.includes('viewer=true')")
    assert all("localhost" in url for url in asked if url.startswith("http"))
