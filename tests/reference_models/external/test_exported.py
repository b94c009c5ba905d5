import numpy as np
import pytest
import torch

from ctbench.errors import ContractError, DataError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.volume import Volume
from reference_models.external.exported import ExportedNetwork, ExportedPredictor, network_device
from reference_models.external.settings import NetworkSettings

CPU = torch.device("cpu")


def predictor(run, dimensions=2, sides=(), labels=None, **settings):
    """A predictor of a function."""
    info = PredictorInfo("net", "1", LabelSet(labels or {"iph": 1, "ivh": 2}))
    return ExportedPredictor(ExportedNetwork(run, dimensions, sides), info, NetworkSettings.read(settings), CPU)


def bands(tiles):
    """Channels that are largest below 20, from 20 to 60, and above 60 HU."""
    return torch.cat([20 - tiles, 20 - abs(tiles - 40), tiles - 60], dim=1)


def in_bands(array):
    """The same by hand."""
    return np.digitize(array, [20, 60]).astype(np.uint8)


def head():
    """An image whose values vary slowly along every axis, so that resampling changes little."""
    z, y, x = np.meshgrid(np.arange(6), np.arange(40), np.arange(36), indexing="ij")
    return Volume((2.0 * y + x - 3 * z - 15.5).astype(np.float32), (5.0, 1.0, 1.0))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_function_of_single_voxels_gives_their_labels(dimensions):
    """Padding, tiles and averaging leave no trace, in slices or volumes."""
    found = predictor(bands, dimensions, tile=[16, 16, 16] if dimensions == 3 else 16).predict(head())
    np.testing.assert_array_equal(found.labels, in_bands(head().array))


def test_an_image_stored_along_other_axes_has_the_same_labels(flat_network):
    """The network sees the patient, not the file."""
    image, turned = (
        head(),
        Volume(head().array.transpose(2, 0, 1)[:, ::-1], (1.0, 5.0, 1.0), direction=[[0, -1, 0], [0, 0, 1], [1, 0, 0]]),
    )
    net = predictor(flat_network)
    np.testing.assert_array_equal(net.predict(image).labels, net.predict(turned).labels[:, ::-1].transpose(1, 2, 0))


def test_the_network_sees_its_own_orientation_and_spacing():
    """Axes run as asked for, with one voxel for two where the spacing is double."""
    seen = []

    def watch(tiles):
        seen.append(tiles)
        return bands(tiles)

    image = head()
    predictor(watch, 3, orientation="RAS", spacing_mm=[2.0, None, None], tile=[18, 40, 6], batch_size=1).predict(image)
    (tile,) = seen
    assert tile.shape == (1, 1, 18, 40, 6)
    upwards_last = np.flip(image.array, (1, 2)).transpose(2, 1, 0)  # x to the right, y to the front, z up
    np.testing.assert_allclose(tile[0, 0], np.flip(image.array[:, :, ::2], (1, 2)).transpose(2, 1, 0))
    assert upwards_last.shape == (36, 40, 6)


def test_labels_come_back_from_other_voxels_to_the_images():
    """Slowly varying values keep their labels but for the voxels beside a border."""
    found = predictor(bands, spacing_mm=[None, 2.0, 2.0]).predict(head()).labels
    assert found.shape == head().shape
    assert (found != in_bands(head().array)).mean() < 0.05


def test_sigmoid_takes_voxels_above_the_threshold():
    """One channel a label: the most probable one, where it reaches the threshold."""
    image = head()

    def two(tiles):
        return torch.cat([tiles - 20, 2 * (tiles - 60)], dim=1)

    found = predictor(two, threshold=0.5).predict(image).labels
    expected = np.where(image.array < 20, 0, np.where(2 * (image.array - 60) > image.array - 20, 2, 1))
    np.testing.assert_array_equal(found[:, :, :], expected)
    assert predictor(two, threshold=0.9999).predict(image).labels.sum() < found.sum()


def test_codes_need_not_be_those_of_the_channels():
    """The k-th channel is the label with the k-th smallest code."""
    found = predictor(bands, labels={"ivh": 9, "iph": 4}).predict(head()).labels
    np.testing.assert_array_equal(found, np.array([0, 4, 9])[in_bands(head().array)])


def test_the_file_may_fix_the_size_of_a_tile():
    """Every tile has that size, also where the image is smaller."""
    sizes = set()

    def watch(tiles):
        sizes.add(tuple(tiles.shape[1:]))
        return bands(tiles)

    found = predictor(watch, 2, (64, 32)).predict(head())
    assert sizes == {(1, 64, 32)}
    np.testing.assert_array_equal(found.labels, in_bands(head().array))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda tiles: tiles.expand(-1, 5, -1, -1), "5 channels for 2 labels"),
        (lambda tiles: bands(tiles)[..., :8], "expected that size"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused(run, message):
    """The message has both numbers."""
    with pytest.raises(ContractError, match=message):
        predictor(run).predict(head())


def test_a_window_expects_an_image_in_hu():
    """Grey values from 0 to 255 would be scaled to nonsense."""
    grey = Volume(np.full((2, 16, 16), 80, np.uint8), (1.0, 1.0, 1.0))
    with pytest.raises(DataError, match="Hounsfield"):
        predictor(bands, window=[0, 80]).predict(grey)


def test_contradictions_are_refused_before_a_case_is_predicted():
    """Another tile than the file has, an unknown number of dimensions, and an orientation that is none."""
    with pytest.raises(UsageError, match="fixes its input"):
        predictor(bands, 3, (64, 64, 64), tile=32)
    with pytest.raises(UsageError, match="dimensions=2 or 3"):
        predictor(bands, None)
    with pytest.raises(UsageError, match="orientation 'XYZ'"):
        predictor(bands, orientation="XYZ")


def test_threads_are_set(monkeypatch):
    """As many as asked for; without a number torch keeps its own."""
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    assert network_device("cpu", 3) == CPU
    network_device("cpu", None)
    assert asked == [3]
