"""The papers' tables in LaTeX."""

import re

import pytest

from ctbench.report import latex_tables, write_latex
from ctbench.report.frames import tables
from ctbench.report.latex import escaped


@pytest.fixture(scope="module")
def text(make_small_runs, tmp_path_factory):
    """All tables of readers and two models on six cases."""
    raters = ("reader1", "reader2", "reader3", "unet", "atlas")
    return latex_tables(make_small_runs(tmp_path_factory.mktemp("runs"), raters=raters))


def _cells(text, caption):
    """Give the rows of the table whose caption begins so: name -> cells."""
    (body,) = re.findall(rf"\\caption\{{{re.escape(caption)}.*?\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)
    rows = [line.removesuffix(r" \\").split(" & ") for line in body.splitlines() if "&" in line]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def test_every_row_has_as_many_cells_as_its_table(text):
    """Each table pastes: one alignment a column, an & between two cells, all braces closed."""
    found = re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(found) > 8
    for columns, body in found:
        assert {line.count(" & ") + 1 for line in body.splitlines() if line.endswith(r"\\")} == {len(columns)}
    assert text.count("{") == text.count("}")
    assert text.count("\\begin{table}") == text.count("\\end{table}") == len(found)


def test_comparison_is_the_pages(text, results, scores):
    """Readers and model stand pairwise with the means, asterisks and gaps of ``tables.comparison``."""
    heads, rows = _cells(text, "Dice of the readers and unet on toy, each reader")
    assert heads == ["Structure", "reader1", "unet", "reader2", "unet", "reader3", "unet", "Readers $-$ model"]
    own = scores[scores["label"].isin(["caudate", "ventricles"]) & scores["case"].isin(results.cases[:6])]
    asked = {"model": "unet", "structures": ["caudate", "ventricles"], "averaged": ["caudate", "ventricles"]}
    compared = tables.comparison(own, metric="dice", reference="leave-one-out", **asked)
    assert compared["reader_better"].any()
    for row in compared.to_dict("records"):
        mark = "*" if row["reader_better"] else r"\textdagger{}" if row["model_better"] else ""
        place = heads.index(row["rater"]) - 1
        assert rows[row["label"]][place] == f"{row['mean']:.3f} $\\pm$ {row['sd']:.3f}{mark}"
        assert rows[row["label"]][place + 1] == f"{row['model_mean']:.3f} $\\pm$ {row['model_sd']:.3f}"


def test_the_papers_own_table_says_who_contributes(text):
    """On the common reference all raters stand beside one model, and the caption says that readers made it."""
    heads, rows = _cells(text, "Dice of the readers and unet on toy, against majority, to which the readers contribute")
    assert heads == ["Structure", "unet", "reader1", "reader2", "reader3", "Readers $-$ model"]
    assert list(rows) == ["caudate", "ventricles", "overall"]


def test_volumes_have_their_share(text):
    """The gap in mL stands beside its share of the structure, as in Cai's Table 3."""
    heads, _ = _cells(text, "Volume difference (absolute), mL of the readers and atlas on toy, against majority")
    assert heads[-2:] == ["Readers $-$ model", r"of volume, \%"]


def test_detection_has_its_table(small_runs):
    """Where a structure is there in some cases only, detection is printed with intervals."""

    def edit(scores):
        absent = scores["metric"].isin(["volume_ml", "reference_volume_ml"]) & scores["case"].isin(["case01", "case02"])
        return scores.assign(value=scores["value"].mask(absent, 0.0))

    heads, rows = _cells(latex_tables(small_runs(raters=("unet",), edit=edit)), "Detection on toy")
    assert heads[-1] == "AUC"
    assert rows["unet"][rows["unet"].index("6") + 1] == "4"
    assert rows["unet"][-2].startswith("100.0 (")


def test_names_are_escaped(small_runs, tmp_path):
    """A name that LaTeX would read as commands is printed as it is."""
    hostile = "50%_$x$ & {\\input{secret}} #1~^"

    def edit(scores):
        reference = scores["reference"].str.replace("reader1", hostile, regex=False)
        return scores.assign(rater=scores["rater"].replace("reader1", hostile), reference=reference)

    runs = small_runs(raters=("reader1", "reader2", "unet"), edit=edit)
    text = write_latex(runs, tmp_path / "tables.tex").read_text(encoding="utf-8")
    assert "\\input" not in text
    assert r"50\%\_\$x\$ \& \{\textbackslash{}input\{secret\}\} \#1\textasciitilde{}\textasciicircum{}" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [("a_b", r"a\_b"), ("−0.1 ± 2", r"$-$0.1 $\pm$ 2"), ("a\nb\t c", "a b c"), ("<x>", r"\textless{}x\textgreater{}")],
)
def test_escaped(words, expected):
    """Each sign that means something to LaTeX stands for itself."""
    assert escaped(words) == expected
