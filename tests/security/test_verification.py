"""`verify` believes nothing of a run that the dataset and the predictions do not confirm."""

import json

import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.files import sha256
from ctbench.labels import LabelSet
from ctbench.predictors import Isolation
from ctbench.runs import READERS, Execution, open_run, run, verify
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import write_frame

HERE = Execution(jobs=1)

SCHEMED = """
import numpy as np
import ctbench


class Bright:
    def __init__(self, more=0):
        self.more = more
        self.info = ctbench.PredictorInfo(name="bright", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        return ctbench.Prediction((image.array > 50 + self.more).astype(np.uint8))
"""


@pytest.fixture
def kept(finished_run, bright, nowhere):
    """A whole run of a model."""
    return finished_run(bright, "dice", "hd95")


def forged(kept, change=lambda content: None, scores=None):
    """The run with another manifest, and other scores with the digest that they have."""
    paths = RunFolder(kept.folder)
    content = json.loads(paths.manifest.read_text())
    if scores is not None:
        write_frame(scores, paths.scores)
        counts = scores["status"].value_counts()
        content |= {"scores_digest": sha256(paths.scores), "counts": {name: int(n) for name, n in counts.items()}}
    change(content)
    paths.manifest.write_text(json.dumps(content))
    return open_run(kept.folder)


LIES = {
    "unsupported": lambda content: content.update(unsupported=[]),
    "rater_kind": lambda content: content.update(rater_kind="reader"),
    "rater": lambda content: content.update(rater="best"),
    "labels": lambda content: content.update(labels={"iph": 1, "ivh": 3}),
    "groups": lambda content: content.update(groups={"hemorrhage": ["iph"]}),
    "surface": lambda content: content.update(surface="2d"),
    "tolerance_mm": lambda content: content.update(tolerance_mm=30.0),
    "split": lambda content: content.update(split="test"),
    "no such split": lambda content: content.update(split="best"),
    "cases": lambda content: content.update(cases=["a", "b"]),
    "the same case again": lambda content: content.update(cases=["a", "a", "b", "c", "d"]),
    "shard": lambda content: content.update(shard="1/2"),
    "seeds": lambda content: content.update(seeds={"seed": 7}),
    "counts": lambda content: content.update(counts={"ok": 1}),
    "no digest of scores": lambda content: content.update(scores_digest=""),
    "no digest of predictions": lambda content: content.update(predictions_digest=""),
    "no digest of references": lambda content: content.update(consensus_digest=""),
    "dataset_fingerprint": lambda content: content.update(dataset_fingerprint=""),
    "code digest": lambda content: content["predictor"].update(code_digest="none"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_manifest_states_must_follow_from_the_dataset(blobs, kept, lie):
    """Each field that the dataset or the scores determine is computed, not believed."""
    assert verify(kept, blobs, execution=HERE).empty
    assert not verify(forged(kept, LIES[lie]), blobs, execution=HERE).empty


def test_the_name_of_a_dataset_is_that_of_the_owner(blobs, kept):
    """Rows and manifest of another dataset's name are told."""
    other = kept.scores.assign(dataset="other")
    moved = verify(forged(kept, lambda content: content.update(dataset="other"), other), blobs, execution=HERE)
    assert set(moved["what"]) == {"dataset"}


@pytest.mark.parametrize("name", ["r1", READERS])
def test_a_model_with_the_name_of_a_reader_is_told(blobs, bright, tmp_path, nowhere, name):
    """It would displace the human reader, or all of them, in every table."""
    bright.info = type(bright.info)(name=name, version="1", labels=LabelSet({"hemorrhage": 1}))
    made = run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1)
    moved = verify(made, blobs, execution=HERE)
    assert moved[["what", "found"]].to_numpy().tolist() == [["rater", "the name of a reader of blobs"]]


def test_a_model_cannot_be_a_run_of_readers(blobs, tmp_path, nowhere):
    """A run of readers whose rows have other names is told row by row."""
    readers = run(blobs, READERS, tmp_path / "readers", metrics=["dice"], jobs=1)
    renamed = readers.scores.assign(rater=readers.scores["rater"].replace("r1", "best"))
    moved = verify(forged(readers, scores=renamed), blobs, execution=HERE)
    assert set(moved["what"]) == {"row"}
    assert {"best", "r1"} == set(moved["rater"])


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: pd.concat([rows, *[rows[rows["case"] == "a"]] * 50], ignore_index=True),
        lambda rows: rows.assign(unit="mL"),
        lambda rows: rows.assign(rater_kind="reader"),
        lambda rows: rows.assign(rater="r1"),
        lambda rows: rows.assign(detail="state of the art"),
        lambda rows: rows.assign(note="state of the art"),
        lambda rows: rows[rows["label"] == "hemorrhage"],
        lambda rows: rows.iloc[:0],
        lambda rows: rows.assign(value=rows["value"].where(rows["case"] != "a", float("inf"))),
    ],
    ids=["copies", "unit", "kind", "rater", "detail", "column", "rows too few", "no rows", "infinite"],
)
def test_whole_rows_are_compared(blobs, kept, change):
    """Fifty copies of the best case, or another text in any column, are told, though every digest is right."""
    moved = verify(forged(kept, scores=change(kept.scores)), blobs, execution=HERE)
    assert not moved.empty
    assert "scores_digest" not in set(moved["what"])


def test_a_case_that_is_said_to_have_failed_has_no_prediction(blobs, kept):
    """A run cannot hide a bad prediction behind a failure and keep it."""
    lost = kept.scores["case"] == "a"
    scores = kept.scores.assign(status=kept.scores["status"].where(~lost, "failed"))
    moved = verify(forged(kept, scores=scores), blobs, execution=HERE)
    assert ("prediction", "a") in set(moved[["what", "case"]].itertuples(index=False, name=None))


@pytest.fixture
def stated(blobs, tmp_path, nowhere):
    """A run of a module's predictor, and how it is trusted."""
    (tmp_path / "nowhere" / "users_model_stated.py").write_text(SCHEMED)
    trusted = {"isolation": Isolation(trust=True)}
    made = run(blobs, "users_model_stated:Bright", tmp_path / "run", metrics=["dice"], jobs=1, **trusted)
    return made, trusted


def test_the_run_does_not_name_the_predictor_to_run_again(blobs, stated, tmp_path):
    """The spec and the options of ``run.json`` are never used: the caller names the predictor."""
    made, trusted = stated
    mark = tmp_path / "mark"
    spec = f"command:touch {mark} {{image}} {{output}}"
    lie = forged(made, lambda content: content["predictor"].update(spec=spec, options={"labels": {"hemorrhage": 1}}))
    moved = verify(lie, blobs, repredict="users_model_stated:Bright", execution=HERE, **trusted)
    assert moved["what"].tolist() == ["predictor.options"]
    assert not mark.exists()


def test_the_card_must_be_that_of_the_predictor(blobs, stated):
    """Version, digest of the code, options: whatever the predictor says of itself otherwise is told."""
    made, trusted = stated
    lie = forged(made, lambda content: content["predictor"].update(code_digest="0" * 64, version="2"))
    named = {"repredict": "users_model_stated:Bright", "execution": HERE, **trusted}
    assert set(verify(lie, blobs, **named)["what"]) == {"predictor.code_digest", "predictor.version"}
    assert "predictor.options" in set(verify(lie, blobs, options={"more": 5}, **named)["what"])


def test_a_run_of_readers_has_no_predictor_to_run_again(blobs, tmp_path, nowhere):
    """One sentence, before anything runs."""
    readers = run(blobs, READERS, tmp_path / "readers", metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="is a run of readers"):
        verify(readers, blobs, repredict="threshold", execution=HERE)
