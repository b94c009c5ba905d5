"""The predictor: the contract, the cascade's decision, the random field."""

import logging
from dataclasses import asdict

import numpy as np
import pytest
import torch

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.deepnat.crf import DenseCrf
from reference_models.deepnat.predictor import DeepNatConfiguration, DeepNatPredictor, _decided
from reference_models.inference.weightsfile import Weights

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

LABELS = LabelSet({"ventricles": 10, "caudate": 6})


@pytest.fixture
def weights():
    """Make untrained weights of narrow networks on coarse voxels."""

    def make(**options):
        torch.manual_seed(0)
        small = {"structures": 2, "widths": (2, 3, 3), "hidden": (6, 5), "spacing_mm": 8.0, "spectral_mm": 8.0}
        configuration = DeepNatConfiguration(**{**small, **options})
        return Weights.of(configuration.network(), model="deepnat", configuration=asdict(configuration), labels=LABELS)

    return make


@pytest.mark.parametrize("random_field", [False, True])
def test_the_contract_is_kept(weights, random_field):
    """Alone and with the random field."""
    predictor = DeepNatPredictor(weights(), "cpu", random_field=random_field)
    assert [result for result in check_conformance(predictor) if not result.passed] == []


@pytest.mark.parametrize(
    "options", [{"hierarchical": False}, {"coordinates": "none"}, {"coordinates": "spectral"}, {"tasks": 1}]
)
def test_every_ablation_predicts(weights, options):
    """Each of the paper's variants gives codes of the label set."""
    labels = DeepNatPredictor(weights(**options), "cpu").predict(tiny_head()).labels
    assert set(np.unique(labels)) <= {0, 6, 10}


def test_a_t1_is_segmented_inside_the_brain_only(weights):
    """A stripped T1 needs no HU; where it is 0 there is background."""
    rng = np.random.default_rng(0)
    brain = np.zeros((12, 14, 12))
    brain[3:9, 3:11, 3:9] = rng.integers(80, 120, (6, 8, 6))
    image = Volume(brain, (8.0, 8.0, 8.0))
    weighed = weights(modality="t1")
    weighed.tensors["foreground.heads.bias"][:] = np.repeat([-9.0, 9.0], 7)
    labels = DeepNatPredictor(weighed, "cpu").predict(image).labels
    np.testing.assert_array_equal(labels > 0, brain > 0)


def test_background_and_structures_add_up(weights):
    """The likelihoods of the cascade add up to 1 in the brain, where the second network was asked."""
    predictor = DeepNatPredictor(weights(), "cpu")
    seen = predictor.configuration.see(tiny_head())
    found = predictor.likelihoods(seen)
    np.testing.assert_allclose(found[:, seen.mask].sum(axis=0), 1, rtol=1e-4)
    assert not found[:, ~seen.mask].any()


def test_a_certain_first_network_leaves_background(weights):
    """What is background with near certainty gets no structure, whatever the second network says."""
    weighed = weights()
    weighed.tensors["foreground.heads.bias"][:] = np.repeat([9.0, -9.0], 7)
    assert not DeepNatPredictor(weighed, "cpu").predict(tiny_head()).labels.any()


def test_the_cascade_decides_on_foreground_first():
    """0.4 background, 0.35 and 0.25 of two structures: foreground, hence the first; in one step, background."""
    maps = [np.full((1, 1, 1), value, np.float32) for value in (0.4, 0.35, 0.25)]
    assert _decided(iter(maps), gated=True).item() == 1
    assert _decided(iter(maps), gated=False).item() == 0


def test_the_random_field_removes_specks(weights):
    """Labels with the field have fewer changes between neighbours than without it."""
    alone, refined = (
        DeepNatPredictor(weights(), "cpu", random_field=one).predict(tiny_head()).labels for one in (0, 1)
    )

    def changes(labels):
        return sum(np.count_nonzero(np.diff(labels.astype(int), axis=axis)) for axis in range(3))

    assert changes(refined) < changes(alone)


def test_no_brain_no_structures(weights, caplog):
    """Air alone is background, and the log says why."""
    air = Volume(np.full((6, 30, 30), -1000, np.int16), (5.0, 2.0, 2.0))
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        assert not DeepNatPredictor(weights(), "cpu").predict(air).labels.any()
    assert "no brain in the field" in caplog.text


def test_a_configuration_survives_json():
    """Lists become tuples again, and what is no setting is refused."""
    wanted = DeepNatConfiguration(structures=11, widths=(8, 16, 16), coordinates="spectral", window_hu=(-20.0, 90.0))
    stored = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(wanted).items()}
    assert DeepNatConfiguration.read(stored) == wanted
    with pytest.raises(UsageError, match="tasks"):
        DeepNatConfiguration.read({"tasks": 5})


def test_the_random_field_is_set_in_prediction(weights):
    """Every setting stands in the card; what is not given is that of the weights; what cannot be is refused."""
    wanted = {"appearance": 1.0, "smoothness": 0.5, "reach_mm": 4.0, "contrast": 20.0, "iterations": 2}
    predictor = DeepNatPredictor(weights(), "cpu", random_field=True, **wanted)
    assert wanted.items() <= predictor.info.parameters.items()
    assert predictor.random_field == DenseCrf(1.0, 0.5, 4.0 / 8.0, 20.0, 2)
    plain = DeepNatPredictor(weights(), "cpu", random_field=True, appearance=None)
    assert plain.random_field == DenseCrf(3.0, 3.0, 3.0 / 8.0)
    with pytest.raises(UsageError, match="contrast"):
        DeepNatPredictor(weights(), "cpu", random_field=True, contrast=0.0)


def test_the_random_fields_reach_is_in_mm():
    """Three voxels of 1 mm, whatever the grid's spacing."""
    assert DeepNatConfiguration().random_field.reach == 3.0
    assert DeepNatConfiguration(spacing_mm=1.5).random_field.reach == 2.0


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "deepnat"),
        ({"coordinates": "spectral"}, "deepnat-spectral"),
        ({"hierarchical": False, "tasks": 1}, "deepnat-one-step-1-task"),
    ],
)
def test_variants_have_names_of_their_own(settings, name):
    """Runs of the variants of Figure 4 stand beside each other in one report, which refuses two of one name."""
    assert "deepnat" + DeepNatConfiguration(**settings).variant == name
