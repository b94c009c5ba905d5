import json
import warnings

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.predictors import open_predictor
from reference_models.external.onnx import onnx

LABELS = {"iph": 1, "ivh": 2}
onnx_files = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def exported(tmp_path):
    """Write a network as ONNX; every size but the channels' is free unless fixed."""

    def write(network, shape, *, free=True, metadata=None):
        axes = {"image": {0: "n", 2: "h", 3: "w"}, "out": {0: "n", 2: "h", 3: "w"}} if free else None
        path = tmp_path / "net.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (torch.zeros(shape),),
                path,
                input_names=["image"],
                output_names=["out"],
                dynamo=False,
                dynamic_axes=axes,
            )
        if metadata:
            model = onnx_files.load(path)
            onnx_files.helper.set_model_props(model, {"ctbench": json.dumps(metadata)})
            onnx_files.save(model, path)
        return path

    return write


def test_it_answers_as_the_network_does(exported, flat_network, image, expected):
    """Voxel for voxel what torch gives for the same slices, on the image's own grid."""
    path = exported(flat_network, (1, 1, 16, 16))
    predictor = onnx(path, labels=LABELS, window=[0, 100], batch_size=2, device="cpu")
    np.testing.assert_array_equal(predictor.predict(image).labels, expected(flat_network, image))
    assert (predictor.info.name, len(predictor.info.weights_digest)) == ("net", 64)


def test_volumes_of_a_fixed_size(exported, solid_network, image):
    """A file that fixes its input is fed tiles of that size, one at a time."""
    path = exported(solid_network, (1, 1, 8, 16, 16), free=False)
    found = onnx(path, labels=LABELS, batch_size=4, overlap=0, device="cpu").predict(image)
    assert found.labels.shape == image.shape
    assert set(np.unique(found.labels)) <= {0, 1, 2}


def test_it_runs_in_the_sandbox_with_the_metadata_of_the_file(exported, flat_network, image, expected):
    """`onnx:PATH` needs no option where the file says its labels and settings, and the answer is the same."""
    metadata = {"labels": LABELS, "name": "theirs", "version": "3", "settings": {"window": [0, 100]}}
    path = exported(flat_network, (1, 1, 16, 16), metadata=metadata)
    with warnings.catch_warnings():
        predictor = open_predictor(f"onnx:{path}")
    try:
        assert (predictor.info.name, predictor.info.version) == ("theirs", "3")
        np.testing.assert_array_equal(predictor.predict(image).labels, expected(flat_network, image))
    finally:
        predictor.stop()


def test_the_labels_option_may_be_a_file_that_the_sandbox_does_not_see(exported, flat_network, tmp_path):
    """It is read before the sandbox is closed."""
    path, labels = exported(flat_network, (1, 1, 16, 16)), tmp_path / "elsewhere" / "names.json"
    labels.parent.mkdir()
    labels.write_text(json.dumps(LABELS))
    predictor = open_predictor(f"onnx:{path}", {"labels": str(labels)})
    try:
        assert predictor.info.labels.codes == LABELS
    finally:
        predictor.stop()


def test_a_file_that_is_not_there_or_no_onnx_is_named(tmp_path):
    """Both before anything is scored."""
    with pytest.raises(MissingFileError, match=r"no file .*absent\.onnx"):
        onnx(tmp_path / "absent.onnx", labels=LABELS)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(DataError, match=r"text\.onnx cannot be read as ONNX"):
        onnx(tmp_path / "text.onnx", labels=LABELS)


def test_two_input_channels_are_refused(exported):
    """What the second would hold is not known."""
    with pytest.raises(UsageError, match="expected floats batch,1,y,x"):
        onnx(exported(torch.nn.Conv2d(2, 3, 1), (1, 2, 16, 16)), labels=LABELS)
