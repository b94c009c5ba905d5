"""The six jobs of people who compare segmentations, each in at most three steps, in Chromium and at the prompt."""

import io
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.browser


def said(tab):
    """All sentences of the page."""
    return " ".join(tab.locator(".words").all_inner_texts())


def follow(tab, drawn, name):
    """Follow a link of the page."""
    tab.get_by_role("link", name=name, exact=True).first.click()
    drawn()


def test_a_is_my_model_as_good_as_the_readers(visit, tab, drawn):
    """Open the board, follow "Equivalence": a sentence for each model says so for each reader."""
    visit()
    follow(tab, drawn, "Equivalence")
    sentences = said(tab)
    for model in ("sharp", "blunt"):
        assert f"{model}: " in sentences
    assert all(reader in sentences for reader in ("ann", "ben", "cem"))


def test_b_on_which_cases_does_it_fail(visit, tab):
    """Open the page Case with my model: its worst case stands in the title with the outcome, the others below."""
    visit("case?rater=blunt&reference=majority")
    words = said(tab)
    assert "case2: Dice 0.000 of blunt" in words
    assert "failed (penalty)" in words
    assert "All cases, worst first" in words


def test_c_how_much_do_my_readers_disagree(visit, tab, drawn):
    """Open the board, follow "Readers": each reader against the others, then each pair of readers."""
    visit()
    follow(tab, drawn, "Readers")
    assert "Each reader against the others" in said(tab)
    tab.get_by_text("Who agrees with whom").first.wait_for(timeout=60_000)


@pytest.mark.slow
def test_d_figures_and_tables_for_a_paper(ctbench, toy_runs, tmp_path, tab):
    """One command writes figures, tables and the page, which begins with a sentence for each model."""
    folders = [toy_runs[name].folder for name in ("readers", "sharp")]
    wanted = ["--out", tmp_path / "report.html", "--figures", tmp_path / "figures", "--tables", tmp_path / "tables"]
    assert ctbench("report", *folders, "--no-overlays", *wanted).exit_code == 0
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".pdf"}
    assert set(pd.read_csv(tmp_path / "tables" / "summary.csv")["rater"]) == {"all readers", "sharp"}
    tab.goto((tmp_path / "report.html").as_uri())
    verdict = tab.locator("main section").first.inner_text()
    assert verdict.startswith("Verdict")
    assert "sharp: rank " in verdict


def test_e_a_public_board(visit, tab):
    """Runs were submitted and are served: everybody sees the ranking, and takes it home as a table."""
    visit()
    with tab.expect_download() as waiting:
        tab.locator("[data-testid='stDownloadButton'] button").first.click()
    table = pd.read_csv(io.BytesIO(Path(waiting.value.path()).read_bytes()))
    assert {"sharp", "blunt"} <= set(table["rater"])


def test_f_new_weights_against_old(ctbench, toy_runs):
    """One command compares two runs and fails where a structure got worse."""
    old, limit = toy_runs["sharp"].folder, ("--fail-if", "dice:-0.005")
    worse = ctbench("compare", old, toy_runs["blunt"].folder, *limit)
    assert worse.exit_code == 1
    assert "iph" in worse.out
    assert ctbench("compare", old, old, *limit).exit_code == 0
