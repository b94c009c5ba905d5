"""Volumes for a viewer in the browser."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.report.drawings.colours import ERROR_COLOURS
from ctbench.report.drawings.scene import Drawing, Scene
from ctbench.report.drawings.volumes import nifti_errors, nifti_image
from ctbench.volume import Volume, read_volume

LABELS = LabelSet({"iph": 1, "ivh": 2})


@pytest.fixture
def scene():
    """A gradient of HU; one voxel is agreed, one missed, one drawn by the reader alone, and none mistaken."""
    truth, drawn = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.uint8)
    truth[0, 0, :2] = 1
    drawn[0, 0, 1:3] = 1
    return Scene(
        case="one",
        labels=LABELS,
        image=Volume(np.arange(-20, 100, 5, np.int16).reshape(2, 3, 4), (5.0, 1.0, 2.0), (1.0, 2.0, 3.0)),
        has_image=True,
        references={"majority": Reference.of(truth)},
        without={},
        drawings={"ann": Drawing("reader", drawn, {name: LABELS.codes_of(name) for name in LABELS.names})},
        lacking={},
    )


def opened(data, folder):
    """What a viewer would read."""
    (folder / "seen.nii.gz").write_bytes(data)
    return read_volume(folder / "seen.nii.gz")


def test_the_image_keeps_its_place_and_shows_the_window(scene, tmp_path):
    """Level minus half the width is black, level plus half is white; it lies where the scene's image lies."""
    seen = opened(nifti_image(scene, (40.0, 80.0)), tmp_path)
    np.testing.assert_allclose(seen.affine, scene.image.affine)
    np.testing.assert_array_equal(seen.array, np.round(255 * np.clip(scene.image.array / 80, 0, 1)))
    whole = opened(nifti_image(scene, None), tmp_path)
    assert (whole.array.min(), whole.array.max()) == (0, 255)


def test_errors_have_the_colours_of_the_slices(scene, tmp_path):
    """One voxel each at its place, opaque in the colour of its kind; all others are transparent."""
    path = tmp_path / "errors.nii.gz"
    path.write_bytes(nifti_errors(scene, "ann", "majority", ("iph",)))
    seen = SimpleITK.ReadImage(str(path))
    painted = SimpleITK.GetArrayFromImage(seen)
    assert painted.shape == (2, 3, 4, 4)
    kinds = ("false negative", "true positive", "false positive")
    assert [tuple(painted[0, 0, x]) for x in range(3)] == [(*ERROR_COLOURS[kind], 255) for kind in kinds]
    assert painted[..., 3].astype(bool).sum() == 3
    assert seen.GetSpacing() == pytest.approx(scene.image.spacing_mm[::-1])


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_errors_lie_where_the_image_lies(scene, tmp_path, axes):
    """A file of coronal or sagittal slices keeps its axes: each error has the place of its voxel in the image."""
    turned = replace(scene, image=replace(scene.image, stored_axes=axes))
    (tmp_path / "errors.nii.gz").write_bytes(nifti_errors(turned, "ann", "majority", ("iph",)))
    (tmp_path / "image.nii.gz").write_bytes(nifti_image(turned, None))
    painted, image = (SimpleITK.ReadImage(str(tmp_path / f"{name}.nii.gz")) for name in ("errors", "image"))
    for at, kind in enumerate(("false negative", "true positive", "false positive")):
        z, y, x = scene.image.origin_mm
        place = (x + at * scene.image.spacing_mm[2], y, z)
        index = painted.TransformPhysicalPointToIndex(place)
        assert painted[index] == (*ERROR_COLOURS[kind], 255)
        assert image.TransformPhysicalPointToIndex(place) == index


def test_of_nobody_there_are_no_errors(scene):
    """The scene has nothing of this rater."""
    with pytest.raises(KeyError):
        nifti_errors(scene, "nobody", "majority", ("iph",))
