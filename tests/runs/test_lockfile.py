import pytest
import yaml

from ctbench.errors import MissingFileError, SchemaVersionError, UsageError
from ctbench.runs import lock, moved_from_lock, open_run, read_lock
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import write_frame


@pytest.fixture
def kept(finished_run, fails_on_c):
    """A whole run, in which case c failed."""
    return finished_run(fails_on_c, "dice", "hd95", "volume_ml")


@pytest.fixture
def file(kept, tmp_path):
    """Its lock."""
    path = tmp_path / "ctbench.lock"
    path.write_text(lock(kept).to_text())
    return path


def test_a_lock_is_small_text_with_a_line_for_each_mean(kept, file):
    """A change of a number is a change of one line; means are over the common reference."""
    lines = file.read_text().splitlines()
    results = [line for line in lines if line.startswith("- {")]
    assert len(results) == 2  # dice and hd95 of hemorrhage, the only structure that is claimed
    assert results[0].startswith("- {rater: bright, label: hemorrhage, metric: dice, n: 4, mean: 0.")
    content = yaml.safe_load(file.read_text())
    assert content["failed"] == 1
    scores = kept.scores
    own = scores[(scores["reference"] == "majority") & (scores["metric"] == "dice") & (scores["label"] == "hemorrhage")]
    assert content["results"][0]["mean"] == pytest.approx(own["value"].mean(), abs=1e-9)


def test_a_run_agrees_with_its_lock(kept, file):
    """Written and read back, nothing moved."""
    assert moved_from_lock(kept, read_lock(file)).empty


def test_a_mean_that_moved_is_told(kept, file):
    """Beyond a millionth; the values of both are in the row."""
    scores = kept.scores.copy()
    scores.loc[scores["metric"] == "hd95", "value"] += 0.01
    write_frame(scores, RunFolder(kept.folder).scores)
    moved = moved_from_lock(open_run(kept.folder), read_lock(file))
    assert moved[["what", "label", "metric"]].to_numpy().tolist() == [["mean", "hemorrhage", "hd95"]]
    assert moved["found"].iloc[0] - moved["expected"].iloc[0] == pytest.approx(0.01)


def test_other_data_failures_and_counts_are_told(kept, file):
    """Every field of the lock that differs is a row, except for the version of the predictor."""
    text = file.read_text().replace("failed: 1", "failed: 0").replace("n: 4", "n: 3", 1)
    file.write_text(
        text.replace("rater_version: '1'", "rater_version: '0'").replace("dataset: blobs", "dataset: other")
    )
    moved = moved_from_lock(kept, read_lock(file))
    assert moved["what"].tolist() == ["dataset", "failed", "n"]


def test_metrics_may_be_chosen_and_must_be_there(kept):
    """A lock has what the user asked for or is none."""
    assert set(lock(kept, ["volume_ml"]).metrics) == {"volume_ml"}
    with pytest.raises(UsageError, match="lacks some of the metrics dice, nsd; it has dice, hd95, volume_ml"):
        lock(kept, ["dice", "nsd"])


@pytest.mark.parametrize("content", ["", "- a", "lock_version: 1\nmood: good", "{", "a: &a [*a, *a]"])
def test_a_file_that_is_no_lock_is_refused(tmp_path, content):
    """Whatever stands in it, the answer is a sentence."""
    (tmp_path / "x").write_text(content)
    with pytest.raises(UsageError, match="is not a lock file"):
        read_lock(tmp_path / "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [("failed: 0\nfailed: 1\n", "'failed' is written twice"), ("[" * 20_000, "nested more than 100 levels deep")],
    ids=["two values", "nest"],
)
def test_a_lock_is_read_as_strictly_as_a_catalogue(file, text, said):
    """A field that a merge left there twice has no silent winner, and a deep nest costs no time."""
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_lock(file)


def test_absent_and_newer_locks_are_refused(tmp_path):
    """Both messages say what to do."""
    with pytest.raises(MissingFileError, match="write it with `ctbench lock RUN"):
        read_lock(tmp_path / "x")
    (tmp_path / "x").write_text("lock_version: 7")
    with pytest.raises(SchemaVersionError, match="of lock version 7, expected 1"):
        read_lock(tmp_path / "x")
