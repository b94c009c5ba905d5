import inspect
import logging

import pytest

from ctbench import phantom
from ctbench.predictors import check_conformance, load_predictor
from reference_models import demo_weights, models
from reference_models.inference.weightsfile import Weights
from reference_models.inference.weightsfile import demo_weights as path_of
from reference_models.scans import space

TRAINED = {name: model.demo_training for name, model in models().items() if model.demo_training}


@pytest.fixture
def weights(request):
    """The path of a model's demo weights."""
    path = path_of(request.param)
    if not path.is_file():
        pytest.skip(f"this checkout has no demo weights of {request.param}")
    return path


@pytest.fixture
def small_field(request, monkeypatch):
    """Let the V-Nets that see cubes go over the inner 96 mm of the head: up to 27 overlapping cubes, not 343.

    ``deepbleed-128`` keeps its whole field here, narrow networks go over the whole field in cubes in their own tests.
    """
    if request.getfixturevalue("model") in {"deepbleed-64", "deepbleed-32"}:
        monkeypatch.setattr(space, "EXTENT_MM", 96.0)


@pytest.mark.usefixtures("shared_preprocessing", "small_field")
@pytest.mark.parametrize(("model", "weights"), [(name, name) for name in TRAINED], indirect=["weights"])
def test_the_demo_weights_are_small_and_say_what_they_are_for(model, weights, caplog):
    """Under 2 MB, learnt from heads that no phantom dataset holds, for phantoms only: the log says so once loaded."""
    assert weights.stat().st_size < 2e6
    read = Weights.load(weights, model)
    assert (read.phantoms_only, read.trained_on) == (True, (f"{TRAINED[model].phantom}-training",))
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        predictor = load_predictor(model, {"device": "cpu"})
    assert "phantoms only" in caplog.text
    assert [result for result in check_conformance(predictor) if not result.passed] == []


def test_everything_that_the_package_comes_with_can_be_made():
    """Each file in the folder of weights has a step of its name, and each step but the template's its file."""
    files = {path.name.partition(".")[0] for path in path_of("atlas").parent.iterdir()}
    assert files == demo_weights.demo_steps().keys()


def test_a_step_trains_its_own_model_after_its_coarse_start(heads, tmp_path, monkeypatch):
    """deepbleed-32 goes on from the coarse deepbleed-64; the options of the command reach both trainings."""
    calls = []

    def train(model, dataset, training, validation, out, **settings):
        calls.append((model.name, out.name, settings["options"], settings.get("start_from")))
        out.mkdir(parents=True)
        (out / "weights.safetensors").write_bytes(model.name.encode())
        return out / "weights.safetensors"

    monkeypatch.setattr("reference_models.training.run.train", train)
    monkeypatch.setattr(demo_weights, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(demo_weights, "training_heads", lambda _: heads)
    monkeypatch.setattr(demo_weights, "demo_weights", lambda name: tmp_path / f"{name}.safetensors")
    path = demo_weights.demo_steps()["deepbleed-32"]({"epochs": 2})
    coarse = {"edge": 48, "spacing_mm": 2.0, "batch_size": 4, "epochs": 2, "learning_rate": 3e-3}
    start = tmp_path / "demo-weights" / "deepbleed-coarse" / "weights.safetensors"
    assert calls == [
        ("deepbleed-64", "deepbleed-coarse", coarse, None),
        ("deepbleed-32", "deepbleed-32", {"epochs": 2}, start),
    ]
    assert path.read_bytes() == b"deepbleed-32"


@pytest.mark.parametrize("name", ["anatomy", "hemorrhage"])
def test_the_heads_that_are_learnt_from_are_not_those_of_the_phantom(name, monkeypatch):
    """They come from another seed, are made once, and have another name, so that no overlap is claimed or hidden."""
    made = getattr(phantom, f"build_{name}")
    calls = []

    def build(folder, **wanted):
        calls.append(wanted)
        made(folder, train=1, validation=1, test=0, shape=(8, 32, 32), seed=wanted["seed"], jobs=1)

    monkeypatch.setattr(demo_weights, f"build_{name}", build)
    first, second = (demo_weights.training_heads(f"phantom-{name}") for _ in range(2))
    (wanted,) = calls
    assert wanted["seed"] != inspect.signature(made).parameters["seed"].default
    assert wanted["train"] > inspect.signature(made).parameters["train"].default
    assert first.name == second.name == f"phantom-{name}-training"
    assert {case.split for case in first} == {"train", "validation"}
