from dataclasses import replace

import pandas as pd
import pytest

from ctbench.agreement import study_readers
from ctbench.report.page.reader_study import build_reader_study


@pytest.fixture
def study(blobs):
    """The study of the blobs: three readers, four cases."""
    return study_readers(blobs, jobs=1)


@pytest.fixture
def html(study, tmp_path):
    """Build the page of a study, and give its text."""

    def build(changed=None, **arguments):
        return build_reader_study(changed or study, tmp_path / "page.html", **arguments).read_text(encoding="utf-8")

    return build


def test_the_page_has_every_part(html, study):
    """Pairs, reliability, readers, disagreement: with the figures of the study, and a picture for each case."""
    text = html(command="ctbench readers blobs.yaml")
    for heading in (
        "Who agrees with whom",
        "Reliability",
        "Each reader",
        "Where they part",
        "ctbench readers blobs.yaml",
    ):
        assert heading in text
    shown = [1 + (seen.image is not None) for seen in study.pictures.values()]
    assert len(shown) == 4
    assert text.count("data:image/png") == sum(shown)
    assert "0.875" in text  # Dice of boxes 8 voxels long and one apart
    assert "all ratings are equal" in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_the_same_study_gives_the_same_bytes(html):
    """Nothing on the page is of the hour."""
    assert html() == html()


def test_cases_that_were_left_out_are_named(html, study):
    """A case with one reader is on the page, with the reason."""
    text = html(replace(study, skipped={"lonely": "it has 1 reader"}))
    assert "lonely" in text
    assert "it has 1 reader" in text


def test_names_are_text(html, study):
    """What a user called things is never HTML."""
    assert "<script>alert" not in html(replace(study, title="<script>alert(1)</script>"))


def test_scores_against_the_others_are_shown_where_they_are_given(html):
    """A reader's mean against the consensus of the others is in a table of its own."""
    row = {"label": "iph", "rater": "r1", "metric": "dice", "unit": "1", "n": 4, "mean": 0.123, "sd": 0.01, "rows": 4}
    assert "0.123" in html(against_others=pd.DataFrame([row]))
    assert "0.123" not in html()


@pytest.mark.browser
def test_the_page_bars_nobody(html, tmp_path, chromium, accessibility_problems):
    """What is folded is opened, and judged with the rest."""
    html()
    tab = chromium.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    assert accessibility_problems(tab, unfolded=True) == []
    tab.close()
