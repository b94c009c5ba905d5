"""Confusion matrices over all cases, as tables."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.references import read_references
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.confusion import can_confuse, confusion_table
from ctbench.runs.folder import RunFolder


def test_voxels_by_hand(runs, dataset, label_codes):
    """The voxels of all cases are added up, those that do not count left out, and each row makes 100 %."""
    chosen = ("caudate", "ventricles")
    table = confusion_table(runs[1], dataset, chosen).set_index(["reference", "prediction"])
    expected = 0
    for case in dataset:
        truth = next(iter(read_references(case, "majority").references.values()))
        predicted = runs[1].prediction(case.id).array
        both = (truth.labels == label_codes["caudate"]) & (predicted == label_codes["ventricles"])
        expected += np.count_nonzero(both & ~truth.uncounted)
    assert table.loc[("caudate", "ventricles"), "voxels"] == expected
    assert table.groupby("reference")["percent"].sum().tolist() == pytest.approx([100.0] * 3)
    assert table["cases"].unique().tolist() == [12]


def test_groups_are_classes_too(runs, dataset):
    """A group counts the voxels of its members as one."""
    table = confusion_table(runs[1], dataset, ("ventricles_all",)).set_index(["reference", "prediction"])["voxels"]
    members = confusion_table(runs[1], dataset, ("ventricles", "septum_pellucidum"))
    within = members[(members["reference"] != "background") & (members["prediction"] != "background")]
    assert table[("ventricles_all", "ventricles_all")] == within["voxels"].sum()


def test_failed_cases_do_not_count(runs, dataset):
    """The case without a prediction is in no figure, and the count says so."""
    assert confusion_table(runs[2], dataset, ("caudate",))["cases"].unique().tolist() == [11]


def test_what_cannot_be_counted(runs, dataset, tmp_path):
    """Readers, and runs that kept no prediction, are refused in a sentence."""
    with pytest.raises(UsageError, match="is of readers"):
        confusion_table(runs[0], dataset, ("caudate",))
    with pytest.raises(UsageError, match="keeps no prediction"):
        confusion_table(replace(runs[1], folder=RunFolder(tmp_path).path), dataset, ("caudate",))


def test_one_structure_cannot_be_confused(small_runs):
    """Where the models know one structure there is nothing to take it for."""
    (one,) = gather(small_runs(edit=lambda scores: scores[scores["label"] == "caudate"], labels={"caudate": 6}))
    (two,) = gather(small_runs())
    (readers,) = gather(small_runs(raters=("reader1", "reader2")))
    assert [can_confuse(results) for results in (one, two, readers)] == [False, True, False]
