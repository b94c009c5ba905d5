import json
import warnings

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, MissingFileError
from ctbench.predictors import open_predictor
from reference_models.external.torchscript import torchscript

LABELS = {"iph": 1, "ivh": 2}


@pytest.fixture
def exported(tmp_path):
    """Write a network as TorchScript, with extra files."""

    def write(network, **extra):
        path = tmp_path / "net.ts"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(
                torch.jit.script(network), path, _extra_files={f"{k}.json": json.dumps(v) for k, v in extra.items()}
            )
        return path

    return write


def test_it_answers_as_the_network_does(exported, flat_network, image, expected):
    """Voxel for voxel what torch gives for the same slices; the number of parameters is that of the network."""
    predictor = torchscript(exported(flat_network), labels=LABELS, window=[0, 100], device="cpu")
    np.testing.assert_array_equal(predictor.predict(image).labels, expected(flat_network, image))
    assert predictor.info.size == sum(tensor.numel() for tensor in flat_network.parameters())


def test_it_runs_in_the_sandbox_with_the_metadata_of_the_file(exported, flat_network, image, expected):
    """`torchscript:PATH` needs no option where the file says its labels and settings."""
    path = exported(flat_network, ctbench={"labels": LABELS, "settings": {"window": [0, 100]}})
    predictor = open_predictor(f"torchscript:{path}")
    try:
        np.testing.assert_array_equal(predictor.predict(image).labels, expected(flat_network, image))
    finally:
        predictor.stop()


def test_the_metadata_of_monai_name_the_labels(exported, solid_network):
    """As `ckpt_export` of a bundle writes them."""
    channels = {"0": "background", "1": "iph", "2": "ivh"}
    path = exported(solid_network, metadata={"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}})
    assert torchscript(path, device="cpu").info.labels.codes == LABELS


def test_a_file_that_is_not_there_or_no_torchscript_is_named(tmp_path):
    """Both before anything is scored."""
    with pytest.raises(MissingFileError, match=r"no file .*absent\.ts"):
        torchscript(tmp_path / "absent.ts", labels=LABELS)
    (tmp_path / "text.ts").write_text("no network")
    with pytest.raises(DataError, match=r"text\.ts cannot be read as TorchScript"):
        torchscript(tmp_path / "text.ts", labels=LABELS)
