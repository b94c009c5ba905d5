import dataclasses
import json
from types import MappingProxyType

import pytest

from ctbench.files import cache_folder
from ctbench.metrics import METRICS
from ctbench.predictors import Isolation
from ctbench.runs import phases, planning, run, scoring
from ctbench.runs.cache import PredictionCache, ScoreCache
from ctbench.scores import VALUE_COLUMNS
from ctbench.volume import write_volume

MODEL = """
import numpy as np
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo

THRESHOLD = 50


class Bright:
    def __init__(self, device="cpu", smoothing=0):
        self.info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        return Prediction((image.array > THRESHOLD).astype(np.uint8), score=0.9)


class Fails(Bright):
    def predict(self, image):
        raise RuntimeError("not today")
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The file of a module in the working folder."""
    path = tmp_path / "home" / "users_model_cached.py"
    path.parent.mkdir()
    path.write_text(MODEL)
    monkeypatch.chdir(path.parent)
    return path


@pytest.fixture
def counted(monkeypatch):
    """How often something was predicted, and against how many references something was scored."""
    calls = {"predict": 0, "score": 0}
    predict_case, rows_by_reference = phases.predict_case, scoring.rows_by_reference

    def predict(*arguments, **named):
        calls["predict"] += 1
        return predict_case(*arguments, **named)

    def score(references, *arguments, **named):
        calls["score"] += len(references)
        return rows_by_reference(references, *arguments, **named)

    monkeypatch.setattr(phases, "predict_case", predict)
    monkeypatch.setattr(scoring, "rows_by_reference", score)
    return calls


def quick(blobs, folder, name="Bright", **changes):
    """Run a predictor of the module in this process, and give the bytes of its results."""
    arguments = {"metrics": ["dice", "hd95"], "jobs": 1, "isolation": Isolation(trust=True)} | changes
    result = run(blobs, f"users_model_cached:{name}", folder, **arguments)
    names = ["scores.parquet", *sorted(f"predictions/{path.name}" for path in (folder / "predictions").glob("*"))]
    return result, {name: (folder / name).read_bytes() for name in names}


def test_what_is_known_is_neither_predicted_nor_scored_again(blobs, model, counted, tmp_path):
    """A second run into another folder computes nothing and has the same bytes; its times are those of the first."""
    first, expected = quick(blobs, tmp_path / "first")
    assert counted == {"predict": 4, "score": 16}
    second, found = quick(blobs, tmp_path / "second")
    assert counted == {"predict": 4, "score": 16}
    assert found == expected
    assert (tmp_path / "first" / "run.json").read_bytes() == (tmp_path / "second" / "run.json").read_bytes()
    predicted = [one.times[one.times["phase"] == "predict"] for one in (first, second)]
    assert predicted[0]["seconds"].tolist() == predicted[1]["seconds"].tolist()
    assert predicted[1]["cached"].all()
    assert not predicted[0]["cached"].any()


def test_without_caches_everything_is_computed(blobs, model, counted, tmp_path):
    """`cached=False` neither reads nor writes them."""
    quick(blobs, tmp_path / "first", cached=False)
    quick(blobs, tmp_path / "second", cached=False)
    assert counted == {"predict": 8, "score": 32}
    assert not cache_folder().exists()


def test_a_new_version_of_a_metric_rescores_without_predicting(blobs, model, counted, tmp_path, monkeypatch):
    """The version of every metric is a part of the key of scores, and of no prediction's."""
    quick(blobs, tmp_path / "first")
    newer = MappingProxyType({**METRICS, "dice": dataclasses.replace(METRICS["dice"], version=99)})
    monkeypatch.setattr(scoring, "METRICS", newer)
    monkeypatch.setattr(planning, "METRICS", newer)
    result, _ = quick(blobs, tmp_path / "second")
    assert counted == {"predict": 4, "score": 32}
    assert result.manifest.metrics == {"dice": 99, "hd95": 1}


def test_a_changed_reader_rescores_one_case_without_predicting(blobs, model, counted, tmp_path):
    """The references that this reader had a part in are new; the one without them is not."""
    quick(blobs, tmp_path / "first")
    volume = blobs["a"].reader("r1")
    write_volume(volume.with_array(volume.array * 0), blobs["a"].reader_path("r1"))
    quick(blobs, tmp_path / "second")
    assert counted == {"predict": 4, "score": 16 + 3}


def test_a_changed_image_is_predicted_again(blobs, model, counted, tmp_path):
    """The key has the voxels that the predictor sees, and the same label map is scored only once."""
    quick(blobs, tmp_path / "first")
    volume = blobs["a"].image()
    write_volume(volume.with_array(volume.array + 1), blobs["a"].image_path)
    quick(blobs, tmp_path / "second")
    assert counted == {"predict": 5, "score": 16}


def test_changed_code_of_the_same_version_is_another_predictor(blobs, model, counted, tmp_path):
    """An author who forgot to raise `version` gets no old predictions."""
    quick(blobs, tmp_path / "first")
    model.write_text(MODEL.replace("THRESHOLD = 50", "THRESHOLD = 51"))
    quick(blobs, tmp_path / "second")
    assert counted["predict"] == 8


def test_options_are_in_the_key_and_the_device_is_not(blobs, model, counted, tmp_path):
    """Where a predictor runs is no part of what it predicts."""
    quick(blobs, tmp_path / "first", options={"device": "cpu"})
    quick(blobs, tmp_path / "second", options={"device": "cuda:7"})
    assert counted["predict"] == 4
    quick(blobs, tmp_path / "third", options={"smoothing": 1})
    assert counted["predict"] == 8


def test_failures_are_not_cached(blobs, model, counted, tmp_path):
    """A case that failed is tried again by every run."""
    quick(blobs, tmp_path / "first", "Fails")
    quick(blobs, tmp_path / "second", "Fails")
    assert counted == {"predict": 8, "score": 0}


def test_a_predictor_made_in_python_is_not_cached(blobs, bright, counted, tmp_path):
    """Nothing tells what an object holds."""
    for name in ("first", "second"):
        run(blobs, bright, tmp_path / name, metrics=["dice"], jobs=1)
    assert counted["predict"] == 8


def test_a_damaged_entry_is_no_entry(tmp_path):
    """What a cache gives is what was put into it, or nothing."""
    cache, made, wanted = PredictionCache("me", tmp_path / "cache"), tmp_path / "made", tmp_path / "wanted"
    made.write_text("voxels")
    cache.keep("k" * 64, {"labels.nii.gz": made, "findings.json": tmp_path / "absent"}, 1.5)
    files = {"findings.json": tmp_path / "other", "labels.nii.gz": wanted}
    assert cache.fetch("k" * 64, files) == 1.5
    assert wanted.read_text() == "voxels"
    assert not (tmp_path / "other").exists()
    entry = tmp_path / "cache" / "kk" / ("k" * 64)
    (entry / "labels.nii.gz").write_text("vox")
    assert cache.fetch("k" * 64, files) is None
    for content in ("", "[]", '{"files": ["labels.nii.gz"], "seconds": 1}', '{"files": {"entry.json": ""}}'):
        (entry / "entry.json").write_text(content)
        assert cache.fetch("k" * 64, files) is None


@pytest.mark.parametrize("content", ["", "[]", '{"value"', '{"value": [0.1]}', "[" * 100_000])
def test_damaged_scores_are_no_scores(tmp_path, content):
    """Half a file is worked out anew."""
    cache, columns = ScoreCache(tmp_path), {name: ["x", "y"] for name in VALUE_COLUMNS} | {"value": [0.1, None]}
    cache.keep("k" * 64, columns)
    assert cache.fetch("k" * 64) == columns
    (tmp_path / "kk" / f"{'k' * 64}.scores").write_text(content)
    assert cache.fetch("k" * 64) is None


def test_a_cache_that_cannot_be_written_stops_no_run(blobs, model, tmp_path, monkeypatch, caplog):
    """It is said, once for each thing that was not kept."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "file"))
    result, _ = quick(blobs, tmp_path / "run")
    assert result.manifest.counts
    assert "was not cached" in caplog.text


def test_the_manifest_tells_what_the_results_came_from(blobs, model, tmp_path):
    """Code, references, scores and predictions have digests; options that are seeds are seeds."""
    result, _ = quick(blobs, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    for name in ("dataset_fingerprint", "consensus_digest", "scores_digest", "predictions_digest"):
        assert len(content[name]) == 64
    assert len(content["predictor"]["code_digest"]) == 64
    assert content["device"] == "default"
    assert sum(content["counts"].values()) == len(result.scores)
