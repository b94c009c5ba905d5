"""The files of a paper's tables and figures."""

import altair as alt
import pandas as pd
import pytest

from ctbench.report.papers import PAPERS
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table
from ctbench.report.papers.writing import write_paper


def _made(material):
    frame = pd.DataFrame({"rater": ["a <b>", "b"], "dice": [0.123456789, -0.5]})
    printed = pd.DataFrame({"Rater": ["a <b>", "b"], "Dice": ["0.12 ± 0.03*", "−0.50"]})
    chart = alt.Chart(frame).mark_point().encode(x="dice:Q")
    return Result(
        {"": Table(frame, "Dice of all raters.", printed), "by-scanner": Table(frame.head(1), "By scanner.")},
        {"": Figure(chart, "Dice as points")},
        ["The paper has four raters."],
    )


def _not_made(material):
    msg = "needs two cohorts, got `ctbench run` one"
    raise NotAvailableError(msg)


PARTS = (Part("table-1", "Table 1: Dice", _made), Part("figure-6", "Figure 6: two cohorts", _not_made))


@pytest.fixture
def written(tmp_path):
    """Rows and folder of two parts, of which one cannot be made."""
    return write_paper(
        "A paper", PARTS, Material(()), tmp_path / "paper", command="ctbench paper x"
    ), tmp_path / "paper"


def test_each_table_and_figure_has_its_files(written):
    """Files are named as the part; a part that cannot be made says what it needs, and nothing else is written."""
    rows, folder = written
    assert rows.to_dict("records") == [
        {
            "part": "table-1",
            "title": "Table 1: Dice",
            "files": "table-1.csv, table-1-by-scanner.csv, table-1.svg, table-1.pdf",
            "missing": "",
        },
        {
            "part": "figure-6",
            "title": "Figure 6: two cohorts",
            "files": "",
            "missing": "needs two cohorts, got `ctbench run` one",
        },
    ]
    assert {path.name for path in folder.iterdir()} == {
        *rows["files"][0].split(", "),
        "index.html",
        "tables.tex",
    }


def test_csv_is_unrounded_and_the_page_prints_as_the_paper(written):
    """Programs read all digits; people read the paper's form, escaped; sorting goes by the number."""
    _, folder = written
    assert pd.read_csv(folder / "table-1.csv")["dice"].tolist() == [0.123456789, -0.5]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "a &lt;b&gt;" in page
    assert "a <b>" not in page
    assert 'data-order="0.12">0.12 ± 0.03*' in page
    assert 'data-order="-0.5">−0.50' in page
    assert "The paper has four raters." in page
    assert "Not made: it needs two cohorts, got <code>ctbench run</code> one" in page


def test_latex_has_every_table(written):
    """Two tables, with signs that LaTeX prints."""
    _, folder = written
    text = (folder / "tables.tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{table}") == 2
    assert r"a \textless{}b\textgreater{} & 0.12 $\pm$ 0.03* \\" in text


@pytest.mark.parametrize("paper", PAPERS)
def test_parts_have_names_of_their_own(paper):
    """No part of a paper writes over another one's files."""
    names = [part.name for part in PAPERS[paper]]
    assert len(set(names)) == len(names)
    assert all(part.title.lower().startswith(part.name.split("-")[0]) for part in PAPERS[paper])


def test_a_long_table_is_folded(tmp_path):
    """Its caption and number of rows stay; the CSV has all rows."""
    frame = pd.DataFrame({"case": [f"case{number}" for number in range(50)], "dice": 0.5})
    long = Part("table-2", "Table 2: all cases", lambda _: Result({"": Table(frame, "Dice of all cases.")}))
    write_paper("A paper", [long], Material(()), tmp_path)
    assert "<summary>Dice of all cases. (50 rows)</summary>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "table-2.csv")) == 50
