import inspect
import logging

import pytest

from ctbench import phantom
from ctbench.predictors import check_conformance, load_predictor
from reference_models import demo_weights
from reference_models.inference.weightsfile import Weights
from reference_models.inference.weightsfile import demo_weights as path_of


@pytest.fixture
def weights(request):
    """The path of a model's demo weights."""
    path = path_of(request.param)
    if not path.is_file():
        pytest.skip(f"this checkout has no demo weights of {request.param}")
    return path


@pytest.mark.parametrize(("model", "weights"), [(name, name) for name in demo_weights.NETWORKS], indirect=["weights"])
def test_the_demo_weights_are_small_and_say_what_they_are_for(model, weights, caplog):
    """Under 2 MB, learnt from heads that no phantom dataset holds, for phantoms only: the log says so once loaded."""
    assert weights.stat().st_size < 2e6
    read = Weights.load(weights, model)
    assert (read.phantoms_only, read.trained_on) == (True, (f"{demo_weights.NETWORKS[model]}-training",))
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        predictor = load_predictor(model, {"device": "cpu"})
    assert "phantoms only" in caplog.text
    assert [result for result in check_conformance(predictor) if not result.passed] == []


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
