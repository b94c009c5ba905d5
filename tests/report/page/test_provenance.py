"""Facts, failures, definitions and digests on the page."""

import pandas as pd

from ctbench.files import sha256
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page.provenance import definitions, facts, predictors, problems, repeat
from ctbench.runs.folder import RunFolder


def test_facts_are_those_of_the_manifest(results):
    """Cases, split, readers, models and the tolerance; unknown indeterminate voxels are no number."""
    html = facts(results, "A title", None)
    for fact in ("toy: A title", "12 of the split test", "reader1, reader2, reader3", "NSD within 1 mm"):
        assert fact in html
    assert "Indeterminate voxels by structure" not in html


def test_indeterminate_voxels_are_counted(results):
    """The last row is the share of all, and every structure has its counts."""
    counted = pd.DataFrame(
        {
            "label": ["caudate", "overall"],
            "annotated_voxels": [2000, 10_000],
            "indeterminate_voxels": [100, 1250],
            "share": [0.05, 0.125],
            "share_without": [0.03, 0.0625],
        }
    )
    html = facts(results, "", counted)
    assert "12.50 %" in html
    assert "6.25 %" in html
    assert "2,000" in html


def test_problems_are_told_with_their_reason(results):
    """A failure, a structure that a model does not claim, one that nobody assessed; names are escaped."""
    html = problems(results)
    assert "RuntimeError: &lt;b&gt;no&lt;/b&gt; brain found &amp; gave up" in html
    assert "insular_cortex" in html
    assert "central_sulcus" in html


def test_no_problem_is_said_too(small_runs):
    """A person need not wonder whether failures were looked for."""
    (results,) = gather(small_runs(raters=("reader1", "reader2", "reader3")))
    assert "No prediction failed and none is missing." in problems(results)


def test_only_metrics_of_the_runs_are_defined(results):
    """Each once, with its name in code."""
    html = definitions([results, results])
    assert html.count("<code") == len({name for run in results.runs for name in run.manifest.metrics})


def test_a_model_that_saw_the_dataset_is_marked(results):
    """One badge, for the one model that was trained on it, and a card for each model."""
    html = predictors(results)
    assert html.count("trained on this dataset") == 1
    assert html.count('class="panel"') == len(results.models)


def test_digests_are_those_of_the_files(results):
    """Who repeats the command can compare them; command and stamp are text."""
    html = repeat([results], "ctbench <run>", "on a <Monday>")
    for run in results.runs:
        assert sha256(RunFolder(run.folder).scores) in html
    assert "ctbench &lt;run&gt;" in html
    assert "on a &lt;Monday&gt;" in html
    assert "Made by" not in repeat([results], None, None)
