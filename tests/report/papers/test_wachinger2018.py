"""Tables and figures of wachinger2018."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from ctbench.report.frames.pooled import BY_CASE, POOLED
from ctbench.report.papers import PAPERS, write_paper
from ctbench.report.papers.part import Material, NotAvailableError
from ctbench.report.papers.wachinger2018 import PARTS
from ctbench.runs import open_run

NETWORK = {
    "structures": 25,
    "widths": [32, 64, 64],
    "hidden": [1024, 512],
    "coordinates": "both",
    "hierarchical": True,
    "tasks": 7,
}
BY_NAME = {part.name: part for part in PARTS}


def recorded(run, **changes):
    """The run, of which the card says that it is DeepNAT with these settings."""
    path = run.folder / "run.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["predictor"]["parameters"] = NETWORK | changes
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return open_run(run.folder)


@pytest.fixture
def variants(small_runs):
    """Two runs of DeepNAT: as in the paper, and with one task."""
    unet, atlas = small_runs(raters=("unet", "atlas"))
    return [recorded(unet), recorded(atlas, tasks=1)]


@pytest.fixture
def values(variants):
    """Dice by case and label of both runs, of the cases whose reference holds the label."""
    rows = pd.concat([run.scores for run in variants])
    rows = rows[(rows["metric"] == "dice") & (rows["reference"] == "majority")]
    return rows.pivot_table(index=["case", "label"], columns="rater", values="value", observed=True)


def test_the_command_makes_these_parts():
    """`ctbench paper wachinger2018` finds the parts of this module: thirteen figures and two tables."""
    assert PAPERS["wachinger2018"] is PARTS
    assert [part.name for part in PARTS] == [*(f"figure-{n}" for n in range(1, 14)), "table-1", "table-2"]


def test_figure_5_has_medians_and_both_tests(variants, values):
    """Medians are over structures x subjects; p over these as the paper has it, and over subjects, by scipy."""
    result = BY_NAME["figure-5"].make(Material.of(variants, {}))
    frame = result.tables[""].frame.set_index(["unit", "rater"])
    assert frame.loc[(POOLED, "atlas"), "median"] == pytest.approx(values["atlas"].median())
    better = values.mean().idxmax()
    other = ({"unet", "atlas"} - {better}).pop()
    difference = values[other] - values[better]
    assert frame.loc[(POOLED, other), "p"] == pytest.approx(wilcoxon(difference).pvalue)
    by_case = difference.groupby("case").mean()
    assert frame.loc[(BY_CASE, other), "p"] == pytest.approx(wilcoxon(by_case).pvalue)
    assert np.isnan(frame.loc[(POOLED, better), "p"])
    printed = result.tables[""].cells.set_index("Method")
    assert printed.loc[better, "Median Dice"] == f"{values[better].median():.3f} (best)"


def test_figure_6_has_means_and_standard_errors(variants, values):
    """The paper's standard error is that of all values; the one over subjects stands beside it."""
    result = BY_NAME["figure-6"].make(Material.of(variants, {}))
    frame = result.tables[""].frame.set_index(["unit", "rater"])
    row = frame.loc[(POOLED, "unet")]
    assert (row["n"], row["mean"]) == (12, pytest.approx(values["unet"].mean()))
    assert row["se"] == pytest.approx(values["unet"].std() / np.sqrt(12))
    by_case = values["unet"].groupby("case").mean()
    assert frame.loc[(BY_CASE, "unet"), "se"] == pytest.approx(by_case.std() / np.sqrt(6))
    mean, se = values["unet"].mean(), values["unet"].std() / np.sqrt(12)
    assert f"{mean:.3f} ± {se:.3f}" in set(result.tables[""].cells["Mean Dice ± SE"])


def test_figure_7_marks_structures(variants, values):
    """Each structure has a test over subjects against the baseline, and its median in each method."""
    result = BY_NAME["figure-7"].make(Material.of(variants, {}))
    frame = result.tables[""].frame.set_index(["label", "rater"])
    better = values.mean().idxmax()
    other = ({"unet", "atlas"} - {better}).pop()
    for label in ("caudate", "ventricles"):
        own = values.xs(label, level="label")
        p = wilcoxon(own[other] - own[better]).pvalue
        assert frame.loc[(label, other), "p"] == pytest.approx(p)
        assert frame.loc[(label, other), "median"] == pytest.approx(own[other].median())
        cell = result.tables[""].cells.set_index("Structure").loc[label, other]
        assert cell == f"{own[other].median():.3f}" + ("†" if p < 0.05 else "")


def test_figure_4_knows_variants_by_their_settings(variants, values):
    """The run of one task is compared with DeepNAT; the other variants are named as missing."""
    result = BY_NAME["figure-4"].make(Material.of(variants, {}))
    frame = result.tables[""].frame.set_index(["unit", "rater"])
    assert list(result.tables[""].cells["Method"]) == ["1 task", "DeepNAT"]
    assert frame.loc[(POOLED, "1 task"), "p"] == pytest.approx(wilcoxon(values["atlas"] - values["unet"]).pvalue)
    assert any("no coordinates, Cartesian only" in note for note in result.notes)


def test_figures_12_and_13_are_those_of_a_second_division(variants, small_runs):
    """With one group of runs they say what they need; with runs on another split they are made from these."""
    for name in ("figure-12", "figure-13"):
        with pytest.raises(NotAvailableError, match="needs a second group of runs"):
            BY_NAME[name].make(Material.of(variants, {}))
    more = small_runs(raters=("unet", "atlas"), split="train", edit=lambda scores: scores[scores["case"] < "case05"])
    result = BY_NAME["figure-13"].make(Material.of([*variants, *more], {}))
    assert set(result.tables[""].frame["n"]) == {8, 4}


def test_tables_of_the_network_are_the_papers(variants):
    """A run of the paper's size has the printed 2,687,200 parameters; Table 1 has eighteen layers."""
    material = Material.of(variants, {})
    frame = BY_NAME["table-2"].make(material).tables[""].frame
    assert frame["parameters"].tolist() == [10_976, 256_000, 110_592, 1_769_472, 527_360, 12_800, 2_687_200]
    assert frame["output"].tolist()[2:5] == ["3 x 3 x 3 x 64", "1024", "512"]
    layers = BY_NAME["table-1"].make(material).tables[""].frame
    assert len(layers) == 18
    assert layers["specification"].iloc[8] == "output 1728"


def test_what_is_missing_is_said(small_runs):
    """One run of another model has no methods to compare, no variants and no network of DeepNAT."""
    material = Material.of(small_runs(raters=("unet",)), {})
    for name, words in (
        ("figure-4", "needs runs of deepnat as in the paper"),
        ("figure-5", "needs runs of two models or more"),
        ("figure-9", "needs runs of two models"),
        ("figure-2", "`ctbench train deepnat` writes it as eigenfunctions.png"),
        ("figure-8", "needs predictions of unet for one case at least"),
        ("table-2", "needs a run of deepnat"),
    ):
        with pytest.raises(NotAvailableError, match=words):
            BY_NAME[name].make(material)


def test_the_page_is_written(runs, dataset, tmp_path):
    """Runs with predictions and their dataset make all but the parts of training, variants and a second division."""
    material = Material.of(runs, {"toy": dataset})
    rows = write_paper("Wachinger", PARTS, material, tmp_path).set_index("part")
    missing = set(rows.index[rows["missing"] != ""])
    assert missing == {
        *("figure-2", "figure-3", "figure-4", "figure-11", "figure-12", "figure-13", "table-1", "table-2")
    }
    assert "<image" in (tmp_path / "figure-10.svg").read_text(encoding="utf-8")
