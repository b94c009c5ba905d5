import json

import numpy as np
import pytest
import torch

from ctbench.errors import MissingFileError, UsageError
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.predictors.folds import Fold, joined_digest, write_folds
from ctbench.volume import Volume
from reference_models.cascade_unet.predictor import (
    CascadeConfiguration,
    CascadeEnsemble,
    CascadePredictor,
    cascade_unet,
    cascade_unet_ensemble,
)

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


@pytest.mark.parametrize(
    "options", [{}, {"spacing_mm": None, "plan": "nnunet", "levels": 2}, {"stages": 1, "windows_hu": None}]
)
def test_the_contract_is_kept(cascade_weights, options):
    """With resampling, on the scan's own grid, and with one channel and one stage."""
    predictor = CascadePredictor(cascade_weights(**options), device="cpu")
    assert [result for result in check_conformance(predictor) if not result.passed] == []


def test_the_papers_windows_are_the_channels():
    """[0, 80], [-20, 180] and [-150, 230] HU, each brought to 0..1 and cut off; without windows all of a CT."""
    hu = torch.tensor([-1000.0, -150.0, 0.0, 40.0, 80.0, 230.0, 3000.0]).reshape(1, 1, 1, 1, -1)
    channels = CascadeConfiguration().channels(hu)[0, :, 0, 0]
    expected = [
        [0, 0, 0, 0.5, 1, 1, 1],
        [0, 0, 0.1, 0.3, 0.5, 1, 1],
        [0, 0, 150 / 380, 0.5, 230 / 380, 1, 1],
    ]
    np.testing.assert_allclose(channels, expected, atol=1e-6)
    whole = CascadeConfiguration(windows_hu=None).channels(hu)
    np.testing.assert_array_equal(whole, hu)  # the network scales it


def test_the_configuration_is_read_back_from_json(cascade_weights):
    """Lists become tuples again, in windows, patch and spacing."""
    stored = cascade_weights().configuration
    again = CascadeConfiguration.read(json.loads(json.dumps(stored)))
    assert again == CascadeConfiguration(width=2, levels=3, patch=(4, 16, 16), spacing_mm=(10.0, 4.0, 4.0))


def test_a_patch_that_the_plan_cannot_divide_is_refused():
    """The message says by what its sides must be divisible."""
    with pytest.raises(UsageError, match="multiples of 16 x 16 x 16"):
        CascadeConfiguration(patch=(16, 320, 300)).level_plan()


@pytest.mark.parametrize(
    "stored", [{"plan": "flat"}, {"stages": 3}, {"levels": 1}, {"windows_hu": []}, {"patch": [16, 32]}, {"pools": 2}]
)
def test_a_configuration_that_cannot_be_is_refused(stored):
    """What stands in a weights file is somebody else's."""
    with pytest.raises(UsageError):
        CascadeConfiguration.read(stored)


def test_what_a_network_always_finds_lies_in_the_head(cascade_weights):
    """Its probability is that of the last bias inside the box of the head, and 0 in the air around it."""
    weights = cascade_weights()
    for name, array in weights.tensors.items():
        array[...] = 5.0 if name == "stages.1.heads.0.bias" else 0.0
    image = tiny_head()
    prediction = CascadePredictor(weights, device="cpu").predict(image)
    found = prediction.probabilities["hemorrhage"]
    solid = np.argwhere(image.array > -300)
    inside = tuple(slice(low, high + 1) for low, high in zip(solid.min(0), solid.max(0), strict=True))
    np.testing.assert_allclose(found[inside], 1 / (1 + np.exp(-5)), atol=1e-5)
    assert np.count_nonzero(found) == found[inside].size
    volume_ml = found[inside].size * image.voxel_ml
    assert prediction.score == pytest.approx(volume_ml / (volume_ml + 1))


def test_a_scan_larger_than_a_patch_is_seen_in_tiles(cascade_weights):
    """Each of them has the size of a patch."""
    predictor = CascadePredictor(cascade_weights(patch=(4, 8, 8)), device="cpu", batch_size=1)
    seen = []
    predictor.network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    predictor.predict(tiny_head())
    assert len(seen) > 1
    assert set(seen) == {(1, 3, 4, 8, 8)}


def test_an_ensemble_is_the_mean_of_its_members(cascade_weights):
    """Voxel by voxel, whatever grid each member works on; its card names all of them."""
    members = [
        CascadePredictor(cascade_weights(seed, spacing_mm=(10.0, mm, mm)), device="cpu")
        for seed, mm in ((0, 4.0), (1, 5.0), (2, 4.0))
    ]
    image = tiny_head()
    found = CascadeEnsemble([[member] for member in members]).predict(image).probabilities["hemorrhage"]
    each = [member.probability(image) for member in members]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
    assert CascadeEnsemble([members]).info.name == "cascade-unet-ensemble"
    uneven = CascadeEnsemble([members[:1], members[1:]])
    halves = (each[0] + np.mean(each[1:], axis=0)) / 2
    np.testing.assert_allclose(uneven.predict(image).probabilities["hemorrhage"], halves, atol=1e-6)
    assert uneven.info.parameters["folds"] == [1, 2]


@pytest.fixture
def folds(cascade_weights, tmp_path):
    """Three folds on the disk, of which the second is the best and the first the worst."""
    written = []
    for number, dice in enumerate((0.3, 0.9, 0.5)):
        path = tmp_path / f"fold-{number + 1}" / "weights.safetensors"
        cascade_weights(seed=number).save(path)
        written.append(Fold(number + 1, f"fold-{number + 1}/weights.safetensors", (f"c{number}",), dice))
    write_folds(tmp_path, written)
    return tmp_path


def test_the_ensemble_of_a_cross_validation_has_all_folds_or_the_best(folds):
    """As the paper took three of five; a list of files does as well."""
    files = [str(folds / f"fold-{number}" / "weights.safetensors") for number in (1, 2, 3)]
    digests = [cascade_unet(weights=file, device="cpu").info.weights_digest for file in files]
    whole = cascade_unet_ensemble(weights=str(folds), device="cpu")
    assert whole.info.parameters["members"] == digests
    assert whole.info.weights_digest == joined_digest(digests)
    best = cascade_unet_ensemble(weights=str(folds), best=2, device="cpu")
    assert best.info.parameters["members"] == digests[1:]
    assert cascade_unet_ensemble(weights=files[:1], device="cpu").info.parameters["members"] == digests[:1]


def test_the_ensemble_of_models_has_the_best_by_their_held_out_cases(folds, cascade_weights, tmp_path):
    """As the paper joined its top three models, each the mean of its folds."""
    others = []
    for name, dice in (("worse", 0.1), ("better", 0.8)):
        folder = tmp_path / name
        cascade_weights(seed=7).save(folder / "fold-1" / "weights.safetensors")
        write_folds(folder, [Fold(1, "fold-1/weights.safetensors", ("c",), dice)])
        others.append(str(folder))
    found = cascade_unet_ensemble(weights=[str(folds), *others], best=2, device="cpu")
    assert [len(model) for model in found.models] == [3, 1]
    assert len(cascade_unet_ensemble(weights=[str(folds), *others], device="cpu").models) == 3
    with pytest.raises(UsageError, match="best=4 for 3 models; expected 1 to 3"):
        cascade_unet_ensemble(weights=[str(folds), *others], best=4, device="cpu")


def test_an_ensemble_of_the_best_needs_a_cross_validation(tmp_path):
    """A list of files does not say which are best, and a folder without folds is refused."""
    with pytest.raises(UsageError, match="best=3 needs weights=FOLDER"):
        cascade_unet_ensemble(best=3)
    with pytest.raises(MissingFileError, match=r"folds\.json"):
        cascade_unet_ensemble(weights=str(tmp_path))


def test_air_alone_is_predicted(cascade_weights):
    """A scan without a head is no error."""
    image = Volume(np.full((3, 20, 20), -1000, np.int16), (5.0, 2.0, 2.0))
    assert CascadePredictor(cascade_weights(), device="cpu").predict(image).labels.shape == image.shape


def test_tile_weights_and_mirrors_are_options_of_prediction(cascade_weights, tmp_path):
    """They change prediction and card; without them those of the weights file are used."""
    path = tmp_path / "weights.safetensors"
    cascade_weights().save(path)
    image = tiny_head()
    plain = cascade_unet(weights=str(path), device="cpu")
    assert (plain.info.parameters["tile_weights"], plain.info.parameters["mirrored"]) == ("constant", "")
    for options in ({"tile_weights": "gaussian"}, {"mirrored": "x"}):
        other = cascade_unet(weights=str(path), device="cpu", **options)
        assert other.info.parameters == {**plain.info.parameters, **options}
        assert np.abs(other.probability(image) - plain.probability(image)).max() > 1e-4
    cascade_weights(mirrored="zx").save(path)
    assert cascade_unet(weights=str(path), device="cpu").configuration.mirrored_axes == [-3, -1]
    ensemble = cascade_unet_ensemble(weights=[str(path)], device="cpu", mirrored="x", tile_weights="gaussian")
    assert (ensemble.info.parameters["mirrored"], ensemble.info.parameters["tile_weights"]) == ("x", "gaussian")


@pytest.mark.parametrize("options", [{"mirrored": "xy"}, {"mirrored": "left"}, {"tile_weights": "linear"}])
def test_unknown_tile_weights_and_axes_are_refused(cascade_weights, options):
    """The message names the field."""
    with pytest.raises(UsageError, match=next(iter(options))):
        CascadePredictor(cascade_weights(), "cpu", **options)
