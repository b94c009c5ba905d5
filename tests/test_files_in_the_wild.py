"""Files as tools really write them, through every command: whole ones are read, others are refused in words.

The cases follow public bug reports of other tools; each file is made here, field by field.
"""

import json

import numpy as np
import pytest
import SimpleITK

from ctbench.datasets import load_dataset
from ctbench.runs import run
from ctbench.volume import Volume, to_itk

PIXDIM = (0.5, 0.5, 5.0)
PLACE = np.column_stack([np.diag(PIXDIM), [3.0, 4.0, 5.0]])
HERE = {"pixdim": PIXDIM, "qform": (1, 0, 0, 0, 3, 4, 5), "sform": (1, PLACE)}
TURNED = (1, 0, 0, 0.0697565, -20, 7, 1)
YAML = """
wild:
  title: One case
  modality: CT
  task: segmentation
  labels: {a: 1, b: 2}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
"""


def labels():
    """A label map with a box of each label."""
    array = np.zeros((6, 12, 10), np.uint8)
    array[1:4, 2:8, 2:7] = 1
    array[2:5, 8:11, 3:8] = 2
    return array


@pytest.fixture
def wild(tmp_path, write_nifti):
    """A function that writes a dataset of one case with two readers who agree; ``fields`` place all files."""

    def make(**fields):
        fields = fields or HERE
        write_nifti("ds/images/p1.nii.gz", labels().astype(np.int16) * 30, **fields)
        for reader in ("anna", "ben"):
            write_nifti(f"ds/readers/{reader}/p1.nii.gz", labels(), **fields)
        (tmp_path / "ds" / "wild.yaml").write_text(YAML)
        (tmp_path / "pred").mkdir(exist_ok=True)
        (tmp_path / "pred" / "labels.json").write_text(json.dumps({"a": 1, "b": 2}))
        return tmp_path

    return make


def by_itk(suffix, dtype=np.uint8, unit=1.0):
    """Write a prediction in another format, with lengths in a unit of so many mm."""

    def write(folder, _):
        volume = Volume(labels().astype(dtype), (5 / unit, 0.5 / unit, 0.5 / unit), (5 / unit, -4 / unit, -3 / unit))
        turned = Volume(volume.array, volume.spacing_mm, volume.origin_mm, np.diag([1.0, -1, -1]))
        SimpleITK.WriteImage(to_itk(turned), str(folder / "pred" / f"p1{suffix}"))

    return write


def by_fields(array=None, name="pred/p1.nii.gz", **fields):
    """Write a prediction as a NIfTI with these fields."""
    return lambda _, write_nifti: write_nifti(name, labels() if array is None else array, **{**HERE, **fields})


def microns_in_nrrd(folder, write_nifti):
    """Write a prediction as NRRD in microns."""
    by_itk(".nrrd", unit=0.001)(folder, write_nifti)
    path = folder / "pred" / "p1.nrrd"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"encoding:", b'space units: "um" "um" "um"\nencoding:', 1))


SHEARED = np.column_stack([np.array([[1, 1e-4, 0], [0, 1, 0], [0, 0, 1]]) @ np.diag(PIXDIM), [3.0, 4.0, 5.0]])
WAYS = {
    "integers": by_fields(),
    "float64": by_fields(labels().astype(np.float64)),
    "float32": by_fields(labels().astype(np.float32)),
    "int64": by_fields(labels().astype(np.int64)),
    "uint64": by_fields(labels().astype(np.uint64)),
    "a slope of one": by_fields(scale=(1, 0)),
    "a slope of two over halves": by_fields(labels().astype(np.float32) / 2, scale=(2, 0)),
    "an intercept": by_fields(labels().astype(np.int16) - 100, scale=(1, 100)),
    "a fourth axis of one": by_fields(labels()[None]),
    "a fourth and a fifth axis of one": by_fields(labels()[None, None]),
    "no compression": by_fields(name="pred/p1.nii"),
    "NRRD": by_itk(".nrrd"),
    "MetaImage": by_itk(".mha", np.float32),
    "NRRD in microns": microns_in_nrrd,
    "metres": by_fields(
        pixdim=np.array(PIXDIM) / 1000, qform=(1, 0, 0, 0, 0.003, 0.004, 0.005), sform=(1, PLACE / 1000), unit=1
    ),
    "no unit": by_fields(unit=0),
    "the sform alone": by_fields(qform=None),
    "the qform alone": by_fields(sform=None),
    "a sheared sform": by_fields(qform=None, sform=(2, SHEARED)),
    "another qform": by_fields(qform=TURNED, sform=(2, PLACE)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_perfect_folder_of_predictions_is_perfect(wild, write_nifti, tmp_path, way):
    """However its files are stored: no case fails, and every Dice is 1."""
    folder = wild()
    WAYS[way](folder, write_nifti)
    done = run(load_dataset(folder / "ds" / "wild.yaml"), f"folder:{folder / 'pred'}", tmp_path / "run", jobs=1)
    dice = done.scores[done.scores["metric"] == "dice"]
    assert set(dice["status"]) == {"ok"}
    assert dice["value"].tolist() == [1.0] * len(dice)
    assert len(dice) == 2 * 3


@pytest.mark.parametrize("by", ["qform", "sform"])
def test_a_perfect_prediction_on_either_placement_of_its_image(wild, write_nifti, tmp_path, by):
    """The image and the readers have two placements; a tool that knows one of them wrote the prediction."""
    folder = wild(pixdim=PIXDIM, qform=TURNED, sform=(2, PLACE))
    placed = {"qform": TURNED, "sform": None} if by == "qform" else {"qform": None, "sform": (2, PLACE)}
    by_fields(**placed)(folder, write_nifti)
    done = run(load_dataset(folder / "ds" / "wild.yaml"), f"folder:{folder / 'pred'}", tmp_path / "run", jobs=1)
    dice = done.scores[done.scores["metric"] == "dice"]
    assert (set(dice["status"]), set(dice["value"])) == ({"ok"}, {1.0})


REFUSED = {
    "a spacing of zero": ({"pixdim": (0.5, 0.5, 0)}, "has a spacing of 0 in its header"),
    "a tilt in the sform": (
        {"sform": (1, [[0.5, 0, 0, 3], [0, 0.5, 1.8, 4], [0, 0, 5, 5]])},
        "its qform (code 1) is not, as from an uncorrected gantry tilt",
    ),
    "fractions": ({"array": labels() * 0.4}, "are not whole numbers"),
    "a negative code": ({"array": labels().astype(np.int16) - 1}, " -1"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("command", ["score", "consensus", "datasets check", "readers", "run"])
def test_what_cannot_be_right_is_refused_by_every_command(ctbench, wild, write_nifti, what, command):
    """One sentence with the file's name, whichever command reads it; nothing is scored."""
    fields, said = REFUSED[what]
    folder = wild()
    fields = {"array": labels(), **HERE, **fields}
    bad = write_nifti("ds/readers/ben/p1.nii.gz", fields.pop("array"), **fields)
    yaml, good = folder / "ds" / "wild.yaml", folder / "ds" / "readers" / "anna" / "p1.nii.gz"
    result = ctbench(
        *{
            "score": ("score", good, bad),
            "consensus": ("consensus", good, bad, "--out", folder / "fused"),
            "datasets check": ("datasets", "check", yaml, "--deep", "--json"),
            "readers": ("readers", yaml, "--out", folder / "run"),
            "run": ("run", "readers", "--dataset", yaml, "--out", folder / "run"),
        }[command]
    )
    assert result.exit_code == 2, result
    told = " ".join((result.out + result.err).split())
    assert "p1.nii.gz" in told
    assert said in told
    assert not (folder / "run" / "run.json").exists()
