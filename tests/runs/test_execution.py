import json

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import IncompleteRunError, SchemaVersionError, StoreError, UsageError
from ctbench.metrics import score
from ctbench.metrics.registry import chosen_metrics
from ctbench.runs import execution, open_run, phases, run
from ctbench.scores import SCORE_COLUMNS
from ctbench.volume import write_volume


def files(folder):
    """Bytes of all files that must be equal between equal runs."""
    names = ["run.json", "scores.parquet", *(f"predictions/{path.name}" for path in (folder / "predictions").glob("*"))]
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def value(scores, **where):
    """The value of the one row that fits."""
    for column, wanted in where.items():
        scores = scores[scores[column] == wanted]
    assert len(scores) == 1
    return scores["value"].iloc[0]


def test_a_model_is_scored_on_the_common_and_on_every_leave_one_out_reference(blobs, bright, tmp_path):
    """There is a row for each test case, reference, structure and metric, in the documented order of columns."""
    result = run(blobs, bright, tmp_path / "run", split="test", jobs=1)
    scores = open_run(tmp_path / "run").scores
    assert tuple(scores.columns) == SCORE_COLUMNS
    references = {"majority", "majority-without-r1", "majority-without-r2", "majority-without-r3"}
    assert set(scores["reference"]) == references
    assert len(scores) == 3 * 4 * 3 * len(chosen_metrics(None))
    assert result.manifest.cases == ("b", "c", "d")
    # Case b: the image is bright where reader 1, whom the majority follows, drew.
    assert value(scores, case="b", reference="majority", label="hemorrhage", metric="dice") == 1.0
    assert set(scores.loc[scores["label"] == "iph", "status"]) == {"unsupported"}
    assert result.manifest.unsupported == ("iph", "ivh")


def test_scores_equal_those_of_the_arrays(blobs, bright, tmp_path):
    """What is kept is what `metrics.score` gives for the same arrays."""
    scores = run(blobs, bright, tmp_path / "run", jobs=1).scores
    from ctbench.consensus import leave_one_out

    case = blobs["b"]
    references = leave_one_out({reader: case.reader(reader).array for reader in case.readers})
    prediction = (case.image().array > 50) * 3
    expected = score(references["r2"], prediction, spacing_mm=(4, 1, 1), labels={"hemorrhage": (1, 2, 3)})
    found = scores[(scores["case"] == "b") & (scores["reference"] == "majority-without-r2")]
    found = found[found["label"] == "hemorrhage"].set_index("metric")["value"]
    pd.testing.assert_series_equal(found.sort_index(), expected.set_index("metric")["value"].sort_index())


def test_a_reader_is_scored_on_the_common_reference_and_on_the_one_made_without_them(blobs, tmp_path):
    """Readers are raters like models, but never on a reference that another reader is left out of."""
    scores = run(blobs, "readers", tmp_path / "run", jobs=1).scores
    pairs = set(scores[["rater", "reference"]].itertuples(index=False, name=None))
    assert pairs == {(f"r{k}", name) for k in (1, 2, 3) for name in ("majority", f"majority-without-r{k}")}
    # r2 and r3 lie two voxels apart along x: their 8-voxel boxes share 6, and r1's box lies in the middle.
    iph = {"case": "a", "label": "iph", "metric": "dice"}
    assert value(scores, rater="r1", reference="majority", **iph) == 1.0
    assert value(scores, rater="r2", reference="majority", **iph) == pytest.approx(2 * 7 / 16)


def test_a_label_that_nobody_could_assess_has_null_rows(blobs, tmp_path):
    """`not_assessed` is said, not left out."""
    scores = run(blobs, "readers", tmp_path / "run", jobs=1).scores
    rows = scores[(scores["case"] == "d") & (scores["label"] == "ivh")]
    assert set(rows["status"]) == {"not_assessed"}
    assert rows["value"].isna().all()


def test_two_processes_give_the_same_bytes_as_one(blobs, tmp_path):
    """How a run is carried out does not show in its results."""
    for name, jobs in (("one", 1), ("two", 2)):
        options = {"smoothing_mm": 0.1, "smallest_ml": 0.001}
        run(blobs, "threshold", tmp_path / name, jobs=jobs, options=options, cached=False)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_case_on_which_the_predictor_raises_is_failed_and_the_run_goes_on(blobs, fails_on_c, tmp_path):
    """A failure is penalised, with the reason in the row and the traceback in the log."""
    result = run(blobs, fails_on_c, tmp_path / "run", split="test", jobs=1)
    lost = result.scores[(result.scores["case"] == "c") & (result.scores["label"] == "hemorrhage")]
    assert set(lost["status"]) == {"failed"}
    assert set(lost["detail"]) == {"bright raised RuntimeError on case c: CUDA went away"}
    assert (lost.loc[lost["metric"] == "dice", "value"] == 0).all()
    diagonal = np.linalg.norm(np.array([6, 24, 24]) * [4, 1, 1])
    np.testing.assert_allclose(lost.loc[lost["metric"] == "hd95", "value"], diagonal)
    assert (result.scores.loc[result.scores["case"] == "b", "status"] != "failed").all()
    assert "Traceback" in result.messages()[0]["trace"]


def test_a_prediction_of_the_wrong_shape_is_failed_with_both_shapes(blobs, wrong_shape_on_c, tmp_path):
    """What comes back is checked before it is kept."""
    result = run(blobs, wrong_shape_on_c, tmp_path / "run", split="test", jobs=1)
    detail = result.scores.loc[(result.scores["case"] == "c") & (result.scores["label"] == "hemorrhage"), "detail"]
    assert "labels of shape (5, 24, 24); expected the image's (6, 24, 24)" in detail.iloc[0]
    assert not (tmp_path / "run" / "predictions" / "c.nii.gz").exists()


def test_a_cut_run_goes_on_and_ends_with_the_same_bytes(blobs, bright, tmp_path, monkeypatch):
    """A run that died while it scored keeps what is whole, and ends as if nothing had happened."""
    run(blobs, bright, tmp_path / "whole", jobs=1)
    original, calls = phases._score_part, []

    def dies_at_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(phases, "_score_part", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(blobs, bright, tmp_path / "cut", jobs=1)
    with pytest.raises(IncompleteRunError, match="unfinished run"):
        open_run(tmp_path / "cut")
    calls.extend([None] * 10)
    before = len(calls)
    run(blobs, bright, tmp_path / "cut", jobs=1)
    assert len(calls) - before == 2  # cases c and d; a and b were whole
    assert files(tmp_path / "whole") == files(tmp_path / "cut")
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def test_a_failure_is_tried_again_when_a_run_goes_on(blobs, bright, fails_on_c, tmp_path, monkeypatch):
    """Failures are never kept as results: the rows of a failed case are made anew."""
    monkeypatch.setattr(execution, "commit", lambda begun, parts, paths: None)
    run(blobs, fails_on_c, tmp_path / "run", jobs=1)
    monkeypatch.undo()
    result = run(blobs, bright, tmp_path / "run", jobs=1)
    assert "failed" not in set(result.scores["status"])


def test_a_whole_run_is_reused(blobs, bright, tmp_path):
    """The same command again computes nothing."""
    assert not run(blobs, bright, tmp_path / "run", jobs=1).reused
    assert run(blobs, bright, tmp_path / "run", jobs=1).reused


def test_a_folder_with_another_run_is_refused(blobs, bright, tmp_path):
    """The message names what differs, and nothing is overwritten."""
    run(blobs, bright, tmp_path / "run", jobs=1)
    before = files(tmp_path / "run")
    with pytest.raises(UsageError, match=r"holds another run .it differs in cases, dataset_fingerprint, split"):
        run(blobs, bright, tmp_path / "run", split="test", jobs=1)
    assert files(tmp_path / "run") == before


def test_a_folder_with_other_files_is_refused(blobs, bright, tmp_path):
    """A run never spreads over somebody's files."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and not a run folder"):
        run(blobs, bright, tmp_path, jobs=1)


def test_a_folder_that_cannot_be_written_is_a_store_error(blobs, bright, tmp_path):
    """A path below a file cannot be made, also not by root."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the run folder"):
        run(blobs, bright, tmp_path / "file" / "run", jobs=1)


def test_a_changed_mask_is_another_dataset(blobs, bright, tmp_path):
    """The fingerprint sees a reader's file change."""
    run(blobs, bright, tmp_path / "run", jobs=1)
    case = blobs["a"]
    volume = case.reader("r1")
    write_volume(volume.with_array(volume.array * 0), case.reader_path("r1"))
    with pytest.raises(UsageError, match="differs in dataset_fingerprint"):
        run(blobs, bright, tmp_path / "run", jobs=1)


def test_a_run_of_another_version_is_refused(blobs, bright, tmp_path):
    """The schema version is looked at before anything else."""
    run(blobs, bright, tmp_path / "run", jobs=1)
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_text()) | {"schema_version": 99, "new_field": 1}
    path.write_text(json.dumps(content))
    with pytest.raises(SchemaVersionError, match="another version of ctbench: expected schema version 3, got 99"):
        open_run(tmp_path / "run")


@pytest.mark.parametrize("content", ["", "[]", '{"schema_version": 1}', '{"schema_version": 1, "x": 2}'])
def test_a_broken_manifest_is_a_store_error(tmp_path, content):
    """Whatever stands in run.json, the answer is a sentence."""
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(StoreError, match="is not the manifest of a run"):
        open_run(tmp_path)


def test_unknown_splits_and_metrics_are_refused(blobs, bright, tmp_path):
    """Both messages list what there is."""
    with pytest.raises(UsageError, match=r"no case in split 'tset'; its splits: test, train"):
        run(blobs, bright, tmp_path / "run", split="tset")
    with pytest.raises(UsageError, match=r"unknown metric 'dise'; did you mean 'dice'"):
        run(blobs, bright, tmp_path / "run", metrics=["dise"])


def test_a_prediction_is_read_back_in_the_datasets_codes(blobs, bright, tmp_path):
    """The run's label map stands for the group by a code beyond the dataset's."""
    result = run(blobs, bright, tmp_path / "run", jobs=1)
    assert set(np.unique(result.prediction("a").array)) == {0, 3}


def test_predictions_of_a_folder_are_scored_and_missing_ones_penalised(blobs, tmp_path):
    """A folder of label maps is a predictor; a case without file is `missing`; files of no case are logged."""
    made = tmp_path / "made"
    for name in ("a", "b", "stranger"):
        write_volume(blobs["a" if name == "stranger" else name].reader("r1"), made / f"{name}.nii.gz")
    (made / "labels.json").write_text('{"iph": 1, "ivh": 2}')
    result = run(blobs, f"folder:{made}", tmp_path / "run", jobs=1)
    status = result.scores[result.scores["label"] == "iph"].groupby("case")["status"].agg(set)
    assert status.to_dict() == {"a": {"ok"}, "b": {"ok"}, "c": {"missing"}, "d": {"missing"}}
    assert any("stranger.nii.gz" in str(message["message"]) for message in result.messages())
