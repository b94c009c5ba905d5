"""Small volumes and DICOM series for the tests of ctbench.volume."""

import numpy as np
import pytest
import SimpleITK

from ctbench.volume import Volume


@pytest.fixture
def oblique_direction():
    """A rotation about two axes, with one axis flipped: no axis of the grid is one of the world."""
    a, b = np.radians([18.5, -31.0])
    about_x = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_z = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    return np.array(about_x) @ np.array(about_z) @ np.diag([1.0, -1.0, 1.0])


@pytest.fixture
def volume(oblique_direction):
    """An int16 volume of 4 x 5 x 6 voxels, anisotropic and oblique, in which every voxel differs."""
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6) * 17 - 1024
    return Volume(array, (5.0, 0.7, 0.488281), (-33.25, 12.5, 101.125), oblique_direction)


@pytest.fixture
def write_series(tmp_path):
    """A function that writes DICOM slices with chosen headers, and gives their folder.

    ``positions`` are z of the slices, ``tags`` replaces tags of all of them, ``slices`` of single ones ({index: {tag:
    text}}), ``shear`` moves each along y by its share of z. What is stored is 100 * index + 0 ... 19, in files that
    are named against the order of the positions; ``rescale`` is (slope, intercept).
    """

    def write(positions, name="series", uid="1.2.840.1", rescale=(1, 0), tags=None, slices=None, shear=0.0):
        folder = tmp_path / "dicom" / name
        folder.mkdir(parents=True, exist_ok=True)
        for index, z in enumerate(positions):
            image = SimpleITK.GetImageFromArray(np.arange(20, dtype=np.int16).reshape(1, 4, 5))
            image.SetSpacing((0.5, 0.6, 1.0))
            header = {
                "0008|0008": "ORIGINAL\\PRIMARY\\AXIAL",
                "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
                "0008|0018": f"{uid}.9.{index}",
                "0008|0020": "20200101",
                "0008|0030": "120000",
                "0008|0060": "CT",
                "0008|0070": "GE MEDICAL SYSTEMS",
                "0008|103e": "Head 5 mm",
                "0010|0020": "patient-1",
                "0018|5100": "HFS",
                "0020|000d": "1.2.840.5",
                "0020|000e": uid,
                "0020|0013": str(index + 1),
                "0020|0032": f"-7\\{3 + shear * z}\\{z}",
                "0020|0037": "1\\0\\0\\0\\1\\0",
                "0028|1052": str(rescale[1]),
                "0028|1053": str(rescale[0]),
                **(tags or {}),
                **(slices or {}).get(index, {}),
            }
            # The writer maps values back through the rescale, so that what is stored is 100 * index + 0 ... 19.
            image = SimpleITK.Cast((image + 100 * index) * rescale[0] + rescale[1], SimpleITK.sitkInt16)
            for tag, text in header.items():
                image.SetMetaData(tag, text)
            writer = SimpleITK.ImageFileWriter()
            writer.KeepOriginalImageUIDOn()
            writer.SetFileName(str(folder / f"{len(positions) - index:03d}.dcm"))
            writer.Execute(image)
        return folder

    return write
