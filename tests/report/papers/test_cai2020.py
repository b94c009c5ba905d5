"""Tables and figures of cai2020."""

import pytest

from ctbench.report.papers import PAPERS
from ctbench.report.papers.cai2020 import PARTS
from ctbench.report.papers.part import Material, NotAvailableError
from ctbench.report.papers.writing import write_paper

MAKE = {part.name: part.make for part in PARTS}


@pytest.fixture
def two_cohorts(small_runs):
    """One model and its readers on one dataset, and the model alone on another, where it is worse."""

    def elsewhere(scores):
        scores = scores[scores["reference"] == "majority"]
        return scores.assign(dataset="ward", value=scores["value"] * 0.9)

    here = small_runs()
    there = small_runs(raters=("unet",), edit=elsewhere, dataset="ward")
    return Material.of([*here, *there], {})


def test_the_command_makes_these_parts():
    """`ctbench paper cai2020` finds the parts of this module."""
    assert PAPERS["cai2020"] is PARTS


def test_table_3_prints_as_the_paper(results):
    """A column for the model, one a reader, two digits, and the paper's overall row beside ours."""
    made = MAKE["table-3"](Material((results,)))
    table = made.tables["unet"]
    assert list(table.printed) == [
        "Structure",
        "unet vs reference",
        *(f"reader{k} vs reference" for k in (1, 2, 3)),
        "Mean of readers − model",
    ]
    caudate = table.printed.set_index("Structure").loc["caudate"]
    row = table.frame[table.frame["label"] == "caudate"].iloc[0]
    assert caudate["unet vs reference"] == f"{row['model_mean']:.2f} ± {row['model_sd']:.2f}"
    assert caudate["reader1 vs reference"].endswith("*") == bool(row["reader_better"])
    assert table.printed["Structure"].tolist()[-2:] == ["overall", "overall as printed"]


def test_table_2_has_the_volumes_and_their_share(results):
    """Volumes of the reference, and the difference as a percentage of them in parentheses."""
    table = MAKE["table-2"](Material((results,))).tables["unet"]
    caudate = table.printed.set_index("Structure").loc["caudate"]
    row = table.frame[table.frame["label"] == "caudate"].iloc[0]
    wanted = f"{row['readers_minus_model']:.2f} ({row['share_percent']:.2f} %)".replace("-", "−")
    assert caudate["Mean of readers − model"] == wanted
    assert "±" in caudate["Average total volume in the reference"]


def test_table_4_marks_the_better_cohort(two_cohorts):
    """Both tests' marks stand at the higher cohort, and the overall row is there in both forms."""
    table = MAKE["table-4"](two_cohorts).tables[""]
    printed = table.printed.set_index("Structure")
    assert list(printed) == ["toy", "ward"]
    assert printed.loc["ventricles", "toy"].endswith("*§")
    assert not printed.loc["ventricles", "ward"].endswith(("*", "§"))
    assert list(printed.index) == ["caudate", "ventricles", "overall", "overall as printed"]


def test_parts_that_cannot_be_made_say_why(small_runs):
    """One cohort, no readers, no files of the dataset: a sentence each."""
    material = Material.of(small_runs(raters=("unet",)), {})
    for name, needs in {
        "table-3": "needs runs of models and of the readers",
        "table-4": "needs runs of one model on two datasets or splits, got toy",
        "figure-3": "needs the files of toy",
        "table-e1": "name its YAML file",
        "figure-2": "ctbench train",
    }.items():
        with pytest.raises(NotAvailableError, match=needs):
            MAKE[name](material)


def test_the_page_is_written(two_cohorts, tmp_path):
    """Tables and figures of two cohorts as files; what needs the datasets' files is listed as missing."""
    rows = write_paper("Cai", PARTS, two_cohorts, tmp_path).set_index("part")
    assert rows.loc["table-4", "files"] == "table-4.csv"
    assert rows.loc["figure-6", "files"] == "figure-6.svg, figure-6.pdf"
    assert rows.loc["table-3", "files"] == "table-3.csv"
    assert "--catalog" in rows.loc["table-e1", "missing"]
