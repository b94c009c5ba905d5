"""Checkpoints of BLAST-CT: their layout, and what is refused."""

import hashlib
import re

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, UsageError
from reference_models.blast_ct.network import DeepMedic
from reference_models.blast_ct.weights_import import convert_blast

THEIR_PARTS = {"norm": "bn", "activation": "prelu", "convolution": "conv"}


def their_name(name):
    """The name of one of our tensors in a checkpoint of the authors' program."""
    group, *rest = name.split(".")
    if group == "head":
        layer, part, tensor = rest
        return f"fully_connected.{layer}.{THEIR_PARTS[part]}.{tensor}"
    path, layer, part, tensor = rest
    scale = (5, 3, 1)[int(path)]
    return f"path({scale}, {scale}, {scale}){path}.path.{int(layer) + 1}.{THEIR_PARTS[part]}.{tensor}"


@pytest.fixture
def network():
    """A narrow network with random weights."""
    torch.manual_seed(0)
    return DeepMedic(channels=(2, 3), hidden=(4,)).eval()


@pytest.fixture
def checkpoint(network):
    """Its state in the authors' layout."""
    return {their_name(name): tensor for name, tensor in network.state_dict().items()}


@pytest.fixture
def convert(tmp_path):
    """Write a checkpoint and convert it."""

    def through_a_file(state, labels=None):
        torch.save(state, tmp_path / "model_1.torch_model")
        return convert_blast("blast-ct", tmp_path / "model_1.torch_model", labels)

    return through_a_file


def test_the_names_are_those_that_the_authors_program_writes():
    """Written down from a state of the program itself (blast-ct 2.1.0): first and last of paths and of the head."""
    names = [their_name(name) for name in DeepMedic().state_dict()]
    assert names[0] == "path(5, 5, 5)0.path.1.bn.weight"
    assert names[167] == "path(1, 1, 1)2.path.8.conv.weight"
    assert names[168] == "fully_connected.0.bn.weight"
    assert names[-2:] == ["fully_connected.2.prelu.weight", "fully_connected.2.conv.weight"]


def test_an_imported_network_answers_as_before(network, checkpoint, convert, tmp_path):
    """Every tensor is in its place, sizes and source are known, and the classes have the authors' names."""
    weights = convert(checkpoint)
    assert dict(weights.labels.codes) == {"iph": 1, "eah": 2, "oedema": 3, "ivh": 4}
    assert (weights.configuration["channels"], weights.configuration["hidden"]) == ((2, 3), (4,))
    digest = hashlib.sha256((tmp_path / "model_1.torch_model").read_bytes()).hexdigest()
    assert weights.configuration["source_sha256"] == digest
    assert (weights.trained_on, weights.phantoms_only) == ((), False)
    again = weights.into(lambda: DeepMedic(channels=(2, 3), hidden=(4,)), "here").eval()
    x = torch.rand(1, 1, 35, 35, 35)
    with torch.inference_mode():
        np.testing.assert_array_equal(network(x), again(x))


def test_other_labels_are_given_in_the_order_of_the_classes(checkpoint, convert):
    """Their number has to be that of the classes without background."""
    assert dict(convert(checkpoint, {"a": 7, "b": 5, "c": 1, "d": 2}).labels.codes) == {"a": 7, "b": 5, "c": 1, "d": 2}
    with pytest.raises(UsageError, match="has 4 structures, but there are 1 labels; name all of them with --label"):
        convert(checkpoint, {"a": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state | {"extra.weight": torch.zeros(1)}, "holds a tensor 'extra.weight'"),
        (lambda state: {name: state[name] for name in list(state)[1:]}, "1 tensors differ, e.g. paths.0.0.norm.weight"),
        (lambda state: {name: state[name] for name in state if "path" in name}, "lacks the convolutions"),
        (lambda state: dict.fromkeys(state, 1), "holds no names with tensors"),
        (lambda state: list(state.values()), "holds no names with tensors"),
    ],
)
def test_another_layout_is_refused(checkpoint, convert, change, message):
    """The message says what was found and what was expected."""
    with pytest.raises(DataError, match=re.escape(message)):
        convert(change(checkpoint))


class Harm:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_checkpoint_is_not_executed(checkpoint, convert, tmp_path):
    """A checkpoint that would write a file when unpickled is refused, and the file is not there."""
    with pytest.raises(DataError, match="is not a checkpoint of tensors alone"):
        convert(checkpoint | {"harm": Harm(tmp_path / "harmed")})
    assert not (tmp_path / "harmed").exists()


def test_a_tensor_larger_than_its_file_is_refused(checkpoint, convert):
    """One number, repeated without storage, would fill the memory when it is copied."""
    first = next(iter(checkpoint))
    with pytest.raises(DataError, match=r"would unpack from .* to 8 GiB"):
        convert(checkpoint | {first: torch.zeros(1).expand(1 << 31)})
