import logging
from dataclasses import asdict

import numpy as np
import pytest
import torch

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume, write_volume
from reference_models.deepbleed.predictor import DeepBleedConfiguration, DeepBleedPredictor, deepbleed_128
from reference_models.inference.weightsfile import Weights
from reference_models.scans.space import read_template, template_digest

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

NETWORKS = [("deepbleed-512", 64, None), ("deepbleed-128", 16, 12.0), ("deepbleed-64", 16, 6.0)]


@pytest.mark.slow  # a registration for each of seven heads
@pytest.mark.parametrize(("model", "edge", "spacing_mm"), NETWORKS)
def test_the_contract_is_kept(deepbleed_weights, model, edge, spacing_mm):
    """In slices, with the whole head at once, and in tiles."""
    predictor = DeepBleedPredictor(deepbleed_weights(model, edge, spacing_mm), device="cpu")
    assert [result for result in check_conformance(predictor) if not result.passed] == []


@pytest.mark.parametrize(
    ("model", "edge", "spacing_mm", "field_mm"),
    [("deepbleed-128", 128, 1.5, 192), ("deepbleed-64", 64, 1.5, 96), ("deepbleed-32", 32, 1.5, 48)],
)
def test_the_papers_fields_of_view(model, edge, spacing_mm, field_mm):
    """128, 64 and 32 voxels of 1.5 mm; only the first sees the whole head."""
    configuration = DeepBleedConfiguration.paper(model)
    assert (configuration.edge, configuration.spacing_mm) == (edge, spacing_mm)
    assert configuration.edge * configuration.spacing_mm == field_mm
    assert configuration.is_whole == (field_mm == 192)
    assert DeepBleedConfiguration.paper("deepbleed-512").spacing_mm is None


@pytest.fixture
def always_yes(deepbleed_weights):
    """Weights of a network that sees blood everywhere."""

    def make(*wanted):
        weights = deepbleed_weights(*wanted)
        for name, array in weights.tensors.items():
            array[...] = 5.0 if name == "exit.2.bias" else 0.0
        return weights

    return make


def test_nothing_is_found_outside_the_brain(always_yes):
    """A network that always says yes finds blood in the template's field, and only where the image is."""
    weights = always_yes("deepbleed-512", 64, None)
    prediction = DeepBleedPredictor(weights, device="cpu").predict(tiny_head())
    assert (prediction.labels == 1).all()
    assert prediction.probabilities["hemorrhage"].min() > 0.99
    assert prediction.score > 0.99


def test_a_cube_without_brain_holds_no_blood(always_yes):
    """Of two cubes the network is asked for the one with something in it."""
    predictor = DeepBleedPredictor(always_yes("deepbleed-64", 16, 6.0), device="cpu")
    cubes = torch.zeros(2, 1, 16, 16, 16)
    cubes[1, 0, 3, 3, 3] = 30.0
    with torch.inference_mode():
        empty, brain = predictor._of_brain(cubes)
    assert not empty.any()
    assert brain.min() > 0.99


def test_a_scan_without_a_brain_is_negative_and_the_log_says_why(deepbleed_weights, caplog):
    """Air alone: nothing predicted, score 0."""
    predictor = DeepBleedPredictor(deepbleed_weights("deepbleed-128", 16, 12.0), device="cpu")
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        prediction = predictor.predict(Volume(np.full((4, 32, 32), -1000, np.int16), (5.0, 1.0, 1.0)))
    assert prediction.score == 0
    assert not prediction.labels.any()
    assert "no brain in the field" in caplog.text


def test_another_template_is_taken_by_its_file(deepbleed_weights, tmp_path):
    """The card says which one."""
    write_volume(read_template(None), tmp_path / "mine.nii.gz")
    predictor = DeepBleedPredictor(
        deepbleed_weights("deepbleed-128", 16, 12.0), "cpu", template=str(tmp_path / "mine.nii.gz")
    )
    assert predictor.info.parameters["template"] == str(tmp_path / "mine.nii.gz")
    predictor.predict(tiny_head())


def test_weights_find_the_template_of_their_training(tmp_path):
    """It lies beside them; without it, or with another one, nothing is predicted in the wrong space."""
    own = read_template(None)
    write_volume(own.with_array(own.array + 1), tmp_path / "template.nii.gz")
    digest = template_digest(str(tmp_path / "template.nii.gz"))
    configuration = DeepBleedConfiguration(
        "deepbleed-128", 16, 12.0, width=2, window_hu=(0.0, 100.0), template_digest=digest
    )
    weights = Weights.of(
        configuration.network(),
        model="deepbleed-128",
        configuration=asdict(configuration),
        labels=LabelSet({"hemorrhage": 1}),
        trained_on=("somewhere",),
    )
    weights.save(tmp_path / "weights.safetensors")
    predictor = deepbleed_128(weights=str(tmp_path / "weights.safetensors"), device="cpu")
    assert predictor.template == str(tmp_path / "template.nii.gz")
    assert predictor.info.parameters["template_digest"] == digest
    write_volume(own, tmp_path / "other.nii.gz")
    with pytest.raises(UsageError, match=r"learnt with another template than .*other\.nii\.gz"):
        DeepBleedPredictor(weights, "cpu", template=str(tmp_path / "other.nii.gz"))
    (tmp_path / "template.nii.gz").unlink()
    with pytest.raises(UsageError, match="than the one that comes with the package; name the one"):
        deepbleed_128(weights=str(tmp_path / "weights.safetensors"), device="cpu")


def test_the_network_sees_the_brain_that_a_program_finds(always_yes, tmp_path, caplog):
    """Outside the program's mask its input is 0; that training found brains otherwise is told, not run."""
    mask = np.zeros(tiny_head().shape, np.uint8)
    mask[3:5, 20:30, 20:30] = 1
    write_volume(tiny_head().with_array(mask), tmp_path / "mask.nii.gz")
    brain = f"command:sh -c 'cp {tmp_path}/mask.nii.gz {{output}}; : {{image}}'"
    weights = always_yes("deepbleed-512", 64, None)
    found = DeepBleedPredictor(weights, device="cpu", brain=brain)
    assert found.info.parameters["brain"] == brain
    assert "learnt on brains found by the package's own extraction" in caplog.text
    seen = []
    found.network = lambda slices: seen.append(slices.cpu()) or torch.zeros_like(slices)
    found.predict(tiny_head())
    assert torch.cat(seen)[:, 0].flatten(1).any(1).nonzero()[:, 0].tolist() == [3, 4]

    weights.configuration["brain"] = f"command:touch {tmp_path}/ran {{image}} {{output}}"
    DeepBleedPredictor(weights, device="cpu").predict(tiny_head())
    assert not (tmp_path / "ran").exists()
