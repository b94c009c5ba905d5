"""Lesions on the page."""

import re
from functools import partial

import numpy as np
import pytest

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.lesion_summaries import compared_lesions
from ctbench.report.page import build
from ctbench.report.page.lesions import lesion_findings


@pytest.fixture(scope="module")
def far_runs(tmp_path_factory, write_run, scores, dataset):
    """The readers and a model that draws too far away, on two cases; one of them lacks the structure."""
    folder, cases = tmp_path_factory.mktemp("far"), ["case06", "case07"]
    own = scores[scores["case"].isin(cases)]
    moved = {
        case: drawn.with_array(np.roll(drawn.array, 12, axis=2))
        for case in cases
        for drawn in [dataset[case].reader("reader1")]
    }
    return [write_run(folder / "readers", own, "readers"), write_run(folder / "unet", own, "unet", moved)]


@pytest.fixture(scope="module")
def far(far_runs, dataset):
    """The part about these runs."""
    (results,) = gather(far_runs)
    return str(lesion_findings(results, dataset, partial(compared_lesions, results, dataset)))


def test_the_part_leads_to_the_slice(far):
    """The chart is unfolded, the rest is folded, and a wrong lesion links to the picture of its slice."""
    assert far.index("<svg") < far.index("<details>")
    assert far.count("<details>") == 4
    assert "missed and false lesions of all models" in far
    links = set(re.findall(r'href="#(toy-lesion-\d)"', far))
    assert links == {"toy-lesion-0"}
    assert 'id="toy-lesion-0"' in far


def test_every_protocol_has_a_row(far):
    """The protocols of the challenges stand beside each other, with the readers' span."""
    for words in ("brats-met", "pq-panoptica", "the IoU with a piece is above .5", "readers"):
        assert words in far


def test_only_what_may_be_lesions_has_the_part(html):
    """The whole page has it, with its heading."""
    assert "<h3>Lesions</h3>" in html
    assert "<h3>Lesions among readers</h3>" in html
    assert "brats-gli" in html


def test_lesions_are_scored_once_for_all_parts_and_figures(far_runs, dataset, tmp_path, monkeypatch):
    """The page, its specification curves and the files of figures share one set of tables."""
    made = []

    def counted(*arguments):
        made.append(compared_lesions(*arguments))
        return made[-1]

    monkeypatch.setattr(build, "compared_lesions", counted)
    build.build_report(far_runs, tmp_path / "page.html", datasets={"toy": dataset}, figures=tmp_path / "figures")
    assert len(made) == 1
    assert list((tmp_path / "figures").glob("*lesion*.svg"))
