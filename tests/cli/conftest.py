"""The command line in this process, as a person meets it."""

import json
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from ctbench.files import sha256, write_text
from ctbench.labels import LabelSet
from ctbench.predictors import Finding, Prediction, PredictorInfo, installed, resolve, trainers

USERS_MODEL = """
import numpy as np
import ctbench


class Model:
    def __init__(self, path=None, threshold=50):
        self.path, self.threshold = path, threshold
        self.info = ctbench.PredictorInfo(name="mine", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        if self.path:
            open(self.path).read()
        return ctbench.Prediction((image.array > self.threshold).astype(np.uint8))


class WrongShape(Model):
    def predict(self, image):
        return ctbench.Prediction(np.zeros((2, 2, 2), int))


class NotANumber(Model):
    def predict(self, image):
        return ctbench.Prediction(np.full(image.shape, np.nan))


class UnknownLabel(Model):
    def predict(self, image):
        return ctbench.Prediction(np.full(image.shape, 7))


class Raises(Model):
    def predict(self, image):
        raise RuntimeError("CUDA went away")
"""


@pytest.fixture
def work(ctbench, tmp_path):
    """The working folder, with a user's module of predictors, `users_model`."""
    (tmp_path / "work" / "users_model.py").write_text(USERS_MODEL)
    return tmp_path / "work"


@pytest.fixture(scope="session")
def first_made(tmp_path_factory):
    """Where `made` keeps its first run and the caches that it left; later tests of this process have copies."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def made(ctbench, blobs_folder, work, own_cache, first_made):
    """A whole run of a predictor in the working folder, and the options that name its dataset."""
    dataset = ("-d", blobs_folder / "blobs.yaml")
    if (first_made / "run").is_dir():
        shutil.copytree(first_made / "run", work / "run")
        shutil.copytree(first_made / "cache", own_cache)
    else:
        quick = ("--metric", "dice", "--metric", "hd95", "-j", 1, "--trust")
        result = ctbench("run", "users_model:Model", *dataset, "--split", "all", "--out", "run", *quick)
        assert result.exit_code == 0, result.err
        shutil.copytree(own_cache, first_made / "cache")
        shutil.copytree(work / "run", first_made / "run")
    return work / "run", (*dataset, "-j", 1)


class Bright:
    """A predictor that calls every voxel above its threshold iph; its weights file holds the threshold."""

    def __init__(self, weights=None, device=None, more=0):
        threshold = json.loads(Path(weights).read_text()) if weights else 60
        self.threshold = threshold + more
        self.info = PredictorInfo(
            name="bright",
            version="1",
            labels=LabelSet({"iph": 1, "ivh": 2}),
            weights_digest=sha256(weights) if weights else "",
            parameters={"more": more},
        )

    def predict(self, image):
        """Segment by brightness; one box."""
        box = Finding(0, (0.0, 1.0, 2.0, 3.0), "iph", 0.75)
        return Prediction((image.array > self.threshold).astype(np.uint8), score=0.5, findings=(box,))


def import_bright(source, out, labels=None):
    """Write the name of the source and the labels."""
    write_text(out, json.dumps({"from": source.name, "labels": labels}))


@pytest.fixture
def bright_plugin(monkeypatch):
    """Install the model `bright` as predictor, trainer and import of weights; return the calls of its trainer."""
    calls = []

    def train_bright(dataset, training, validation, out, **settings):
        calls.append({"learn": [case.id for case in training], "choose": [case.id for case in validation], **settings})
        write_text(out / "weights.safetensors", "50")
        return out / "weights.safetensors"

    loaded = {trainers.TRAINERS: train_bright, trainers.IMPORTERS: import_bright, resolve.GROUP: Bright}

    class Here(EntryPoint):
        def load(self):
            """Return the object of this file, which has no importable name under pytest."""
            return loaded[self.group]

    def entry_points(group):
        return [Here("bright", "bright", group)]

    monkeypatch.setattr(installed, "entry_points", entry_points)
    return calls
