"""A DICOM series and the NIfTI that dcm2niix makes of it are the same voxels in two orientations."""

import subprocess

import dcm2niix
import numpy as np
import pytest

from ctbench.volume import read_geometry, read_label_map, read_volume

PIXEL_MM = (63.0, 51.0)
"""So wide that four pixels reach across a head, and rounded directions with them."""


def turned(degrees):
    """The directions of rows and columns of a head that is turned about x, then about z."""
    about_x, about_z = np.radians(degrees)
    tilt = [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]]
    turn = [[np.cos(about_z), -np.sin(about_z), 0], [np.sin(about_z), np.cos(about_z), 0], [0, 0, 1]]
    return (np.array(turn) @ tilt)[:, :2].T


PLANES = {
    "axial": np.array([[1, 0, 0], [0, 1, 0]]),
    "oblique": turned((17.3, -8.9)),
    "sagittal": np.array([[0, 1, 0], [0, 0, -1]]),
    "coronal": np.array([[1, 0, 0], [0, 0, -1]]),
}


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_on_the_nifti_of_dcm2niix_lies_on_the_series(tmp_path, write_series, plane):
    """Directions of six decimals part the corners by micrometres; the mask is reoriented voxel by voxel."""
    rows, columns = PLANES[plane]
    normal = np.cross(rows, columns)
    places = [np.array([-103.2, -87.1, 20.5]) + step * 5 * normal for step in range(4)]

    def text(values):
        return "\\".join(f"{value:.6f}" for value in values)

    folder = write_series(
        range(4),
        tags={"0020|0037": text([*rows, *columns]), "0028|0030": text(PIXEL_MM)},
        slices={index: {"0020|0032": text(place)} for index, place in enumerate(places)},
    )
    out = tmp_path / "nifti"
    out.mkdir()
    subprocess.run(
        [dcm2niix.bin, "-b", "n", "-f", "mask", "-o", str(out), str(folder)], check=True, capture_output=True
    )
    image = read_volume(folder)
    assert read_geometry(folder) == image.geometry
    assert image.shape == ((4, 5, 4) if plane == "sagittal" else (4, 4, 5))
    mask = read_label_map(out / "mask.nii", image=image.geometry)
    np.testing.assert_array_equal(mask.array, image.array)
    assert mask.geometry == image.geometry
    assert read_volume(out / "mask.nii").geometry.differences(image.geometry)
