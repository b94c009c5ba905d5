import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ctbench.errors import MissingFileError
from ctbench.predictors import open_predictor
from ctbench.volume import Volume, read_volume, write_volume
from reference_models.external.nnunet import _chosen, nnunet

NETWORK = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
RESAMPLING = "resample_data_or_seg_to_shape"
MAKE = """
import sys, torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
import json
plans, heads, out = json.load(open(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
network = plans["configurations"]["3d_fullres"]["architecture"]
torch.manual_seed(0)
made = get_network_from_plans(
    network["network_class_name"], network["arch_kwargs"], network["_kw_requires_import"], 1, heads,
    allow_init=True, deep_supervision=False,
)
torch.save({"network_weights": made.state_dict(), "trainer_name": "nnUNetTrainer",
            "init_args": {"configuration": "3d_fullres"}, "inference_allowed_mirroring_axes": (0, 1, 2)}, out)
"""
"""Program that writes a checkpoint of random weights: nnU-Net's imports warn, which this suite does not accept."""


def plans():
    """Plans of a small network, as nnU-Net's planner writes them."""
    channels, kernel, stride = [4, 8], [[3, 3, 3], [3, 3, 3]], [[1, 1, 1], [1, 2, 2]]
    unet = {
        "n_stages": 2,
        "features_per_stage": channels,
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": kernel,
        "strides": stride,
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    kwargs = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [4, 32, 32],
        "median_image_size_in_voxels": [5, 40, 36],
        "spacing": [5.0, 0.8, 0.8],
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": RESAMPLING,
        "resampling_fn_seg": RESAMPLING,
        "resampling_fn_data_kwargs": kwargs,
        "resampling_fn_seg_kwargs": kwargs | {"is_seg": True, "order": 1},
        "resampling_fn_probabilities": RESAMPLING,
        "resampling_fn_probabilities_kwargs": kwargs | {"order": 1},
        "architecture": {
            "network_class_name": NETWORK,
            "arch_kwargs": unet,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": False,
    }
    intensities = {
        "max": 200,
        "mean": 0,
        "median": 0,
        "min": -1000,
        "percentile_00_5": -990,
        "percentile_99_5": 190,
        "std": 300,
    }
    return {
        "dataset_name": "Dataset901_heads",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [5.0, 0.8, 0.8],
        "original_median_shape_after_transp": [5, 40, 36],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }


def run(*arguments):
    """Run a program of nnU-Net's environment."""
    environment = os.environ | {f"nnUNet_{name}": "" for name in ("raw", "preprocessed", "results")}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def trained(tmp_path):
    """Make a model folder of nnU-Net with random weights."""
    if importlib.util.find_spec("nnunetv2") is None:
        pytest.skip("nnunetv2 is not installed; pip install '.[nnunet]'")

    def make(labels, heads, **others):
        folder = tmp_path / "Dataset901_heads" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
        (folder / "fold_0").mkdir(parents=True)
        content = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz", **others}
        (folder / "dataset.json").write_text(json.dumps(content))
        (folder / "plans.json").write_text(json.dumps(plans()))
        run(sys.executable, "-c", MAKE, folder / "plans.json", str(heads), folder / "fold_0" / "checkpoint_final.pth")
        return folder

    return make


def official(folder, image, tmp_path):
    """What nnU-Net's own command predicts for an image."""
    write_volume(image, tmp_path / "in" / "case_0000.nii.gz")
    program = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    run(
        program,
        "-i",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "-m",
        folder,
        "-f",
        "0",
        "-device",
        "cpu",
        "-npp",
        "1",
        "-nps",
        "1",
    )
    return read_volume(tmp_path / "out" / "case.nii.gz")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "heads", "others", "names"),
    [
        ({"background": 0, "iph": 1, "ivh": 2}, 3, {}, ("iph", "ivh")),
        ({"background": 0, "all": [1, 2], "ivh": 2}, 2, {"regions_class_order": [1, 2]}, ("all_rest", "ivh")),
    ],
)
def test_it_predicts_what_nnunets_own_command_predicts(trained, image, tmp_path, labels, heads, others, names):
    """Voxel for voxel, in the sandbox, for labels and for regions, on an image stored along other axes."""
    folder = trained(labels, heads, **others)
    turned = Volume(image.array[:, ::-1], image.spacing_mm, (3.0, 20.0, -7.0), np.diag([1.0, -1.0, 1.0]))
    predictor = open_predictor(f"nnunet:{folder}", {"device": "cpu"})
    try:
        assert tuple(predictor.info.labels) == names
        assert predictor.info.name == "Dataset901_heads-3d_fullres"
        found = predictor.predict(turned).labels
    finally:
        predictor.stop()
    expected = official(folder, turned, tmp_path)
    assert len(np.unique(expected.array)) > 1
    np.testing.assert_array_equal(found, expected.array)


@pytest.fixture
def folds(tmp_path):
    """A folder with the weights of two folds, and of one without."""
    for name in ("fold_0", "fold_1", "fold_2"):
        (tmp_path / name).mkdir()
        if name != "fold_2":
            torch.save({}, tmp_path / name / "checkpoint_final.pth")
    return tmp_path


def test_every_fold_with_weights_is_used_unless_some_are_chosen(folds):
    """`all` is the model of all cases where it was trained."""
    final = "checkpoint_final.pth"
    assert _chosen(folds, None, final) == _chosen(folds, "all", final) == ["0", "1"]
    assert _chosen(folds, 1, final) == _chosen(folds, "1", final) == _chosen(folds, [1], final) == ["1"]
    (folds / "fold_all").mkdir()
    (folds / "fold_all" / final).touch()
    assert _chosen(folds, "all", final) == ["all"]
    assert _chosen(folds, None, final) == ["0", "1"]


def test_a_fold_or_checkpoint_that_is_not_there_is_named(folds):
    """With those that are."""
    with pytest.raises(MissingFileError, match=r"in fold 2; it has checkpoint_final\.pth in fold 0, 1"):
        _chosen(folds, [0, 2], "checkpoint_final.pth")
    with pytest.raises(MissingFileError, match=r"no fold has a checkpoint_best\.pth"):
        _chosen(folds, None, "checkpoint_best.pth")


def test_a_folder_that_is_no_model_is_named(tmp_path):
    """Before nnU-Net is imported."""
    with pytest.raises(MissingFileError, match=r"no model of nnU-Net at .*absent"):
        nnunet(tmp_path / "absent")
