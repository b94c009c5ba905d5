"""What predictors leave: folders of predictions, weights, checkpoints."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from ctbench.labels import LabelSet
from ctbench.volume import Volume, write_volume
from reference_models.blast_ct.predictor import BlastConfiguration
from reference_models.cai_unet.network import CaiUNet
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.cascade_unet.predictor import CascadeConfiguration
from reference_models.deepbleed.predictor import LABEL, DeepBleedConfiguration
from reference_models.deepnat.predictor import DeepNatConfiguration
from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration
from reference_models.inference.weightsfile import Weights
from reference_models.training.checkpoint import save_checkpoint

NO_JSON = {
    "nothing": b"",
    "zeros": b"\0" * 100,
    "half": b'{"iph": 1, ',
    "Latin-1": '{"Schädel": 1}'.encode("latin-1"),
    "a list": b"[1, 2]",
    "null": b"null",
    "a deep nest": b"[" * 100_000,
    "a deep nest of objects": b'{"a":' * 100_000,
    "a number of a million digits": b'{"iph": ' + b"9" * 1_000_000 + b"}",
}


@pytest.fixture
def predictions(tmp_path):
    """A folder with the prediction of case a."""
    write_volume(Volume(np.zeros((3, 4, 5), np.uint8), (5.0, 1.0, 1.0)), tmp_path / "a.nii.gz")
    (tmp_path / "labels.json").write_text('{"iph": 1}')
    return tmp_path


def test_the_whole_one_is_read(guard, predictions):
    """What the others are made of is fine."""
    (predictions / "a.json").write_text('{"score": 0.5, "findings": []}')
    assert guard.ask("prediction", predictions)["outcome"] == "read"


CARDS = {
    **NO_JSON,
    "an empty set": b"{}",
    "a label of zero": b'{"iph": 0}',
    "a label of text": b'{"iph": "1"}',
    "a label of a fraction": b'{"iph": 1.5}',
    "a label that is true": b'{"iph": true}',
    "a label of NaN": b'{"iph": NaN}',
    "two labels of one code": b'{"iph": 1, "ivh": 1}',
    "a key too many": b'{"labels": {"iph": 1}, "colour": "red"}',
    "a group of strangers": b'{"labels": {"iph": 1}, "groups": {"h": ["toes"]}}',
    "groups of a list": b'{"labels": {"iph": 1}, "groups": ["h"]}',
    "parameters of text": b'{"labels": {"iph": 1}, "parameters": "many"}',
    "datasets of a number": b'{"labels": {"iph": 1}, "training_datasets": 3}',
}


@pytest.mark.parametrize("what", CARDS)
def test_label_sets(predictions, refused, what):
    """``labels.json`` holds something else."""
    (predictions / "labels.json").write_bytes(CARDS[what])
    assert "labels.json" in refused("prediction", predictions)


FINDINGS = {
    **NO_JSON,
    "a score of text": b'{"score": "high"}',
    "a score of two": b'{"score": 2}',
    "a score of NaN": b'{"score": NaN}',
    "a score of a list": b'{"score": [1]}',
    "findings of a number": b'{"findings": 3}',
    "a finding of text": b'{"findings": ["here"]}',
    "a finding without a box": b'{"findings": [{"slice": 0, "type": "iph", "confidence": 1}]}',
    "a box of three": b'{"findings": [{"slice": 0, "box": [0, 0, 1], "type": "iph", "confidence": 1}]}',
    "a box of NaN": b'{"findings": [{"slice": 0, "box": [NaN, 0, 1, 1], "type": "iph", "confidence": 1}]}',
    "a box turned over": b'{"findings": [{"slice": 0, "box": [3, 3, 1, 1], "type": "iph", "confidence": 1}]}',
    "a slice of infinity": b'{"findings": [{"slice": 1e999, "box": [0, 0, 1, 1], "type": "iph", "confidence": 1}]}',
    "a confidence of NaN": b'{"findings": [{"slice": 0, "box": [0, 0, 1, 1], "type": "iph", "confidence": NaN}]}',
    "ten megabytes": b'{"findings": [' + b" " * 10_000_000 + b"]}",
}


@pytest.mark.parametrize("what", FINDINGS)
def test_score_and_findings(predictions, survived, guard, what):
    """What stands beside a prediction is of the form that the contract says, or it is refused."""
    (predictions / "a.json").write_bytes(FINDINGS[what])
    outcome = survived("prediction", predictions)
    # What a box and a score may be is checked when the prediction is taken, beside what comes of predictors in memory.
    assert outcome == "refused" or what in {"a score of two", "a score of NaN"} or "box" in what or "confidence" in what


@pytest.mark.parametrize(
    "what", ["another grid", "another spacing", "floats", "an unknown code", "a link", "a folder", "4D"]
)
def test_label_maps(predictions, refused, what):
    """A prediction that is none of this image."""
    path = predictions / "a.nii.gz"
    array, spacing = np.zeros((3, 4, 5), np.uint8), (5.0, 1.0, 1.0)
    path.unlink()
    if what == "a link":
        path.symlink_to(predictions / "labels.json")
    elif what == "a folder":
        path.mkdir()
    else:
        changes = {"another grid": (array[:2], spacing), "another spacing": (array, (4.0, 1.0, 1.0))}
        changes |= {"floats": (array + 0.5, spacing), "an unknown code": (array + 9, spacing), "4D": (array, spacing)}
        write_volume(Volume(*changes[what]), path)
        if what == "4D":
            path.write_bytes(path.read_bytes() + path.read_bytes())
    refused("prediction", predictions)


NARROW = {
    "blast": ("blast-ct", BlastConfiguration(classes=2, channels=(2, 2), hidden=(2,))),
    "cai": ("cai-unet", CaiConfiguration(classes=3, width=2)),
    "cascade": ("cascade-unet", CascadeConfiguration(levels=2, width=2, patch=(16, 16, 16))),
    "chang": ("hybrid-mask-rcnn", ChangConfiguration(edge=64, widths=(2, 2, 2, 2, 2), pyramid=4, blocks=1, hidden=4)),
    "deepbleed": ("deepbleed-64", DeepBleedConfiguration("deepbleed-64", 16, 6.0, width=2)),
    "deepnat": ("deepnat", DeepNatConfiguration(structures=2, widths=(2, 2, 2), hidden=(4, 4))),
}


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Untrained weights of a narrow network of each model, and a checkpoint."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for kind, (model, configuration) in NARROW.items():
        labels = LabelSet({"caudate": 1, "ventricles": 2} if kind in {"cai", "deepnat"} else {LABEL: 1})
        network = configuration.network()
        Weights.of(network, model=model, configuration=asdict(configuration), labels=labels).save(folder / kind)
    network = CaiUNet(classes=3, width=2)
    optimizer = torch.optim.Adam(network.parameters())
    save_checkpoint(folder / "checkpoint", network, optimizer, network.state_dict(), {"settings": {"seed": 1}})
    return folder


KINDS = sorted([*NARROW, "checkpoint"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_weights_are_read(guard, weights, kind):
    """What the others are made of is fine."""
    assert guard.ask(kind, weights / kind)["outcome"] == "read"


@pytest.mark.parametrize("left", [0, 4, 8, 100, 2000, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_truncated_weights(weights, tmp_path, refused, kind, left):
    """Cut in the length of the header, in the header, and in the tensors."""
    (tmp_path / kind).write_bytes((weights / kind).read_bytes()[:left])
    refused(kind, tmp_path / kind)


HEADERS = {
    "zeros": b"\0" * 100,
    "a header of 2^63 bytes": (2**63).to_bytes(8, "little") + b"{}",
    "a header of 100 MB": (10**8).to_bytes(8, "little") + b"{}",
    "no JSON": (4).to_bytes(8, "little") + b"abcd",
    "a list": (2).to_bytes(8, "little") + b"[]",
    "a pickle": b"\x80\x04\x95\x1b\0\0\0\0\0\0\0\x8c\x08builtins\x94\x8c\x04eval\x94\x93\x94.",
    "a zip": b"PK\x03\x04" + b"\0" * 100,
}


@pytest.mark.parametrize("what", HEADERS)
@pytest.mark.parametrize("kind", [*KINDS, "atlas", "blast-import", "cai-import", "deepbleed-import"])
def test_weights_that_are_none(tmp_path, refused, kind, what):
    """No safetensors at all, nor what the authors published."""
    (tmp_path / "w").write_bytes(HEADERS[what])
    refused(kind, tmp_path / "w")


CONFIGURATIONS = {
    "a key too many": {"colour": "red"},
    "a width of zero": {"width": 0},
    "a negative width": {"width": -2},
    "a width of a billion": {"width": 10**9},
    "a width of text": {"width": "wide"},
    "no classes": {"classes": 0},
    "a million classes": {"classes": 10**6},
    "a normalisation that does not exist": {"normalization": "wishful"},
    "a window of three": {"window_hu": [0, 1, 2]},
    "a window of text": {"window_hu": "brain"},
    "a window of nothing": {"window_hu": [5, 5]},
    "pixels of zero": {"pixel_mm": 0},
    "pixels of text": {"pixel_mm": "small"},
}


@pytest.mark.parametrize("what", CONFIGURATIONS)
def test_weights_of_a_configuration_that_cannot_be(weights, tmp_path, refused, what):
    """The card beside the tensors says something else."""
    whole = Weights.load(weights / "cai", "cai-unet")
    spoilt = dict(whole.configuration) | CONFIGURATIONS[what]
    Weights("cai-unet", spoilt, whole.labels, whole.tensors).save(tmp_path / "w")
    refused("cai", tmp_path / "w")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("blast", {"classes": 10**9}),
        ("blast", {"channels": []}),
        ("blast", {"channels": [10**9, 2]}),
        ("blast", {"window_hu": [3, 3]}),
        ("blast", {"source_sha256": 7}),
        ("deepbleed", {"edge": 0}),
        ("deepbleed", {"edge": "large"}),
        ("deepbleed", {"spacing_mm": -1}),
        ("deepbleed", {"model": "deepbleed-7"}),
        ("deepbleed", {"width": 10**9}),
        ("deepbleed", {"blocks": "many"}),
        ("cascade", {"width": 10**9}),
        ("cascade", {"stages": 3}),
        ("cascade", {"plan": "none"}),
        ("cascade", {"levels": 10**6}),
        ("cascade", {"patch": [15, 16, 16]}),
        ("cascade", {"patch": [16, 16]}),
        ("cascade", {"spacing_mm": [1, 0, 1]}),
        ("cascade", {"windows_hu": []}),
        ("chang", {"edge": 10**9}),
        ("chang", {"edge": -64}),
        ("chang", {"widths": [2, 2]}),
        ("chang", {"widths": [10**9] * 5}),
        ("chang", {"anchors_px": []}),
        ("chang", {"anchors_px": [-1, 2, 3, 4]}),
        ("chang", {"types": ["iph", "ivh"]}),
        ("chang", {"window_hu": [3, 3]}),
        ("deepnat", {"structures": 10**9}),
        ("deepnat", {"widths": [10**9, 2, 2]}),
        ("deepnat", {"hidden": [4]}),
        ("deepnat", {"tasks": 6}),
        ("deepnat", {"coordinates": "polar"}),
        ("deepnat", {"spacing_mm": 0}),
        ("deepnat", {"smoothness": float("nan")}),
    ],
)
def test_weights_of_other_networks_that_cannot_be(weights, tmp_path, refused, kind, change):
    """As for the U-Net."""
    model = NARROW[kind][0]
    whole = Weights.load(weights / kind, model)
    Weights(model, dict(whole.configuration) | change, whole.labels, whole.tensors).save(tmp_path / "w")
    refused(kind, tmp_path / "w")


CARD = {
    "format": 1,
    "model": "cai-unet",
    "configuration": {},
    "labels": {"a": 1},
    "trained_on": "",
    "phantoms_only": False,
}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 9},
        {"model": "other"},
        {"model": 3},
        {"labels": {}},
        {"labels": {"a": 0}},
        {"labels": 7},
        {"configuration": []},
        {"configuration": None},
    ],
)
def test_cards_of_weights(tmp_path, refused, change):
    """What stands in the metadata of the file."""
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "w", {"ctbench": json.dumps(CARD | change)})
    refused("cai", tmp_path / "w")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"state": "{"},
        {"state": "[]"},
        {"state": "{}"},
        {"state": '{"settings": 3}'},
        {"state": '{"settings": {"seed": 2}}'},
        {"state": "[" * 100_000},
    ],
)
def test_states_of_checkpoints(tmp_path, refused, metadata):
    """Metadata of a checkpoint that are none, or of another training."""
    save_file({"network.a": np.zeros(3, np.float32)}, tmp_path / "c", metadata)
    refused("checkpoint", tmp_path / "c")


def test_a_checkpoint_of_another_network(tmp_path, refused):
    """The settings are these, the tensors are not."""
    tensors = {"network.a": np.zeros(3, np.float32), "optimizer.x.step": np.zeros(1, np.float32)}
    save_file(tensors, tmp_path / "c", {"state": '{"settings": {"seed": 1}}'})
    refused("checkpoint", tmp_path / "c")


@pytest.mark.parametrize(
    "arrays", [{}, {"a": np.zeros(3)}, {"a": np.zeros(3), "b": np.zeros(3)}, {"a": np.float32(1), "b": np.float32(1)}]
)
def test_arrays_that_are_no_v_net(tmp_path, refused, arrays):
    """An archive of arrays, but not of kernels and biases."""
    np.savez(tmp_path / "w.npz", **arrays)
    refused("deepbleed-import", tmp_path / "w.npz")


def test_an_archive_of_pickles(tmp_path, refused):
    """Objects are never made of bytes that somebody sent."""
    np.savez(tmp_path / "w.npz", a=np.array([{}], object), b=np.zeros(3))
    refused("deepbleed-import", tmp_path / "w.npz")


@pytest.mark.parametrize(
    "what", ["no groups", "names of numbers", "a layer that is not there", "a weight that is not there", "truncated"]
)
def test_keras_files(tmp_path, refused, what):
    """HDF5, but not as Keras lays it out."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.hdf5"
    with h5py.File(path, "w") as file:
        if what == "names of numbers":
            file.attrs["layer_names"] = 3
        elif what != "no groups":
            file.attrs["layer_names"] = np.array([b"conv2d"])
        if what in {"a weight that is not there", "truncated"}:
            file.create_group("conv2d").attrs["weight_names"] = np.array([b"conv2d/kernel:0"])
        file.create_dataset("rest", data=np.zeros(1000))
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:-3000])
    refused("cai-import", path)
