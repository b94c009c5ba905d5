import json

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import DatasetError
from ctbench.predictors import Isolation
from ctbench.runs import Execution, open_run, run, verify
from ctbench.runs.changes import MOVED_COLUMNS
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import write_frame
from ctbench.volume import write_volume

HERE = Execution(jobs=1)


@pytest.fixture
def kept(finished_run, fails_on_c):
    """A whole run, in which case c failed."""
    return finished_run(fails_on_c, "dice", "hd95")


def changed(kept, change):
    """The run with other scores in its file, opened anew."""
    scores = kept.scores.copy()
    change(scores)
    write_frame(scores, RunFolder(kept.folder).scores)
    return open_run(kept.folder)


def test_a_run_holds(blobs, kept):
    """Nothing moved, the failed case included."""
    assert verify(kept, blobs, execution=HERE).empty


def test_a_run_of_readers_holds(blobs, tmp_path):
    """Readers are scored again from their files."""
    readers = run(blobs, "readers", tmp_path / "readers", metrics=["dice"], jobs=1)
    assert verify(readers, blobs, execution=HERE).empty


def test_a_number_that_was_edited_has_moved(blobs, kept):
    """The row, both values, and the digest of the file are told."""

    def edit(scores):
        at = scores.index[(scores["case"] == "a") & (scores["metric"] == "dice") & scores["value"].notna()][0]
        scores.loc[at, "value"] = 0.99

    moved = verify(changed(kept, edit), blobs, execution=HERE)
    assert moved["what"].tolist() == ["scores_digest", "value"]
    row = moved.iloc[1]
    assert (row["case"], row["label"], row["metric"], row["expected"]) == ("a", "hemorrhage", "dice", 0.99)
    assert row["found"] != 0.99


def test_a_prediction_that_was_changed_moves_its_case(blobs, kept):
    """The digest of all predictions and the scores of that case are told, and no other case."""
    path = RunFolder(kept.folder).prediction("b")
    volume = blobs["b"].image()
    write_volume(volume.with_array((volume.array > 50).astype(np.uint8)[:, ::-1]), path)
    moved = verify(kept, blobs, execution=HERE)
    assert set(moved["what"]) == {"predictions_digest", "value"}
    assert set(moved.loc[moved["what"] == "value", "case"]) == {"b"}


def test_a_reader_who_was_changed_moves_references_and_scores(blobs, kept):
    """Data that is no longer what was scored is told apart from the numbers that follow from it."""
    volume = blobs["a"].reader("r1")
    write_volume(volume.with_array(np.roll(volume.array, 1, axis=2)), blobs["a"].reader_path("r1"))
    moved = verify(kept, blobs, execution=HERE)
    assert {"dataset_fingerprint", "consensus_digest", "value"} <= set(moved["what"])
    assert set(moved["case"]) == {"", "a"}


def test_a_new_version_of_a_metric_is_told(blobs, kept, monkeypatch):
    """Values of two versions do not compare."""
    manifest = kept.manifest.model_copy(update={"metrics": {"dice": 0, "hd95": 1}})
    RunFolder(kept.folder).manifest.write_text(manifest.to_json())
    moved = verify(open_run(kept.folder), blobs, execution=HERE)
    assert moved[["what", "metric", "expected", "found"]].to_numpy().tolist() == [["metric", "dice", 0, 1]]


def test_a_case_that_is_no_more_is_an_error(blobs, kept):
    """A run cannot be scored again on other cases."""
    manifest = kept.manifest.model_copy(update={"cases": (*kept.manifest.cases, "z")})
    RunFolder(kept.folder).manifest.write_text(manifest.to_json())
    with pytest.raises(DatasetError, match="has no case 'z'"):
        verify(open_run(kept.folder), blobs, execution=HERE)


def test_predicting_again_sees_a_model_that_changed(blobs, tmp_path, monkeypatch):
    """`repredict` runs the predictor that is named; a model that answers otherwise moves predictions and scores."""
    model = tmp_path / "home" / "verified_model.py"
    model.parent.mkdir()
    code = (
        "import numpy as np\nfrom ctbench.labels import LabelSet\n"
        "from ctbench.predictors import Prediction, PredictorInfo\n\n\nclass Bright:\n"
        "    info = PredictorInfo(name='bright', version='1', labels=LabelSet({'hemorrhage': 1}))\n\n"
        "    def predict(self, image):\n        return Prediction((image.array > 50).astype(np.uint8))\n"
    )
    model.write_text(code)
    monkeypatch.chdir(model.parent)
    arguments = {"isolation": Isolation(trust=True)}
    kept = run(blobs, "verified_model:Bright", tmp_path / "run", metrics=["dice"], jobs=1, **arguments)
    assert verify(kept, blobs, repredict="verified_model:Bright", execution=HERE, **arguments).empty
    model.write_text(code.replace("image.array > 50)", "image.array > 50)[:, ::-1]"))
    again = verify(kept, blobs, repredict="verified_model:Bright", **arguments, execution=Execution(jobs=2))
    assert set(again["what"]) == {"prediction", "value", "predictor.code_digest"}
    assert set(again.loc[again["what"] == "prediction", "case"]) == set("abcd")


def test_a_run_of_schema_version_1_can_be_verified(blobs, kept):
    """What it did not keep is not missed."""
    content = json.loads(RunFolder(kept.folder).manifest.read_text())
    for name in ("scores_digest", "predictions_digest", "consensus_digest", "git", "device", "seeds", "shard"):
        del content[name]
    del content["predictor"]["code_digest"]
    RunFolder(kept.folder).manifest.write_text(json.dumps(content | {"schema_version": 1}))
    assert verify(open_run(kept.folder), blobs, execution=HERE).empty


def test_nothing_moved_is_an_empty_table_with_its_columns(blobs, kept):
    """Programs find the same columns always."""
    assert tuple(verify(kept, blobs, execution=HERE).columns) == MOVED_COLUMNS
    assert isinstance(kept.scores, pd.DataFrame)
