import inspect
from dataclasses import replace

import pytest

from ctbench import phantom
from ctbench.predictors import check_conformance, conformance, load_predictor
from ctbench.predictors.conformance import tiny_head
from reference_models import demo_weights, find_model, models
from reference_models.deepbleed.predictor import DeepBleedPredictor
from reference_models.inference.weightsfile import Weights
from reference_models.inference.weightsfile import demo_weights as path_of
from reference_models.layers import count_parameters
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
def small_field(monkeypatch):
    """Let the V-Nets that see cubes go over the inner 96 mm of the head: up to 27 overlapping cubes, not 343."""
    monkeypatch.setattr(space, "EXTENT_MM", 96.0)


@pytest.fixture
def small_heads(monkeypatch):
    """Check the contract on heads 0.4 times as large as an adult's."""

    def small(shape=(8, 48, 40), spacing_mm=(18.0, 4.5, 4.5), direction=None):
        return tiny_head(shape, tuple(0.4 * step for step in spacing_mm), direction)

    monkeypatch.setattr(conformance, "tiny_head", small)


@pytest.fixture
def quick(request):
    """A function that makes a predictor quick enough for a dozen questions; ``ctbench demo`` has them at full size."""

    def make(model, predictor, read):
        if model.startswith("deepbleed-") and model != "deepbleed-512":
            request.getfixturevalue("small_field")
        if model == "deepbleed-128":  # the whole of a field of half the side
            return DeepBleedPredictor(replace(read, configuration={**read.configuration, "edge": 64}), device="cpu")
        if model == "deepnat":
            request.getfixturevalue("small_heads")
        return predictor

    return make


@pytest.mark.usefixtures("shared_preprocessing")
@pytest.mark.parametrize(("model", "weights"), [(name, name) for name in TRAINED], indirect=["weights"])
def test_the_demo_weights_are_small_and_say_what_they_are_for(model, weights, quick):
    """Under 2 MB, learnt from heads that no phantom dataset holds, for phantoms only: name, size and card say so."""
    assert weights.stat().st_size < 2e6
    read = Weights.load(weights, model)
    assert (read.phantoms_only, read.trained_on) == (True, (f"{TRAINED[model].phantom}-training",))
    predictor = load_predictor(f"{model}-demo", {"device": "cpu"})
    info = predictor.info
    assert info.parameters["precision"] == "float32"
    assert (info.name, info.phantoms_only) == (f"{model}-demo", True)
    assert info.paper_size == count_parameters(find_model(model).network()) > info.size > 1000
    assert f"{info.size:,} trainable parameters; the paper's network has {info.paper_size:,}" in info.provenance
    assert [result for result in check_conformance(quick(model, predictor, read)) if not result.passed] == []


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
