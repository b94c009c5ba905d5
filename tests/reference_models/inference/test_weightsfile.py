import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from ctbench.errors import DataError, MissingFileError, UsageError
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.inference.weightsfile import Weights


def test_weights_come_back_as_they_were_written(cai_weights, tmp_path):
    """Tensors, configuration and labels; the digest is the file's."""
    written = cai_weights()
    written.save(tmp_path / "w.safetensors")
    read = Weights.load(tmp_path / "w.safetensors", "cai-unet")
    assert read.labels == written.labels
    assert CaiConfiguration.read(read.configuration) == CaiConfiguration.read(written.configuration)
    assert len(read.digest) == 64
    network = CaiConfiguration.read(read.configuration).network()
    read.put_into(network, "the file")
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), written.tensors[name])


def test_half_precision_halves_the_file(tmp_path):
    """Floats are stored in 16 bits and used in 32."""
    network = CaiConfiguration(classes=2, width=4).network()
    from ctbench.labels import LabelSet

    facts = {"model": "cai-unet", "configuration": {"classes": 2, "width": 4}, "labels": LabelSet({"a": 1})}
    Weights.of(network, **facts).save(tmp_path / "whole.safetensors")
    Weights.of(network, half=True, **facts).save(tmp_path / "half.safetensors")
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    other = CaiConfiguration(classes=2, width=4).network()
    Weights.load(tmp_path / "half.safetensors", "cai-unet").put_into(other, "the file")
    assert other.head.weight.dtype == torch.float32
    torch.testing.assert_close(other.head.weight, network.head.weight, rtol=1e-3, atol=1e-4)


def test_the_metadata_is_plain_json(cai_weights, tmp_path):
    """Whoever has safetensors can read what a file is, without this package."""
    cai_weights().save(tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", framework="numpy") as file:
        card = json.loads(file.metadata()["ctbench"])
    assert card["model"] == "cai-unet"
    assert card["labels"] == {"ventricles": 10, "caudate": 6, "cerebellum": 5}


def test_weights_of_another_model_are_refused_by_both_names(cai_weights, tmp_path):
    """The message names what the file holds and what was expected."""
    cai_weights().save(tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match=r"holds weights of cai-unet .*width=2.*expected weights of deepbleed-128"):
        Weights.load(tmp_path / "w.safetensors", "deepbleed-128")


def test_weights_of_another_configuration_are_refused_by_both(cai_weights):
    """The message names the configuration, a tensor, and both of its shapes."""
    with pytest.raises(UsageError, match=r"another configuration.*width=2.*expected \(.*got \("):
        cai_weights().put_into(CaiConfiguration(classes=4, width=3).network(), "w.safetensors")


def test_absent_and_foreign_files_are_refused(tmp_path):
    """Both say what the file should be."""
    with pytest.raises(MissingFileError, match="no weights at"):
        Weights.load(tmp_path / "absent.safetensors", "cai-unet")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(DataError, match="does not hold weights of cai-unet"):
        Weights.load(tmp_path / "text.safetensors", "cai-unet")


def test_a_network_of_another_size_is_never_made(cai_weights):
    """A file that says more of its network than it holds takes no memory; it is told before anything is built."""
    weights, asked = cai_weights(), []

    def build():
        asked.append(torch.empty(0).device.type)
        return CaiConfiguration(classes=4, width=2048).network()

    with pytest.raises(UsageError, match="another configuration"):
        weights.into(build, "w.safetensors")
    assert asked == ["meta"]
    network = weights.into(CaiConfiguration(classes=4, width=2).network, "w.safetensors")
    assert next(network.parameters()).device.type == "cpu"


def test_a_network_that_cannot_be_made_is_said_in_a_sentence(cai_weights):
    """Whatever torch says of it stands at the end."""
    with pytest.raises(UsageError, match=r"there is no cai-unet with classes=4.*negative dimension"):
        cai_weights().into(lambda: torch.nn.Linear(-1, 2), "w.safetensors")
