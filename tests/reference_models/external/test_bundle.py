import importlib.util
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.predictors import load_predictor, open_predictor
from ctbench.volume import Volume, write_volume
from reference_models.external.bundle import bundle

# MONAI warns of optional readers of images that are not installed, and of a default of its own.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("UserWarning", "FutureWarning")]

NETWORK = {
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "channels": [4, 8],
    "strides": [2],
    "num_res_units": 1,
    "norm": "batch",
}
CHANNELS = {"0": "background", "1": "iph", "2": "ivh"}


def keyed(target, key="image", **arguments):
    """The config of a transform of a dictionary."""
    return {"_target_": target, "keys": key, **arguments}


BEFORE = [
    keyed("LoadImaged"),
    keyed("EnsureChannelFirstd"),
    keyed("Orientationd", axcodes="RAS"),
    keyed("Spacingd", pixdim=[1.0, 1.0, 5.0], mode="bilinear"),
    keyed("ScaleIntensityRanged", a_min=-15, a_max=100, b_min=0, b_max=1, clip=True),
    keyed("EnsureTyped"),
]
AFTER = [
    keyed("Activationsd", "pred", softmax=True),
    keyed("Invertd", "pred", transform="@preprocessing", orig_keys="image", nearest_interp=False, to_tensor=True),
    keyed("AsDiscreted", "pred", argmax=True),
    keyed("SaveImaged", "pred", output_dir="@output_dir"),
]
CONFIG = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "dataset_dir": "nowhere",
    "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
    "device": "$torch.device('cpu')",
    "network_def": {"_target_": "UNet", **NETWORK},
    "network": "$@network_def.to(@device)",
    "preprocessing": {"_target_": "Compose", "transforms": BEFORE},
    "dataset": {"_target_": "Dataset", "data": "$[{'image': i} for i in @datalist]", "transform": "@preprocessing"},
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 4], "sw_batch_size": 1, "overlap": 0.25},
    "postprocessing": {"_target_": "Compose", "transforms": AFTER},
    "handlers": [
        {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        }
    ],
    "evaluator": {
        "_target_": "SupervisedEvaluator",
        "device": "@device",
        "val_data_loader": "@dataloader",
        "network": "@network",
        "inferer": "@inferer",
        "postprocessing": "@postprocessing",
        "val_handlers": "@handlers",
    },
    "run": ["$@evaluator.run()"],
}


@pytest.fixture
def folder(tmp_path):
    """A bundle with random weights, as a state and as TorchScript."""
    if importlib.util.find_spec("nibabel") is None:
        pytest.skip("nibabel is not installed; pip install '.[bundle]'")
    from monai.networks.nets import UNet

    for name in ("configs", "models"):
        (tmp_path / "heads" / name).mkdir(parents=True)
    folder = tmp_path / "heads"
    (folder / "configs" / "inference.json").write_text(json.dumps(CONFIG))
    metadata = {"version": "0.1.0", "network_data_format": {"outputs": {"pred": {"channel_def": CHANNELS}}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    torch.manual_seed(0)
    network = UNet(**NETWORK).eval()
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network).save(folder / "models" / "model.ts")
    return folder


@pytest.fixture
def scan(image):
    """An image stored along other axes than the network's."""
    return Volume(image.array[:, ::-1], image.spacing_mm, (3.0, 20.0, -7.0), np.diag([1.0, -1.0, 1.0]))


def predicted(spec, options, scan):
    """The labels that a spec predicts in the sandbox."""
    predictor = open_predictor(spec, options)
    try:
        return predictor.predict(scan).labels
    finally:
        predictor.stop()


@pytest.mark.slow
def test_it_predicts_what_monai_itself_predicts(folder, scan, tmp_path):
    """In the sandbox, voxel for voxel what `monai.bundle run` writes; `folder:` reads what it writes."""
    if importlib.util.find_spec("ignite") is None or importlib.util.find_spec("fire") is None:
        pytest.skip("pytorch-ignite or fire, which MONAI's own command needs, is not installed")
    write_volume(scan, tmp_path / "in" / "case.nii.gz")
    config, out = folder / "configs" / "inference.json", tmp_path / "out"
    options = ["--bundle_root", folder, "--dataset_dir", tmp_path / "in", "--output_dir", out]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", config, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    (out / "labels.json").write_text('{"iph": 1, "ivh": 2}')
    expected = load_predictor(f"folder:{out}").prediction("case", scan).labels
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(predicted(f"bundle:{folder}", {"device": "cpu"}, scan), expected)
    torchscript = predicted(f"bundle:{folder}", {"device": "cpu", "checkpoint": "model.ts"}, scan)
    np.testing.assert_array_equal(torchscript, expected)


def test_the_metadata_are_its_card(folder):
    """Version, name of the folder, and the channels; an option names them anew."""
    info = bundle(folder, device="cpu").info
    assert (info.name, info.version, dict(info.labels.codes)) == ("heads", "0.1.0", {"iph": 1, "ivh": 2})
    assert bundle(folder, device="cpu", labels={"a": 1, "b": 2}).info.labels.names == ("a", "b")


def test_several_channels_become_codes(folder):
    """Where they overlap, the last one counts; a background before them is left out."""
    predictor = bundle(folder, device="cpu")
    iph, ivh = np.array([[[0, 1, 1, 0]]]), np.array([[[0, 0, 1, 1]]])
    assert predictor._codes(np.stack([iph, ivh]).astype(float)).ravel().tolist() == [0, 1, 2, 2]
    assert predictor._codes(np.stack([iph < 0, iph, ivh]).astype(float)).ravel().tolist() == [0, 1, 2, 2]
    assert predictor._codes(2.0 * ivh[None]).ravel().tolist() == [0, 0, 2, 2]


def test_what_is_missing_is_named(folder, tmp_path):
    """A folder that is no bundle, a checkpoint, and the names of the channels."""
    with pytest.raises(MissingFileError, match="no bundle at"):
        bundle(tmp_path)
    with pytest.raises(MissingFileError, match=r"no best\.pt; it has model\.pt, model\.ts"):
        bundle(folder, checkpoint="best.pt")
    (folder / "configs" / "metadata.json").write_text("{}")
    with pytest.raises(UsageError, match="channel_def"):
        bundle(folder)


def test_a_config_that_cannot_be_used_is_an_error_of_the_bundle(folder):
    """The message names the folder."""
    (folder / "configs" / "inference.json").write_text(json.dumps({"preprocessing": {"_target_": "NoSuchTransform"}}))
    with pytest.raises(DataError, match="heads cannot be used"):
        bundle(folder, device="cpu")
