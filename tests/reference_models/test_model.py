"""The record of a model: a folder with one is all that a new model takes."""

import json
import sys

import pytest
import torch

import reference_models
from ctbench.errors import MissingFileError, UsageError
from reference_models import demo_weights, find_model, models, network
from reference_models.inference.weightsfile import Weights

RECORD = """
from reference_models.model import DemoTraining, Model

TOY = Model(
    name="toy",
    predictors={"toy": "reference_models.toy.predictor:toy"},
    network_class="reference_models.toy.network:Toy",
    network_options={"classes": 2},
    training_setup="reference_models.toy.training:toy_setup",
    presets=("paper", "demo", "tiny"),
    same_network=("toy-2",),
    demo_training=DemoTraining("phantom-hemorrhage"),
)
MODELS = (TOY,)
"""

NETWORK = """
import torch


class Toy(torch.nn.Conv2d):
    def __init__(self, classes, width=3):
        super().__init__(1, classes, width, padding=width // 2)
"""

TRAINING = """
from dataclasses import asdict, dataclass, field

import numpy as np
from ctbench.labels import LabelSet
from reference_models.toy import TOY
from reference_models.training.engine import Schedule
from reference_models.training.examples import Example, stack
from reference_models.training.losses import dice_loss
from reference_models.training.presets import changed
from reference_models.training.setup import Setup, prepare


@dataclass(frozen=True)
class Configuration:
    width: int = 3

    def network(self):
        return TOY.network(width=self.width)


@dataclass(frozen=True)
class Plan:
    configuration: Configuration
    schedule: Schedule


PRESETS = {
    "paper": Plan(Configuration(7), Schedule(learning_rate=0.01, epochs=500)),
    "demo": Plan(Configuration(3), Schedule(learning_rate=0.1, epochs=3)),
    "tiny": Plan(Configuration(1), Schedule(learning_rate=0.1, epochs=1)),
}


@dataclass
class Recipe:
    plan: Plan
    training: list
    validation: list

    def network(self):
        return self.plan.configuration.network()

    def batches(self, rng):
        yield stack(self.training)

    def validation_batches(self):
        yield stack(self.validation)

    def loss(self, logits, batch):
        return dice_loss(logits, batch.target, batch.counted)

    def is_done(self, curves):
        return False


def examples(case, reference):
    image = case.image().array.astype(np.float32) / 100
    blood = (reference.labels > 0).astype(np.uint8)
    return [Example(image[z], blood[z], ~reference.uncounted[z]) for z in range(len(image))]


def toy_setup(name, dataset, preset, options, seed):
    plan = changed(PRESETS[preset], options)

    def recipe(training, validation):
        return Recipe(plan, prepare(training, examples), prepare(validation, examples))

    return Setup(plan, LabelSet({"blood": 1}), recipe)
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A folder of a new model beside those of the package, and nothing else."""
    folder = tmp_path / "more" / "toy"
    folder.mkdir(parents=True)
    for name, text in (("__init__", RECORD), ("network", NETWORK), ("training", TRAINING)):
        (folder / f"{name}.py").write_text(text)
    known = set(sys.modules)
    monkeypatch.setattr(reference_models, "__path__", [*reference_models.__path__, str(folder.parent)])
    yield find_model("toy")
    modules = sys.modules
    for name in set(modules) - known:
        if name.startswith("reference_models.toy"):
            del modules[name]
    del reference_models.toy


def test_one_record_makes_a_model_known(toy):
    """It is listed, its network is made with what the record fixes, and its demo weights are one of the steps."""
    assert models()["toy"] is toy
    made = network("toy", width=5)
    assert (type(made).__name__, made.weight.shape) == ("Toy", (2, 1, 5, 5))
    assert "toy" in demo_weights.demo_steps()


def test_one_record_makes_a_trainer_with_its_presets(toy, heads, tmp_path):
    """The training of each preset leaves weights and a card of that model; the presets are those of the record."""
    cases = heads.split("train").cases, heads.split("validation").cases
    for preset, epochs, width in (("demo", 3, 3), ("tiny", 1, 1)):
        path = toy.train(heads, *cases, tmp_path / preset, preset=preset, device="cpu")
        card = json.loads((tmp_path / preset / "card.json").read_text())
        assert (card["model"], card["preset"], len(card["curves"]["loss"])) == ("toy", preset, epochs)
        weights = Weights.load(path, "toy")
        assert (weights.configuration, dict(weights.labels)) == ({"width": width}, {"blood": 1})
    with pytest.raises(UsageError, match="toy has no preset 'huge'; expected one of paper, demo, tiny"):
        toy.train(heads, *cases, tmp_path / "huge", preset="huge", device="cpu")


def test_weights_of_the_same_network_are_taken_to_start_from(toy, heads, tmp_path):
    """Those of a model that the record names are; those of any other model are refused."""
    cases = heads.split("train").cases, heads.split("validation").cases
    first = Weights.load(toy.train(heads, *cases, tmp_path / "a", preset="demo", device="cpu"), "toy")
    still = {"preset": "demo", "device": "cpu", "options": {"learning_rate": 0.0, "epochs": 1}}
    for name in ("toy-2", "toy-3"):
        weights = Weights(name, first.configuration, first.labels, first.tensors)
        weights.save(tmp_path / f"{name}.safetensors")
    path = toy.train(heads, *cases, tmp_path / "b", start_from=tmp_path / "toy-2.safetensors", **still)
    after = torch.from_numpy(Weights.load(path, "toy").tensors["weight"])
    torch.testing.assert_close(after, torch.from_numpy(first.tensors["weight"]))
    with pytest.raises(UsageError, match="holds weights of toy-3"):
        toy.train(heads, *cases, tmp_path / "c", start_from=tmp_path / "toy-3.safetensors", **still)


def test_a_part_that_a_model_does_not_have_is_named(heads, tmp_path):
    """A baseline has no network and no training; of some networks the authors published no weights."""
    cases = heads.split("train").cases, heads.split("validation").cases
    with pytest.raises(ValueError, match="atlas has no network class"):
        find_model("atlas").network()
    with pytest.raises(ValueError, match="threshold has no training setup"):
        find_model("threshold").train(heads, *cases, tmp_path / "out", device="cpu")
    (tmp_path / "weights.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="deepnat has no weights conversion"):
        find_model("deepnat").import_weights(tmp_path / "weights.npz", tmp_path / "out")
    with pytest.raises(MissingFileError, match="there is no file"):
        find_model("cai-unet").import_weights(tmp_path / "absent", tmp_path / "out")
