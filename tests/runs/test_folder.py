from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import IncompleteRunError, MissingFileError, StoreError, UsageError
from ctbench.runs.folder import RunFolder, open_run, part_size


@given(st.integers(1, 10**7))
def test_parts_are_small_and_few(cases):
    """One case a part up to 2000 cases; never more than 200 cases in one."""
    size = part_size(cases)
    assert size == 1 if cases <= 2000 else 1 <= size <= 200
    if cases <= 400_000:
        assert -(-cases // size) <= 2000


@given(st.integers(1, 5000))
def test_every_case_has_a_part(cases):
    """The parts hold the cases, and the last of them is not empty."""
    parts = RunFolder(Path("run")).all_parts(cases)
    assert (len(parts) - 1) * part_size(cases) < cases <= len(parts) * part_size(cases)
    assert [path.name for path in parts[:2]] == ["000.parquet", "001.parquet"][: len(parts)]


def test_files_lie_below_the_folder():
    """Each has a name of its own."""
    paths = RunFolder(Path("run"))
    names = ["manifest", "partial", "scores", "times", "log", "costs", "files", "claim", "parts", "predictions"]
    found = [getattr(paths, name) for name in names]
    found += [paths.part(3), paths.prediction("a"), paths.findings("a")]
    assert len(set(found)) == len(found)
    assert all(path.is_relative_to("run") for path in found)


@pytest.fixture
def kept(finished_run, fails_on_c):
    """A whole run in which case c failed."""
    return finished_run(fails_on_c, "dice")


def test_a_run_is_read_as_it_was_written(kept):
    """Manifest, scores, times, labels and messages are those that the run returned."""
    found = open_run(kept.folder)
    assert found == kept
    assert not found.reused
    pd.testing.assert_frame_equal(found.scores, kept.scores)
    assert set(found.times["case"]) == set("abcd")
    assert found.label_set.codes_of("hemorrhage") == (1, 2)
    assert [message["case"] for message in found.messages()] == ["c"]


def test_a_case_without_prediction_says_so(kept):
    """The one that failed, one that is not there, and a score that is."""
    for case in ("c", "z"):
        with pytest.raises(MissingFileError, match=f"no prediction of case {case}"):
            kept.prediction(case)
        assert kept.findings(case) == (None, ())
    assert kept.findings("a") == (0.9, ())


def test_what_is_claimed_has_the_codes_of_the_prediction(kept):
    """The model knows the group alone; readers know every label and group, in the dataset's codes."""
    (codes,) = kept.claimed.values()
    assert list(kept.claimed) == ["hemorrhage"]
    assert set(np.unique(kept.prediction("a").array)) <= {0, *codes}
    readers = replace(kept, manifest=kept.manifest.model_copy(update={"predictor": None}))
    assert readers.claimed == {"iph": (1,), "ivh": (2,), "hemorrhage": (1, 2)}


def test_findings_that_cannot_be_read_are_named(kept):
    """Whatever a predictor or a hand left in the file."""
    for content in ("{", "[]", '{"score": "high"}'):
        RunFolder(kept.folder).findings("a").write_text(content)
        with pytest.raises(StoreError, match=r"a\.json"):
            open_run(kept.folder).findings("a")


def test_a_table_of_another_form_is_refused(kept):
    """No table at all, and one whose values are text."""
    path = RunFolder(kept.folder).scores
    kept.scores.assign(value="high").to_parquet(path)
    with pytest.raises(StoreError, match=r"scores\.parquet.*value"):
        open_run(kept.folder).scores  # noqa: B018  # reads the file
    path.write_bytes(b"no table")
    with pytest.raises(StoreError, match=r"scores\.parquet cannot be read"):
        open_run(kept.folder).scores  # noqa: B018  # as above


def test_folders_that_hold_no_whole_run_are_told_apart(tmp_path):
    """One that was cut off, and one that is something else."""
    with pytest.raises(StoreError, match=r"run\.json"):
        open_run(tmp_path)
    RunFolder(tmp_path).partial.touch()
    with pytest.raises(IncompleteRunError, match=tmp_path.name):
        open_run(tmp_path)


def test_a_run_describes_itself_by_structure(finished_run, bright):
    """The means are those of statistics.describe over the positives of the common reference; others are refused."""
    run = finished_run(bright, "dice", "hd95")
    table = run.summary("hd95")
    rows = run.scores[(run.scores["metric"] == "hd95") & ~run.scores["reference"].str.contains("-without-")]
    positive = rows[rows["status"].isin(["ok", "prediction_empty", "missing", "failed"])]
    for row in table.to_dict("records"):
        own = positive[(positive["label"] == row["label"]) & (positive["rater"] == row["rater"])]["value"]
        assert row["n"] == own.notna().sum()
    with pytest.raises(UsageError, match="did you mean 'hd95'"):
        run.summary("hd59")


def test_a_run_is_compared_with_a_later_one(finished_run, bright):
    """With itself nothing differs."""
    run = finished_run(bright, "dice", "hd95")
    assert run.compare(run, ["dice"])["difference"].dropna().eq(0).all()
    assert repr(run).startswith("Run(rater: ")
