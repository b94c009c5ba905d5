"""Type and size class of hemorrhages, on cases of 30, 10, 3 (2 iph, 1 sah) and 0.005 mL."""

from dataclasses import replace

import pytest

from ctbench.datasets import Case, Dataset
from ctbench.datasets.entry import Entry
from ctbench.labels import LabelSet
from ctbench.report.frames import strata as module
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.strata import bleed_of, combinations, reference_volumes, strata


@pytest.fixture
def bleeds(bleed_runs):
    """Two models and two readers, gathered."""
    (results,) = gather(bleed_runs())
    return results


@pytest.fixture
def table():
    """A dataset whose case table has a type, and no size class."""
    labels = {"iph": 1, "sah": 2}
    entry = Entry(title="Bleeds", modality="CT", task="segmentation", labels=labels)
    one = Case(id="a", dataset="bleeds", labels=LabelSet(labels))
    types = {"a": "sdh", "b": "iph", "c": "iph", "d": "sah"} | dict.fromkeys("efgh", "normal")
    return Dataset(
        "bleeds", entry, None, tuple(replace(one, id=case, subgroups={"type": types[case]}) for case in types)
    )


def test_type_and_size_follow_from_the_volumes_of_the_reference(bleeds):
    """The type is that of the largest volume, whose size class counts: of case c that of 2 mL."""
    found = strata(bleeds, None, "majority")
    assert found.derived == ("type", "size_class")
    assert found.frame.loc[list("abcd"), ["type", "size_class"]].to_numpy().tolist() == [
        ["iph", "large"],
        ["iph", "medium"],
        ["iph", "small"],
        ["sah", "punctate"],
    ]
    assert found.frame.loc[list("efgh")].isna().all(axis=None)
    assert found.frame.loc["c", "volume_ml"] == 3


def test_columns_of_the_case_table_go_first(bleeds, table):
    """Types are those of the table, for positives only; size classes follow from the volumes."""
    found = strata(bleeds, table, "majority")
    assert found.derived == ("size_class",)
    assert found.frame["type"].dropna().to_dict() == {"a": "sdh", "b": "iph", "c": "iph", "d": "sah"}
    assert found.rule.startswith("The size class is that of the volume")
    assert found.rule.endswith("type as in the case table.")


def test_combinations_are_in_words(bleeds):
    """Normal cases have none."""
    expected = {"a": "iph only", "b": "iph only", "c": "iph with sah", "d": "sah only"}
    assert combinations(bleeds).to_dict() == expected


def test_volumes_of_the_reference(bleeds):
    """A row for each case and a column for each structure, labels first."""
    volumes = reference_volumes(bleeds, "majority")
    assert list(volumes) == ["iph", "sah", "hemorrhage"]
    assert volumes.loc["c"].tolist() == [2, 1, 3]


def test_labels_that_no_rater_knows_are_no_types(bleeds, monkeypatch):
    """Their volumes were not scored: any hemorrhage is then the type of all, with its own size."""
    volumes = reference_volumes(bleeds, "majority").assign(iph=float("nan"), sah=float("nan"))
    monkeypatch.setattr(module, "reference_volumes", lambda *_: volumes)
    found = strata(bleeds, None, "majority").frame.loc[list("abcd")]
    assert found["type"].tolist() == ["hemorrhage"] * 4
    assert found["size_class"].tolist() == ["large", "medium", "small", "punctate"]
    assert combinations(bleeds).empty


def test_structures_without_a_bleed_have_no_strata(results):
    """Eleven structures of the brain are no hemorrhage."""
    assert bleed_of(results) is None
    assert strata(results, None, "majority").frame.empty
