"""``forest`` as a predictor: the contract, the cut-off, small pieces, and files that hold no forest."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import DataError, UsageError
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.forest.features import FEATURES
from reference_models.forest.predictor import (
    LIMITED,
    ForestConfiguration,
    ForestPredictor,
    forest,
    forest_demo,
    within,
    without_small_pieces,
)
from reference_models.inference.weightsfile import Weights, demo_weights

# The heads are the same in many tests: what finds brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


@pytest.fixture
def weights():
    """Those that come with the package."""
    return Weights.load(demo_weights("forest"), "forest")


def test_the_contract_is_kept(weights):
    """With the demo weights, which are small and say what they are for."""
    assert demo_weights("forest").stat().st_size < 2e6
    assert (weights.phantoms_only, weights.trained_on) == (True, ("phantom-hemorrhage",))
    assert [result for result in check_conformance(ForestPredictor(weights)) if not result.passed] == []


def test_the_demo_has_a_name_of_its_own():
    """As for the other models: forest needs weights, forest-demo comes with some."""
    info = forest_demo().info
    assert (info.name, info.phantoms_only) == ("forest-demo", True)
    assert info.weights_digest == Weights.load(demo_weights("forest"), "forest").digest
    with pytest.raises(UsageError, match="forest needs weights"):
        forest()


def test_what_is_above_the_cutoff_is_hemorrhage(weights):
    """A lower cut-off finds at least as much; one of 1 finds nothing."""
    image = tiny_head((16, 96, 80), (9.0, 2.2, 2.2))
    volumes = []
    for cutoff in (0.02, 0.5, 1.0):
        settings = {**weights.configuration, "cutoff": cutoff, "smallest_voxels": 1}
        made = ForestPredictor(replace(weights, configuration=settings)).predict(image)
        assert ((made.labels > 0) == (made.probabilities["hemorrhage"] > cutoff)).all()
        volumes.append(np.count_nonzero(made.labels))
    assert volumes[0] >= volumes[1] >= volumes[2] == 0
    assert volumes[0] > 0


def test_without_a_brain_nothing_is_found(weights):
    """A field of air."""
    made = ForestPredictor(weights).predict(Volume(np.full((8, 40, 40), -1000, np.int16), (5.0, 2.0, 2.0)))
    assert (int(made.labels.max()), made.score) == (0, 0.0)


def test_small_pieces_are_discarded():
    """Voxels that touch by a corner are one piece."""
    mask = np.zeros((4, 6, 6), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 5, 5] = True
    kept = without_small_pieces(mask, ForestConfiguration(smallest_voxels=2))
    assert np.argwhere(kept).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_limits_hold_for_each_of_their_predictors():
    """A voxel outside one range is no candidate; other predictors do not matter."""
    features = np.full((3, len(FEATURES)), 9.0, np.float32)
    features[:, [FEATURES.index(name) for name in LIMITED]] = 0.5
    features[1, FEATURES.index(LIMITED[-1])] = 1.5
    limits = np.tile(np.float32([0, 1]), (len(LIMITED), 1))
    assert within(features, limits).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("name", "array"), [("limits", np.zeros((2, 2), np.float32)), ("normal_sd", None), ("normal_mean", np.zeros(3))]
)
def test_a_file_without_a_forest_is_refused(weights, name, array):
    """The message names the array."""
    tensors = {key: value for key, value in weights.tensors.items() if key != name}
    with pytest.raises(DataError, match=f"the weights hold no forest: {name}"):
        ForestPredictor(replace(weights, tensors=tensors if array is None else tensors | {name: array}))


@pytest.mark.parametrize("change", [{"cutoff": 2}, {"trees": 0}, {"share": 0}, {"colour": "red"}])
def test_a_configuration_that_cannot_be_is_refused(weights, change):
    """What stands in a weights file is somebody else's."""
    with pytest.raises(UsageError):
        ForestPredictor(replace(weights, configuration={**weights.configuration, **change}))
