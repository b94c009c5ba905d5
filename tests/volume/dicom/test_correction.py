import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import VolumeFileError
from ctbench.volume import read_volume, to_itk
from ctbench.volume.dicom import correction
from ctbench.volume.dicom.correction import convert_series
from ctbench.volume.dicom.series import find_series


def test_a_conversion_without_the_needed_correction_is_refused(write_series, monkeypatch):
    """A series that dcm2niix leaves uncorrected has no true geometry in NIfTI."""
    (series,) = find_series(write_series([10, 15, 20, 25]))
    with pytest.raises(VolumeFileError, match=r"dcm2niix made volume\.nii of .* expected one volume with Eq and Tilt"):
        convert_series(series, tilted=True, uneven=True)


@pytest.mark.parametrize(("name", "largest"), [("01", 0), ("28", 5)])
def test_the_correction_moves_nothing_in_the_world(real_data, name, largest):
    """The first and last slices lie on the corrected grid: a point of the patient has the HU that it had in them."""
    folder = real_data / "head_ct_ge_tilt_dicom"
    corrected = to_itk(read_volume(folder))
    tilted = SimpleITK.ReadImage(str(folder / f"{name}.dcm"))
    differences = []
    for x, y in itertools.product(range(150, 360, 30), range(150, 400, 30)):
        point = tilted.TransformIndexToPhysicalPoint((x, y, 0))
        there = corrected.TransformPhysicalPointToIndex(point)
        differences.append(abs(corrected[there] - tilted[x, y, 0]))
    # The last slice is shifted by a part of a voxel, and read at the nearest one.
    assert np.mean(differences) <= largest


@pytest.mark.parametrize(
    ("written", "code", "needs", "taken"),
    [
        (["volume.nii", "volume_Tilt.nii"], 0, {"tilted"}, "volume_Tilt.nii"),
        (["volume.nii", "volume_Eq.nii", "volume_Tilt_Eq.nii"], 0, {"uneven"}, "volume_Tilt_Eq.nii"),
        (["volume.nii"], 0, set(), "volume.nii"),
        (["volume_Eq.nii"], 0, {"tilted"}, None),
        (["volume_Eq.nii", "other_Eq.nii"], 0, {"uneven"}, None),
        (["volume.nii"], 1, set(), None),
        ([], 0, set(), None),
    ],
)
def test_the_file_with_the_most_corrections_is_taken(write_series, monkeypatch, written, code, needs, taken):
    """One that lacks what the series needs, two of a kind, and a program that fails or writes nothing are refused."""

    def run(command, **_):
        for name in written:
            (Path(command[command.index("-o") + 1]) / name).touch()
        return subprocess.CompletedProcess(command, code, "done", "")

    (series,) = find_series(write_series([10, 15]))
    monkeypatch.setattr(correction.subprocess, "run", run)
    monkeypatch.setattr(correction, "read_file", lambda path: path.name)
    flags = {name: name in needs for name in ("tilted", "uneven")}
    if taken:
        assert convert_series(series, **flags) == taken
        return
    with pytest.raises(VolumeFileError, match=r"1\.2\.840\.1"):
        convert_series(series, **flags)
