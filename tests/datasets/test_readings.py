"""Several readings of a case by one reader: sessions, conditions, the table of readings, and what each reader votes."""

import numpy as np
import pytest

from ctbench.datasets import check, load_dataset
from ctbench.datasets.patterns import Match, Pattern
from ctbench.datasets.readings import Reading, read_readings_table
from ctbench.errors import CtbenchError, DatasetError

PATTERN = "masks/{reader}_{session}_{condition}/{case}.nii.gz"
CONDITIONS = ["unaided", "aided"]


@pytest.fixture
def study(tmp_path, write_map, write_catalog):
    """Dr_a reads c1 three times unaided and once aided; ben once in each condition. Returns a loader."""
    drawn = {
        "dr_a_1_unaided": {(0, 0, 0): 1},
        "dr_a_2_unaided": {(1, 1, 1): 1},
        "dr_a_10_unaided": {(1, 1, 1): 1},
        "dr_a_1_aided": {(2, 2, 2): 1},
        "ben_1_unaided": {(1, 1, 1): 1},
        "ben_1_aided": {(2, 2, 2): 2},
    }
    for name, voxels in drawn.items():
        write_map(tmp_path / "masks" / name / "c1.nii.gz", voxels)

    def load(**fields):
        return load_dataset(write_catalog(toy={"readers": PATTERN, "conditions": CONDITIONS, **fields}))

    return load


def test_sessions_and_conditions_are_read_from_the_path(study):
    """Readings come by reader, condition as listed, and session as people count (2 before 10)."""
    found = [(one.reader, one.condition, one.session) for one in study()["c1"].readings]
    assert found == [
        ("ben", "unaided", "1"),
        ("ben", "aided", "1"),
        *(("dr_a", "unaided", session) for session in ("1", "2", "10")),
        ("dr_a", "aided", "1"),
    ]


def test_a_reader_votes_once_by_the_first_session_of_the_first_condition(study):
    """Four readings of dr_a are one label map among the readers' label maps."""
    case = study()["c1"]
    assert case.readers == ("ben", "dr_a")
    assert np.argwhere(case.label_maps().arrays["dr_a"]).tolist() == [[0, 0, 0]]
    assert np.argwhere(case.reading(case.readings[-1]).array).tolist() == [[2, 2, 2]]


def test_sessions_can_be_fused_before_they_vote(study):
    """Two of three sessions outvote the first; of aided readings nothing enters."""
    case = study(session_vote="fused")["c1"]
    assert np.argwhere(case.reader("dr_a").array).tolist() == [[1, 1, 1]]
    assert [one.session for one in case.voting("dr_a")] == ["1", "2", "10"]


def test_of_two_sessions_that_differ_the_earlier_decides(study, tmp_path):
    """A tie is not decided by the higher code, nor is it background."""
    (tmp_path / "masks/dr_a_10_unaided/c1.nii.gz").unlink()
    assert np.argwhere(study(session_vote="fused")["c1"].reader("dr_a").array).tolist() == [[0, 0, 0]]


def test_readings_belong_to_the_fingerprint_and_are_hidden_from_predictors(study, tmp_path, write_map):
    """Every reading's file is a mask; changing one, or the rule, changes the fingerprint."""
    dataset = study()
    assert len(set(dataset["c1"].mask_files())) == 6
    prints = {dataset.fingerprint(), study(session_vote="fused").fingerprint()}
    prints.add(study(reader_weights={"ben": 2}).fingerprint())
    write_map(tmp_path / "masks/ben_1_aided/c1.nii.gz", {(0, 0, 1): 2})
    prints.add(study().fingerprint())
    assert len(prints) == 4


def test_a_reader_of_another_condition_only_has_no_vote(study, tmp_path):
    """Ben's aided reading stays a reading, and is no stray file."""
    (tmp_path / "masks/ben_1_unaided/c1.nii.gz").unlink()
    case = study()["c1"]
    assert case.readers == ("dr_a",)
    assert str(case.readings[0]) == "reader 'ben', session '1', condition 'aided'"


def test_a_case_without_a_voting_reading_is_an_error(tmp_path, write_map, write_catalog):
    """References are never made of aided readings."""
    write_map(tmp_path / "masks/ben_1_aided/c1.nii.gz", {})
    path = write_catalog(toy={"readers": PATTERN, "conditions": CONDITIONS})
    with pytest.raises(DatasetError, match="no reading under the condition 'unaided'"):
        load_dataset(path)


def test_conditions_must_be_listed(study):
    """Which condition makes the references is never guessed."""
    with pytest.raises(DatasetError, match=r"list the conditions.*conditions: \[unaided, aided\]"):
        study(conditions=[])


def test_the_table_of_readings_has_times_and_orders(study, tmp_path):
    """Seconds and order come to the reading of their row; others have none."""
    (tmp_path / "times.csv").write_text(
        "case,reader,session,condition,seconds,order\nc1,ben,1,unaided,61.5,1\nc1,ben,1,aided,40,2\n"
    )
    readings = study(readings="times.csv")["c1"].readings
    assert [(one.seconds, one.order) for one in readings[:3]] == [(61.5, 1), (40.0, 2), (None, None)]


def test_the_table_of_readings_may_name_the_files(tmp_path, write_map, write_catalog):
    """Without any pattern, the columns of the table say what each file is."""
    for name in ("x", "y", "z"):
        write_map(tmp_path / f"{name}.nii.gz", {(0, 0, 0): 1})
    (tmp_path / "all.csv").write_text(
        "case,reader,session,file\nc1,ben,2,y.nii.gz\nc1,ben,1,x.nii.gz\nc1,anna,1,z.nii.gz\n"
    )
    path = write_catalog(toy={"readings": "all.csv"})
    case = load_dataset(path)["c1"]
    assert [(one.reader, one.session, one.mask.name) for one in case.readings] == [
        ("anna", "1", "z.nii.gz"),
        ("ben", "1", "x.nii.gz"),
        ("ben", "2", "y.nii.gz"),
    ]
    (tmp_path / "y.nii.gz").unlink()
    with pytest.raises(
        CtbenchError, match=r"reader 'ben', session '2' \(table of readings\): no file matches y.nii.gz"
    ):
        load_dataset(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,reader,hour\nc1,ben,3\n", "has no column 'hour'"),
        ("case,reader\nc1,ben\nc1,ben\n", "line 3.*has a row already"),
        ("case,reader,seconds\nc1,ben,-3\n", "seconds is '-3'"),
        ("case,reader,order\nc1,ben,1.5\n", "order is 1.5"),
        ("case,reader,condition\nc1,ben,aidded\n", "the condition 'aidded' is unknown"),
        ("case,reader,file\nc1,ben,../x.nii\n", "must be relative"),
        ("case,reader\nc1,a/b\n", "cannot stand in a path"),
        ("case\nc1\n", "table of readings .* has no column 'reader'"),
    ],
)
def test_a_wrong_table_of_readings_is_refused(tmp_path, text, message):
    """The message has the file, the line and what was expected."""
    path = tmp_path / "readings.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_readings_table(path, ("unaided", "aided"))


def test_a_session_has_no_underscore_and_a_condition_is_one_of_the_list(tmp_path):
    """In one part of a path the fields cannot take each other's text."""
    (tmp_path / "p1_0_dr_a_2_aided.nii").touch()
    pattern = Pattern("{case}_dr_{reader}_{session}_{condition}.nii", (), ("unaided", "aided"))
    assert list(pattern.matches(tmp_path)) == [
        Match(tmp_path / "p1_0_dr_a_2_aided.nii", "p1_0", "a", None, "2", "aided")
    ]


def test_a_reading_that_cannot_be_read_is_found_by_the_check(study, tmp_path):
    """A second session is checked as the first is, and named."""
    dataset = study()
    (tmp_path / "masks/dr_a_2_unaided/c1.nii.gz").write_bytes(b"no volume")
    assert [problem.path for problem in check(tmp_path / "my.yaml", deep=True)] == [
        str(tmp_path / "masks/dr_a_2_unaided/c1.nii.gz")
    ]
    with pytest.raises(CtbenchError, match="reader 'dr_a', session '2', condition 'unaided'"):
        dataset["c1"].check()


def test_a_dataset_without_sessions_has_one_reading_per_reader(reader_folder):
    """Old layouts mean the same as before."""
    case = load_dataset(reader_folder)["c1"]
    assert case.readings == tuple(Reading(name, case.reader_paths[name]) for name in ("anna", "ben"))
    assert case.repeats == {}


def test_labels_and_weights_of_readers_reach_the_label_maps(study):
    """They come as codes and numbers, for readers who vote in the case."""
    drawn = study(reader_labels={"ben": ["iph", "ivh"], "eve": ["iph"]}, reader_weights={"dr_a": 2})["c1"].label_maps()
    assert (drawn.asked, drawn.weights) == ({"ben": (1, 2)}, {"dr_a": 2.0})
    with pytest.raises(DatasetError, match="reader_labels of 'ben' names 'sah'"):
        study(reader_labels={"ben": ["sah"]})
