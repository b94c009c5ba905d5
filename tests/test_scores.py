import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctbench import scores
from ctbench.runs import open_run, run
from ctbench.scores import Status, is_leave_one_out, joint_status, leave_one_out_rows, left_out, outcomes, without


def test_every_status_is_in_one_group():
    """A status says that a value is there, that it is undefined, that nothing was scored, or that the case is lost."""
    groups = [{"ok"}, scores.UNDEFINED, scores.UNSCORED, scores.LOST]
    assert sorted(status for group in groups for status in group) == sorted(Status)
    assert set(Status) == scores.STATUSES
    assert scores.UNDEFINED - {"both_empty"} == scores.PENALISED


def test_groups_hold_plain_texts():
    """A column of any text type is compared with them, by pandas and by Arrow."""
    for kind in ("object", "category", "str"):
        column = pd.Series(["ok", "failed", "missing"], dtype=kind)
        assert column.isin(scores.LOST).tolist() == [False, True, True]
    assert {type(status) for status in scores.STATUSES} == {str}


def test_names_of_leave_one_out_references():
    """What ``without`` makes is known as such, and nothing else is."""
    name = without("majority", "reader2")
    assert name == "majority-without-reader2"
    assert is_leave_one_out(name)
    assert left_out(name) == "reader2"
    assert not is_leave_one_out("majority")
    assert left_out("majority") is None
    assert leave_one_out_rows(pd.Series([name, "given"])).tolist() == [True, False]


def test_columns_are_those_that_a_run_writes(tmp_path, blobs):
    """The table of a run has all columns in their order, sorted by the keys, which name a row."""
    found = open_run(run(blobs, "readers", tmp_path / "run", jobs=1).folder).scores
    assert tuple(found.columns) == scores.SCORE_COLUMNS
    assert not found.duplicated(list(scores.KEYS)).any()
    pd.testing.assert_frame_equal(found, found.sort_values(list(scores.KEYS), kind="stable"))


@pytest.mark.parametrize("group", ["LOST", "UNDEFINED"])
def test_groups_are_named_nowhere_else(group):
    """No other module of the package lists the statuses of a group again."""
    wanted = getattr(scores, group)
    root = Path(scores.__file__).parent
    repeated = []
    for path in root.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        repeated += [f"{path.name}: {line}" for line in lines if all(f'"{status}"' in line for status in wanted)]
    assert repeated == []


def test_kinds_and_references_are_named_nowhere_else():
    """No module of ours compares a rater's kind with a text, or builds the name of a leave-one-out reference itself."""
    package = Path(scores.__file__).parent
    by_hand = re.compile(r"""rater_kind\W{1,5}(==|!=|eq\(|fillna\()\s*"(reader|model)"|\}-without-""")
    assert by_hand.search("""is_reader = rows["rater_kind"] == "reader\"""")
    assert by_hand.search('f"{method}-without-k"')
    found = []
    for path in (*package.rglob("*.py"), *package.with_name("leaderboard").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [f"{path.name}: {line}" for line in lines if by_hand.search(line)]
    assert found == []


@pytest.mark.parametrize(
    ("tally", "joint"),
    [((0, 3, 1), "failed"), ((5, 3, 1), "both_empty"), ((2, 2, 0), "both_empty"), ((0, 9, 1, 1), "ok")],
)
def test_a_mean_is_ok_if_any_score_is(tally, joint):
    """Else its status is the most frequent one, of equals the first."""
    statuses = ["both_empty", "failed", "missing", "ok"][: len(tally)]
    counts = np.array(tally)
    assert statuses[int(joint_status(statuses, counts[:, None])[0])] == joint
    np.testing.assert_array_equal(
        joint_status(statuses, np.stack([counts, counts], axis=1)), [statuses.index(joint)] * 2
    )


def test_every_status_has_words():
    """People read outcomes, not names of statuses."""
    assert set(scores.OUTCOMES) == set(scores.Status)
    assert len(set(scores.OUTCOMES.values())) == len(scores.Status)


def test_outcomes_are_words_and_penalties_are_marked():
    """A value that stands for a missing mask is a penalty, unlike none; an overlap of 0 of two masks is no overlap."""
    rows = [
        ("dice", 0.0, "prediction_empty", "missed (penalty)"),
        ("dice", 0.0, "reference_empty", "false alarm (penalty)"),
        ("precision", None, "prediction_empty", "missed"),
        ("dice", None, "both_empty", "rightly nothing"),
        ("hd95", 300.0, "failed", "failed (penalty)"),
        ("dice", 0.0, "ok", "no overlap"),
        ("hd95", 0.0, "ok", "scored"),
    ]
    made = pd.DataFrame(rows, columns=["metric", "value", "status", "expected"])
    assert outcomes(made).tolist() == made["expected"].tolist()
