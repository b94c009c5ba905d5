"""``multi-atlas`` as a predictor: the contract, what it finds, T1, and files that hold no atlas."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.inference.weightsfile import Weights
from reference_models.multi_atlas.predictor import (
    MultiAtlasConfiguration,
    MultiAtlasPredictor,
    multi_atlas,
    prepared,
)

LABELS = LabelSet({"blood": 7, "water": 3})


def labelled(image):
    """Classes of the tiny head by its HU: 1 where it bleeds, 2 in the ventricles."""
    hu = image.array
    return np.where((hu > 55) & (hu < 90), 1, np.where((hu > -10) & (hu < 17), 2, 0)).astype(np.uint8)


@pytest.fixture
def weights():
    """Make weights of two tiny heads, the second with some noise."""

    def make(**options):
        configuration = {"spacing_mm": 9.0, "deformation": "none", "fusion": "majority", **options}
        settings = MultiAtlasConfiguration(**configuration)
        tensors = {}
        for number in range(2):
            image = tiny_head()
            noise = np.random.default_rng(number).integers(-2, 3, image.shape)
            grid, seen = prepared(image.with_array(image.array + number * noise), settings)
            tensors[f"image.{number}"] = np.round(seen.array * 255).astype(np.uint8)
            tensors[f"labels.{number}"] = grid.to_grid(labelled(image))
        return Weights("multi-atlas", configuration, LABELS, tensors)

    return make


def test_the_contract_is_kept(weights):
    """With the quickest settings."""
    assert [result for result in check_conformance(MultiAtlasPredictor(weights())) if not result.passed] == []


@pytest.mark.parametrize("fusion", ["majority", "staple", "joint"])
def test_the_head_of_the_atlas_has_its_labels(weights, fusion, dice):
    """By every rule, in the codes of the label set; of what is larger than the coarse voxels most is found."""
    image = tiny_head()
    predictor = MultiAtlasPredictor(weights(spacing_mm=4.5), fusion=fusion)
    labels = predictor.predict(image).labels
    assert set(np.unique(labels)) <= {0, 3, 7}
    assert dice(labels == 3, labelled(image) == 2) > 0.6
    assert predictor.info.parameters["fusion"] == fusion


def test_without_a_window_percentiles_are_the_range():
    """As for T1, whose units are arbitrary: twice the values are the same head."""
    array = np.random.default_rng(0).gamma(2.0, 100.0, (6, 8, 8)).astype(np.float32)
    settings = MultiAtlasConfiguration(spacing_mm=5.0, window_hu=None)
    once, twice = (prepared(Volume(factor * array, (5.0, 5.0, 5.0)), settings)[1].array for factor in (1, 2))
    np.testing.assert_allclose(once, twice, atol=1e-5)
    assert (once.min(), once.max()) == (0, 1)


def test_without_weights_it_says_how_to_make_them():
    """The atlases are the user's own heads."""
    with pytest.raises(MissingFileError, match=r"comes without atlases; .*ctbench train multi-atlas"):
        multi_atlas()


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"image.0": np.zeros((2, 2, 2), np.uint8)},
        {"image.0": np.zeros((2, 2, 2), np.uint8), "labels.0": np.zeros((2, 2, 3), np.uint8)},
        {"image.0": np.zeros((2, 2, 2), np.float32), "labels.0": np.zeros((2, 2, 2), np.uint8)},
    ],
)
def test_weights_without_an_atlas_are_refused(weights, tensors):
    """The message names the first atlas that is none."""
    with pytest.raises(DataError, match="atlas"):
        MultiAtlasPredictor(replace(weights(), tensors=tensors))


@pytest.mark.parametrize("change", [{"fusion": "wish"}, {"deformation": "wild"}, {"spacing_mm": 0}])
def test_settings_that_cannot_be_are_refused(weights, change):
    """From a file or from the command line."""
    with pytest.raises(UsageError):
        MultiAtlasPredictor(replace(weights(), configuration={**weights().configuration, **change}))
