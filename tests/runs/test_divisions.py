from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.datasets import Case
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.runs.divisions import cases_for_folds, divide, expect_enough, split_off_validation, strata

LABELS = LabelSet({"iph": 1})


@pytest.fixture
def cases(blobs):
    """Four cases of three patients."""
    return [replace(case, patient=patient) for case, patient in zip(blobs, ("p1", "p1", "p2", "p3"), strict=True)]


def test_a_fifth_of_the_patients_is_split_off(cases):
    """Cases of one patient stay together, and no case is lost or in both parts."""
    training, validation = split_off_validation(cases)
    assert [case.id for case in validation] == [cases[0].id, cases[1].id]
    assert [case.id for case in training] == [cases[2].id, cases[3].id]


@given(
    patients=st.lists(st.integers(0, 12), min_size=3, max_size=40),
    folds=st.integers(2, 6),
    seed=st.none() | st.integers(0, 9),
    kinds=st.integers(1, 4),
)
def test_parts_are_of_whole_patients_and_even_in_each_stratum(patients, folds, seed, kinds):
    """No case is lost; the parts differ by one patient at most, in all and within a stratum."""
    cases = [Case(f"c{at}", "toy", LABELS, patient=f"p{name}") for at, name in enumerate(patients)]
    stratum = {case.id: str(int(case.patient[1:]) % kinds) for case in cases}
    parts = divide(cases, folds, seed=seed, stratum=stratum)
    assert sorted(case.id for part in parts for case in part) == sorted(case.id for case in cases)
    owners = [{case.patient for case in part} for part in parts]
    assert sum(map(len, owners)) == len(set(patients))
    for kind in (None, *map(str, range(kinds))):
        counts = [sum(kind in {None, str(int(name[1:]) % kinds)} for name in part) for part in owners]
        assert max(counts) - min(counts) <= 1


def test_the_seed_shuffles_the_patients(blobs):
    """The same seed divides alike, another one differently, none in turn."""
    cases = [Case(f"c{at}", "toy", LABELS) for at in range(20)]
    named = {seed: [[case.id for case in part] for part in divide(cases, 5, seed=seed)] for seed in (None, 0, 1)}
    assert named[None][0] == ["c0", "c5", "c10", "c15"]
    assert [[case.id for case in part] for part in divide(cases, 5, seed=0)] == named[0]
    assert len({str(parts) for parts in named.values()}) == 3


def test_the_hold_out_is_stratified_too():
    """A fifth of the positives and a fifth of the negatives choose the best epoch."""
    cases = [Case(f"c{at}", "toy", LABELS) for at in range(20)]
    stratum = {case.id: "positive" if int(case.id[1:]) < 10 else "negative" for case in cases}
    training, validation = split_off_validation(cases, seed=3, stratum=stratum)
    assert len(training) == 16
    assert Counter(stratum[case.id] for case in validation) == {"positive": 2, "negative": 2}


def test_the_test_split_is_kept_back_unless_it_is_named(blobs):
    """Without a name every other case is taken, those in no split too."""
    splits = ("train", "validation", "test", None)
    cases = [replace(case, split=split) for case, split in zip(blobs, splits, strict=True)]
    chosen = {
        name: [case.split for case in cases_for_folds(blobs, cases, name)] for name in (None, "all", "train", "test")
    }
    assert chosen[None] == ["train", "validation", None]
    assert chosen["all"] == list(splits)
    assert (chosen["train"], chosen["test"]) == (["train"], ["test"])
    with pytest.raises(UsageError, match="no case in the split 'tset' for folds"):
        cases_for_folds(blobs, cases, "tset")
    with pytest.raises(UsageError, match="no case outside the split test for folds"):
        cases_for_folds(blobs, [case for case in cases if case.split == "test"], None)


def test_a_patient_of_the_test_split_is_not_trained_on(blobs):
    """A patient with one scan in the split test and another outside it is refused, for folds of any other case."""
    cases = [
        replace(case, split=split, patient=patient)
        for case, split, patient in zip(blobs, ("train", "test", "train", None), ("p1", "p1", "p2", "p3"), strict=True)
    ]
    with pytest.raises(UsageError, match=r"patient p1 of dataset .* has cases in the split test and cases outside it"):
        cases_for_folds(blobs, cases, None)
    assert len(cases_for_folds(blobs, cases, "all")) == 4


def test_strata_are_positives_of_a_structure_or_values_of_a_column(blobs):
    """A structure is positive where the consensus holds it; an unknown name is refused with the known ones."""
    cases = [replace(case, subgroups={"scanner": name}) for case, name in zip(blobs, "ABAB", strict=True)]
    assert set(strata(blobs, cases, "hemorrhage", "majority").values()) == {"positive"}
    assert list(strata(blobs, cases, "scanner", "majority").values()) == ["A", "B", "A", "B"]
    with pytest.raises(UsageError, match=r"cannot stratify by 'vendor'; expected .*iph.*hemorrhage, scanner"):
        strata(blobs, cases, "vendor", "majority")


def test_too_many_folds_are_refused(cases):
    """Patients are counted, not cases."""
    expect_enough(3, cases)
    with pytest.raises(UsageError, match="4 folds cannot be made of 3 patients; expected 2 to 3"):
        expect_enough(4, cases)
