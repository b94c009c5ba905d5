import json

import numpy as np
import pytest

from ctbench.errors import DataError, UsageError
from reference_models.external.settings import NetworkSettings, per_axis, read_card

HU = np.array([-1000.0, 0.0, 50.0, 100.0, 900.0], np.float32)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({}, HU),
        ({"window": [0, 100]}, [0, 0, 0.5, 1, 1]),
        ({"window": [0, 100], "normalise": "signed"}, [-1, -1, 0, 1, 1]),
        ({"window": [0, 100], "normalise": "none"}, [0, 0, 50, 100, 100]),
        ({"window": [0, 100], "normalise": "none", "mean": 50, "sd": 25}, [-2, -2, 0, 2, 2]),
    ],
)
def test_values_are_normalised(options, seen):
    """Each setting makes of the same HU what its description says."""
    np.testing.assert_allclose(NetworkSettings.read(options).normalised(HU), seen)


def test_zscore_has_mean_zero_and_deviation_one():
    """Over the image, after the window; an image of one value stays finite."""
    seen = NetworkSettings.read({"normalise": "zscore", "window": [-100, 200]}).normalised(HU)
    assert abs(float(seen.mean())) < 1e-6
    assert float(seen.std()) == pytest.approx(1)
    assert not NetworkSettings.read({"normalise": "zscore"}).normalised(HU[:1]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tiel": 32}, "unknown option tiel; known: .*tile"),
        ({"overlap": 1.0}, "overlap"),
        ({"window": [100, 0]}, "a window must rise"),
        ({"spacing_mm": [1, 1]}, "spacing_mm"),
        ({"sd": 0}, "sd"),
        ({"normalise": "unit"}, "needs the window"),
    ],
)
def test_a_wrong_setting_is_refused(options, message):
    """The message names it."""
    with pytest.raises(UsageError, match=message):
        NetworkSettings.read(options)


def test_later_settings_override_earlier_ones():
    """What the user asks for wins, the rest stays; what differs from the defaults is stored."""
    read = NetworkSettings.read({"spacing_mm": 1.0, "overlap": 0.25}, {"spacing_mm": [None, 0.5, 0.5]})
    assert read.spacing_mm == (None, 0.5, 0.5)
    assert read.stored == {"spacing_mm": (None, 0.5, 0.5), "overlap": 0.25}


def test_a_setting_has_one_value_for_each_axis():
    """One number is that of all axes; the sides of a slice are those of a tile of one slice."""
    assert per_axis(None) == (None, None, None)
    assert per_axis(2) == (2, 2, 2)
    assert per_axis((3, 4)) == (1, 3, 4)
    assert per_axis((2, 3, 4)) == (2, 3, 4)


def test_labels_are_found_in_the_order_of_the_description(tmp_path):
    """The option comes first, then the JSON beside the file, the metadata inside, and labels.json."""
    network = tmp_path / "net.onnx"
    (tmp_path / "labels.json").write_text('{"last": 1}')
    assert read_card(network, None, {}, {}, name="net")[0].labels.names == ("last",)
    inside = {"labels": {"inside": 1}, "settings": {"overlap": 0.1, "window": [0, 80]}}
    assert read_card(network, None, {}, inside, name="net")[0].labels.names == ("inside",)
    (tmp_path / "net.json").write_text(
        json.dumps({"name": "theirs", "labels": {"beside": 1}, "settings": {"overlap": 0.2}})
    )
    info, settings = read_card(network, None, {"batch_size": 4}, inside, name="net")
    assert (info.name, info.labels.names) == ("theirs", ("beside",))
    assert (settings.overlap, settings.window, settings.batch_size) == (0.2, (0.0, 80.0), 4)
    assert info.parameters == {"overlap": 0.2, "window": (0.0, 80.0), "batch_size": 4}
    assert read_card(network, {"first": 1}, {}, inside, name="net")[0].labels.names == ("first",)


def test_a_sidecar_may_hold_settings_only(tmp_path):
    """Then the labels come from the next place."""
    (tmp_path / "net.json").write_text('{"settings": {"window": [0, 80]}}')
    info, settings = read_card(tmp_path / "net.onnx", None, {}, {"labels": {"iph": 1}}, name="net")
    assert info.labels.names == ("iph",)
    assert settings.window == (0.0, 80.0)


def test_without_labels_the_message_says_where_to_write_them(tmp_path):
    """The option, and both files."""
    with pytest.raises(UsageError, match=r"-o 'labels=.*net\.json or labels\.json"):
        read_card(tmp_path / "net.onnx", None, {}, {}, name="net")


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_malformed_sidecar_is_named(tmp_path, text):
    """It is no JSON object."""
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(DataError, match=r"net\.json"):
        read_card(tmp_path / "net.onnx", None, {}, {}, name="net")
