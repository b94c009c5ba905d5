"""The report from end to end."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ctbench.report import build_report, summary_table, write_csv
from ctbench.report.frames.cohorts import cohorts_of
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.summaries import summary
from ctbench.report.page.build import _anchors
from ctbench.report.page.provenance import predictors
from ctbench.runs import open_run


def _built(runs, path, **options):
    return build_report(runs, path, **{"datasets": {}} | options).read_text(encoding="utf-8")


def test_everybody_and_everything_is_named(html, label_codes):
    """Every rater, structure, group, reference and chief metric stands on the page."""
    names = ("reader1", "reader2", "reader3", "unet", "atlas", *label_codes, "csf", "ventricles_all")
    references = ("majority", "majority-without-reader1", "majority-without-reader2", "majority-without-reader3")
    for name in (*names, *references, "Dice", "HD95", "NSD", "Volume difference"):
        assert name in html


def test_what_must_be_said_is_said(html):
    """The caveats are on the page, in words."""
    for sentence in (
        "readers contribute to this reference",
        "Not different (P &gt; .05) is not equivalence",
        "Nobody et al., Nowhere 2020",
        "trained on this dataset",
        "RuntimeError: &lt;b&gt;no&lt;/b&gt; brain found &amp; gave up",
        "A made-up &lt;dataset&gt;",
        "ctbench demo",
        "f" * 64,
        "Indeterminate voxels",
    ):
        assert sentence in html


HOSTILE = {
    "unet": "<script>alert(1)</script>",
    "caudate": "**bold** | `code` | [a](https://b.c) $x^2$ {% raw %} 'q' \"d\" & &amp;",
    "ventricles": "😀 " + "y" * 500,
}


@pytest.fixture(scope="module")
def twice(tmp_path_factory, make_small_runs):
    """A page of hostile names with all that can be chosen, made twice, and what its progress callable saw."""
    seen = []

    def progress(name, steps, total):
        done = list(steps)
        seen.append((name, len(done), total))
        return done

    def edit(scores):
        return scores.replace({"rater": HOSTILE, "label": HOSTILE})

    folder = tmp_path_factory.mktemp("twice")
    labels = {HOSTILE["caudate"]: 6, HOSTILE["ventricles"]: 10}
    runs = make_small_runs(folder / "runs", raters=("reader1", "reader2", "unet"), edit=edit, labels=labels)
    chosen = {
        "title": "<i>$title</i>",
        "stamp": "made on a <Monday>",
        "margin": 0.02,
        "low_dice": 0.7,
        "focus": ["all"],
    }
    return [_built(runs, folder / name, progress=progress, **chosen) for name in ("a", "b")], seen


def test_equal_input_gives_equal_bytes(twice):
    """Two pages of the same runs are the same file."""
    (first, second), _ = twice
    assert first == second


def test_a_stamp_is_shown(twice):
    """Who wants a date on the page gives it."""
    assert "made on a &lt;Monday&gt;" in twice[0][0]


def test_progress_sees_every_part(twice):
    """The parts of the page pass through the progress callable, as many as it was told."""
    assert twice[1] == [("report", 15, 15)] * 2


def test_hostile_names_are_only_names(twice):
    """Markup, markdown, formulas, templates, emoji and 500 characters neither run nor break the page."""
    html = twice[0][0]
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<h1>&lt;i&gt;$title&lt;/i&gt;</h1>" in html
    assert "y" * 500 in html
    assert html.count("<script>") == 1


def test_limits_are_the_readers_choice(twice):
    """Another margin and another limit of the Dice stand on the page instead of the usual ones."""
    html = twice[0][0]
    assert "lies within ± 0.02" in html
    assert "is below 0.7" in html
    assert "Dice &lt; 0.7" in html
    assert "± 0.05 (two" not in html


def test_everything_can_be_unfolded(twice):
    """What is folded is open if somebody asks for all of it."""
    html = twice[0][0]
    assert html.count("<details") == html.count("<details open") > 0


def test_readers_alone(small_runs, tmp_path):
    """A dataset without a model is described, and compared with nothing."""
    html = _built(small_runs(raters=("reader1", "reader2", "reader3")), tmp_path / "a.html")
    assert "Models against readers" not in html
    assert "majority-without-reader2" in html
    assert [title for title in STUDIES if f"<h3>{title}</h3>" in html] == ["Dice and size"]


def test_model_alone(small_runs, tmp_path):
    """A model on given references, without any reader, is described."""

    def edit(scores):
        return scores[scores["reference"] == "majority"].assign(reference="given")

    html = _built(small_runs(raters=("unet",), edit=edit), tmp_path / "a.html")
    assert "readers contribute" not in html
    assert "against given" in html


def test_one_case(small_runs, tmp_path):
    """One case has means but no SD, no interval and no test; the page says why."""

    def edit(scores):
        return scores[scores["case"] == "case01"]

    html = _built(small_runs(edit=edit), tmp_path / "a.html")
    assert "one value of each rater: no residual variance, no test" in html


def test_nothing_but_failures(small_runs, dataset, tmp_path):
    """A model that failed everywhere has worst scores, reasons and no pictures."""

    def edit(scores):
        failed = scores["rater"] == "unet"
        worst = scores["metric"].map({"dice": 0.0, "nsd": 0.0, "hd95": 300.0})
        kept = scores["metric"].isin(["reference_volume_ml", "volume_difference_absolute_ml"])
        values = scores["value"].where(~failed | kept, worst)
        return scores.assign(value=values, status=scores["status"].where(~failed, "failed"))

    html = _built(small_runs(edit=edit), tmp_path / "a.html", datasets={"toy": dataset})
    assert "6 predictions failed or are missing" in html
    assert "No case has a prediction" in html


def test_a_choice_of_metrics(small_runs, dataset, tmp_path):
    """Runs that scored one metric only are reported by it."""

    def edit(scores):
        return scores[scores["metric"] == "hd95"]

    html = _built(small_runs(edit=edit, metrics={"hd95": 1}), tmp_path / "a.html", datasets={"toy": dataset})
    assert "HD95" in html
    assert "No volumes were scored." in html


def test_a_group_as_a_whole(small_runs, tmp_path):
    """A model that knows a group but none of its members is averaged over the group."""

    def edit(scores):
        unsupported = (scores["label"] == "caudate") & (scores["rater"] == "unet")
        status, value = scores["status"].where(~unsupported, "unsupported"), scores["value"].where(~unsupported)
        return scores.assign(status=status, value=value)

    runs = small_runs(edit=edit, labels={"caudate": 6}, groups={"ventricles": ("caudate",)})
    assert "<h4>ventricles</h4>" in _built(runs, tmp_path / "a.html")
    table = summary_table(runs)
    assert table["structures"].unique().tolist() == ["ventricles"]


def test_summary_table(runs, results, label_codes):
    """A row for the readers together and for each model, on the same references; the numbers are the tables'."""
    table = summary_table(runs)
    assert table[["dataset", "rater", "rater_kind", "structures"]].values.tolist() == [
        ["toy", "all readers", "readers", "11 of 11"],
        ["toy", "unet", "model", "11 of 11"],
        ["toy", "all readers", "readers", "10 of 11"],
        ["toy", "atlas", "model", "10 of 11"],
    ]
    assert set(table["reference"]) == {"leave-one-out"}
    expected = summary(results, tuple(label_codes), ["unet"], reference="leave-one-out")
    row = expected[(expected["rater"] == "unet") & (expected["metric"] == "hd95")].iloc[0]
    np.testing.assert_allclose(table.loc[1, ["hd95", "hd95_sd"]].tolist(), row[["mean", "sd"]].tolist())
    assert table.loc[3, ["n", "failed"]].tolist() == [12, 1]


def test_csv(small_runs, tmp_path):
    """The CSV files hold the tables unrounded."""
    runs = small_runs()
    paths = write_csv(runs, tmp_path / "csv")
    scores = pd.concat([run.scores for run in runs])
    assert [path.name for path in paths] == [
        "summary.csv",
        "toy-ranking.csv",
        "toy-structures.csv",
        "toy-volumes.csv",
        "toy-false-alarms.csv",
        "toy-comparisons.csv",
        "toy-equivalence.csv",
        "toy-low-dice.csv",
    ]
    table = pd.read_csv(paths[2]).set_index(["label", "reference", "rater", "metric"])
    values = scores.query("label == 'caudate' and reference == 'majority' and rater == 'unet' and metric == 'dice'")
    assert table.loc[("caudate", "majority", "unet", "dice"), "mean"] == pytest.approx(
        values["value"].mean(), rel=1e-12
    )
    compared = pd.read_csv(paths[5])
    assert set(compared["model"]) == {"unet"}
    assert set(compared["reference"]) == {"majority", *(f"majority-without-reader{k}" for k in (1, 2, 3))}


def test_csv_of_studies(small_runs, tmp_path):
    """Ranking, equivalence, detection and low Dice stand in files of their own, by the limits that are chosen."""

    def edit(scores):
        absent = scores["metric"].isin(["volume_ml", "reference_volume_ml"]) & scores["case"].isin(["case01", "case02"])
        return scores.assign(value=scores["value"].mask(absent, 0.0))

    runs = small_runs(edit=edit)
    paths = {path.stem: path for path in write_csv(runs, tmp_path / "csv", margin=0.2, low_dice=0.9)}
    ranking = pd.read_csv(paths["toy-ranking"])
    first = ranking[ranking["label"] == "overall"]
    assert set(first["rater"]) == {"all readers", "unet"}
    assert first["value"].is_monotonic_decreasing
    equivalent = pd.read_csv(paths["toy-equivalence"])
    assert equivalent["margin"].eq(0.2).all()
    assert equivalent["verdict"].str.startswith("equivalent within 0.2").any()
    found = pd.read_csv(paths["toy-detection"])
    assert found.loc[found["rater"] == "unet", ["n", "positive"]].drop_duplicates().to_numpy().tolist() == [[6, 4]]
    low = pd.read_csv(paths["toy-low-dice"]).set_index("label")
    values = runs[0].scores.query("label == 'caudate' and reference == 'majority' and metric == 'dice'")["value"]
    assert low.loc["caudate", "failures"] == (values < 0.9).sum() > 0
    assert low["below"].eq(0.9).all()


def test_other_metrics_than_the_chief_ones(small_runs, tmp_path):
    """Where none of the chief metrics was scored, the page shows what was."""

    def edit(scores):
        return scores[scores["metric"] == "dice"].assign(metric="jaccard")

    runs = small_runs(edit=edit, metrics={"jaccard": 1})
    assert "Jaccard" in _built(runs, tmp_path / "a.html")
    assert "jaccard_sd" in summary_table(runs).columns


def test_times_are_no_part_of_a_result(small_runs):
    """A run that was passed on without its times is reported without seconds."""
    (results,) = gather(small_runs())
    assert "Seconds a case" in predictors(results)
    for run in results.runs:
        (run.folder / "times.parquet").unlink()
    (results,) = gather([open_run(run.folder) for run in results.runs])
    assert "Seconds a case" not in predictors(results)


STUDIES = (
    "Ranking",
    "All structures as one sample",
    "Equivalence to readers",
    "Models against readers as a population",
    "Low Dice",
    "Dice and size",
    "Detection",
)


def test_the_studies_stand_where_there_is_something_to_study(html):
    """Models and readers are ranked, tested for equivalence, searched for failures, and judged by what they detect."""
    assert all(f"<h3>{title}</h3>" in html for title in STUDIES)


def test_a_model_in_focus_is_unfolded(small_runs, tmp_path):
    """Details of models are folded; those of one model are open if somebody asks for it."""
    runs = small_runs(raters=("reader1", "reader2", "unet", "atlas"))
    focused = _built(runs, tmp_path / "a.html", focus=["unet"])
    models = re.findall(r'<details class="model"( open)?[^>]*><summary><i [^>]*></i>(\w+)', focused)
    assert set(models) == {(" open", "unet"), ("", "atlas")}


def test_anchors_are_words_and_differ(small_runs, tmp_path):
    """The section of a dataset has its name as id, also where another section has that name."""
    runs = small_runs(raters=("reader1", "reader2", "reader3"))
    html = _built(runs, tmp_path / "a.html")
    assert '<section id="toy">' in html
    assert 'href="#toy-by-structure"' in html
    named = [replace(run, manifest=run.manifest.model_copy(update={"dataset": "Verdict!"})) for run in runs]
    ids = [_anchors(cohorts_of([replace(one, manifest=named[0].manifest) for one in gather(runs)]))]
    assert ids == [["verdict-2"]]
