"""One model on several datasets, on the page."""

from ctbench.report import build_report, write_csv
from ctbench.report.export import summary_table
from ctbench.report.frames.cohorts import cohort_scores, cohort_table, cohorts_of
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.latex import latex_tables
from ctbench.report.page.cohorts import cohort_comparisons, cohort_figure


def _two(small_runs, factor=0.9):
    def elsewhere(scores):
        return scores.assign(dataset="ward", value=scores["value"] * factor)

    return [
        *small_runs(raters=("unet",)),
        *small_runs(raters=("unet",), edit=elsewhere, dataset="ward"),
    ]


def test_table_and_legend_name_both_cohorts(small_runs):
    """The asterisk stands beside the better cohort's mean, also of the mean over structures."""
    html = str(cohort_comparisons(cohorts_of(gather(_two(small_runs)))))
    assert html.count('class="mark">*') == 3  # two structures and their mean
    assert "P regression" in html


def test_equal_cohorts_have_no_asterisk(small_runs):
    """The same scores twice: no difference, no mark."""
    html = str(cohort_comparisons(cohorts_of(gather(_two(small_runs, factor=1.0)))))
    assert 'class="mark">*' not in html


def test_the_figure_has_a_box_for_each_structure_and_cohort(small_runs):
    """Four boxes of two structures on two cohorts, and two asterisks."""
    cohorts = cohorts_of(gather(_two(small_runs)))
    scores = cohort_scores(cohorts, "unet", "dice")
    figure = cohort_figure(scores, cohort_table(scores, baseline="toy"), "unet")
    (rows,) = [rows for rows in figure.chart.to_dict()["datasets"].values() if "q1" in rows[0]]
    assert sorted((row["label"], row["rater"], row["mark"]) for row in rows) == [
        ("caudate", "toy", "*"),
        ("caudate", "ward", ""),
        ("ventricles", "toy", "*"),
        ("ventricles", "ward", ""),
    ]


def test_a_report_of_two_datasets_compares_them(small_runs, html, tmp_path):
    """The section is there with two datasets, and absent with one."""
    both = build_report(_two(small_runs), tmp_path / "both.html", datasets={}).read_text(encoding="utf-8")
    assert "One model on several datasets" in both
    assert "One model on several datasets" not in html


def test_training_and_test_stand_in_one_report(small_runs, tmp_path):
    """Each split has its section, its files, and both are compared; the first one is the baseline."""

    def trained(scores):
        return scores.assign(case="train-" + scores["case"], value=scores["value"] * 1.1)

    runs = [*small_runs(raters=("unet",)), *small_runs(raters=("unet",), edit=trained, split="train")]
    page = build_report(runs, tmp_path / "page.html", datasets={}, figures=tmp_path / "figures").read_text()
    assert "One model on several datasets or splits" in page
    assert "toy, test" in page
    assert "toy, train" in page
    names = {path.name for path in write_csv(runs, tmp_path / "tables")}
    assert {"toy-test-structures.csv", "toy-train-structures.csv"} <= names
    assert summary_table(runs)["dataset"].tolist() == ["toy, test", "toy, train"]
    figures = [path.stem for path in (tmp_path / "figures").glob("*.svg")]
    trained_figures = [name.replace("toy-train", "toy") for name in figures if "train" in name]
    assert sorted(trained_figures) == sorted(name for name in figures if "train" not in name) != []
    latex = latex_tables(runs)
    assert "on toy, train" in latex
