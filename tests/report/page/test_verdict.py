"""The verdict on top of the page."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.verdict import verdicts
from ctbench.report.page.markup import join
from ctbench.report.page.verdict import verdict


def test_every_model_has_a_sentence_and_a_row(results):
    """The sentences of the frame, and a table for each scope of structures."""
    html = verdict(results)
    for row in verdicts(results).to_dict("records"):
        if row["rater_kind"] == "model":
            assert f"<li>{join([row['sentence']])}</li>" in html
    assert html.count("<table") == len(results.scopes)
    assert "Readers reached" in html
    assert "<h3" not in html


def test_readers_alone_have_a_row_and_no_test(small_runs):
    """Without a model there is nobody to reach them."""
    (results,) = gather(small_runs(raters=("reader1", "reader2", "reader3")))
    html = verdict(results, title="toy")
    assert html.startswith("<h3>toy</h3>")
    assert "all readers" in html
    assert "Readers reached" not in html


def test_it_stands_above_everything_else(html):
    """The first section of the page, for one data set too."""
    assert html.index('<section id="verdict">') < html.index('class="facts"')
