"""What the tables and figures of a paper are made from."""

import json

import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.report.papers.part import Material, NotAvailableError, Table
from ctbench.runs import open_run


@pytest.fixture
def on_two_splits(make_small_runs, tmp_path):
    """Two runs of one model on one dataset, which differ in the split."""
    folders = []
    for split in ("train", "test"):
        (run,) = make_small_runs(tmp_path / split, raters=("unet",))
        manifest = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
        (run.folder / "run.json").write_text(json.dumps(manifest | {"split": split}), encoding="utf-8")
        folders.append(run.folder)
    return [open_run(folder) for folder in folders]


def test_runs_that_cannot_be_compared_stand_apart(on_two_splits):
    """A model on two splits is two groups, and a part of one group says which groups there are."""
    material = Material.of(on_two_splits, {})
    assert [results.models for results in material.results] == [("unet",), ("unet",)]
    with pytest.raises(NotAvailableError, match=r"got 2 groups \(toy, train split, .*; toy, test split, "):
        material.one()


def test_runs_by_the_same_rules_are_one_group(make_small_runs, tmp_path):
    """Readers and models on one dataset are compared."""
    material = Material.of(make_small_runs(tmp_path, raters=("reader1", "unet", "atlas")), {})
    assert material.one().models == ("unet", "atlas")
    with pytest.raises(NotAvailableError, match="needs the files of toy; name its YAML file with --catalog"):
        material.dataset(material.one())


def test_no_runs_are_refused():
    """Nothing to make tables from is the user's mistake."""
    with pytest.raises(UsageError, match="no runs to report"):
        Material.of([], {})


def test_fractions_are_rounded_and_gaps_are_dashes():
    """A table without a printed form shows its frame; counts stay whole."""
    frame = pd.DataFrame({"label": ["caudate", None], "mean_dice": [0.81234, float("nan")], "n": [12, 3]})
    assert Table(frame, "Dice.").cells.to_dict("list") == {
        "label": ["caudate", "–"],
        "mean dice": ["0.812", "–"],
        "n": ["12", "3"],
    }
