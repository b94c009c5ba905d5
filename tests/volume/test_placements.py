import logging
import os

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import GeometryError, VolumeFileError
from ctbench.volume import Volume, read_geometry, read_label_map, read_volume, to_itk, write_volume
from ctbench.volume.itk import read_file
from ctbench.volume.placements import read_stated_grid

PIXDIM = (0.5, 0.5, 5.0)
RIGID = np.column_stack([np.diag(PIXDIM), [3.0, 4.0, 5.0]])
TURNED = (1, 0, 0, 0.0697565, -20, 7, 1)
"""A qform that is turned by 8 degrees about z, and moved."""
SAME = (1, 0, 0, 0, 3, 4, 5)


def sheared(cosine, spacing=PIXDIM):
    """A sform whose y axis leans towards x by a cosine."""
    axes = np.array([[1, cosine, 0], [0, np.sqrt(1 - cosine**2), 0], [0, 0, 1]]) @ np.diag(spacing)
    return np.column_stack([axes, [3.0, 4.0, 5.0]])


@pytest.mark.parametrize("cosine", [1e-6, 1e-5, 1e-4, 3e-4, 1e-3])
@pytest.mark.parametrize("qform", [None, (1, 0, 0, 0, 3, 4, 5)])
def test_a_small_shear_is_read_with_the_nearest_rotation(write_nifti, caplog, cosine, qform):
    """The axes are orthonormal, off the sform by at most the shear, the spacing is that of the header; no word."""
    path = write_nifti(pixdim=PIXDIM, sform=(2, sheared(cosine)), qform=qform)
    found = read_geometry(path)
    assert found == read_volume(path).geometry
    direction = np.array(found.direction)
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=2e-6)
    np.testing.assert_allclose(np.abs(direction), np.eye(3), atol=cosine + 1e-6)
    np.testing.assert_allclose(found.spacing_mm, PIXDIM[::-1], rtol=1e-6)
    assert caplog.text == ""
    assert "ITK_NIFTI_SFORM_PERMISSIVE" not in os.environ


@pytest.mark.parametrize("cosine", [1.1e-3, 3e-3, 1e-2, 0.34])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_a_larger_shear_is_refused_with_its_angle(write_nifti, cosine, suffix):
    """The header's field, its code, and how far off it is."""
    path = write_nifti(f"a.{suffix}", pixdim=PIXDIM, sform=(2, sheared(cosine)))
    said = rf"not orthonormal: its sform \(code 2\) is sheared by {np.degrees(np.arcsin(cosine)):.2g} degrees"
    for read in (read_volume, read_geometry):
        with pytest.raises(VolumeFileError, match=said):
            read(path)


def test_a_setting_of_the_user_s_is_as_it_was(write_nifti, monkeypatch):
    """The variable by which ITK allows a shear is restored."""
    monkeypatch.setenv("ITK_NIFTI_SFORM_PERMISSIVE", "OFF")
    read_file(write_nifti(pixdim=PIXDIM, sform=(2, sheared(1e-3))))
    assert os.environ["ITK_NIFTI_SFORM_PERMISSIVE"] == "OFF"


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
@pytest.mark.parametrize(("cosine", "fits"), [(1e-4, True), (1e-3, True), (3e-3, False)])
def test_nrrd_and_metaimage_have_the_same_tolerance(tmp_path, suffix, cosine, fits):
    """Directions that are up to 1e-3 off are taken to the nearest rotation, others are refused."""
    image = to_itk(Volume(np.zeros((4, 5, 6), np.uint8), (5, 0.5, 0.5)))
    image.SetDirection((sheared(cosine)[:, :3] / PIXDIM).ravel())
    SimpleITK.WriteImage(image, str(tmp_path / f"a.{suffix}"))
    if not fits:
        with pytest.raises(VolumeFileError, match=r"a\..* orthonormal 3 x 3 direction, .* axes meet at 89\.8 degrees"):
            read_volume(tmp_path / f"a.{suffix}")
        return
    direction = read_volume(tmp_path / f"a.{suffix}").direction
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=2e-6)


@pytest.mark.parametrize("code", [1, 2])
@pytest.mark.parametrize("pixdim_of_the_sform", [False, True])
def test_a_tilt_kept_in_the_sform_alone_is_refused(write_nifti, code, pixdim_of_the_sform):
    """The converter's own uncorrected tilt: ITK would drop the shear and measure on a grid that is not there."""
    affine = np.column_stack([[[0.5, 0, 0], [0, 0.5, 5 * np.tan(np.radians(20))], [0, 0, 5]], np.zeros(3)])
    pixdim = np.linalg.norm(affine[:, :3], axis=0) if pixdim_of_the_sform else PIXDIM
    path = write_nifti(pixdim=pixdim, qform=(1, 0, 0, 0, 0, 0, 0), sform=(code, affine))
    for read in (read_volume, read_geometry):
        with pytest.raises(VolumeFileError) as caught:
            read(path)
        assert f"its sform (code {code}) is sheared by 20 degrees, its qform (code 1) is not" in str(caught.value)
        assert "nibabel, FSL and SPM use the sform, ITK, SimpleITK and ITK-SNAP the qform" in str(caught.value)


@pytest.mark.parametrize(("code", "first"), [(1, "sform"), (2, "qform"), (4, "qform")])
def test_two_placements_are_named_once(write_nifti, caplog, code, first):
    """A warning names the file, both placements and the tools that use each; the volume has both."""
    path = write_nifti(pixdim=PIXDIM, qform=TURNED, sform=(code, RIGID))
    for _ in range(3):
        volume = read_volume(path)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    said = record.getMessage()
    assert "a.nii is placed in two ways by its header, which differ in origin, direction" in said
    assert "qform (code 1, which ITK, SimpleITK and ITK-SNAP use)" in said
    assert f"sform (code {code}, which nibabel, FSL and SPM use)" in said
    assert volume.name.startswith(first)
    assert volume.geometry == geometry_by_itk(path)
    assert [one.name.startswith(first) for one in volume.others] == [False]


def geometry_by_itk(path):
    """The grid as SimpleITK alone reads it."""
    image = SimpleITK.ReadImage(str(path))
    direction = np.reshape(image.GetDirection(), (3, 3))[::-1, ::-1]
    return Volume(
        np.zeros(image.GetSize()[::-1]), image.GetSpacing()[::-1], image.GetOrigin()[::-1], direction
    ).geometry


@pytest.mark.parametrize("moved", [0, 5e-4])
def test_placements_that_agree_need_no_word(write_nifti, caplog, moved):
    """Within 1e-3 they are one."""
    affine = RIGID.copy()
    affine[0, 3] += moved
    volume = read_volume(write_nifti(pixdim=PIXDIM, qform=SAME, sform=(1, affine)))
    assert (volume.name, volume.others, caplog.text) == ("", (), "")


@pytest.mark.parametrize("which", ["qform", "sform"])
def test_a_mask_on_either_placement_of_its_image_is_taken_voxel_by_voxel(write_nifti, caplog, which):
    """Tools write masks with the one placement that they read: none is to be resampled, and the log says why."""
    image = read_volume(write_nifti("image.nii", pixdim=PIXDIM, qform=TURNED, sform=(2, RIGID)))
    labels = np.arange(120, dtype=np.uint8).reshape(4, 5, 6)
    placed = {"qform": TURNED} if which == "qform" else {"sform": (1, RIGID)}
    caplog.clear()
    mask = read_label_map(
        write_nifti("mask.nii", labels, PIXDIM, **placed), image=image.geometry, image_name="image.nii"
    )
    np.testing.assert_array_equal(mask.array, labels)
    assert mask.geometry == image.geometry
    if which == "qform":
        assert caplog.text == ""
    else:
        assert "mask.nii and image.nii lie on one grid by the position of the former and the sform" in caplog.text


def test_a_mask_with_two_placements_on_an_image_with_one(write_nifti, caplog):
    """The other way round: the mask's other placement is the image's."""
    image = read_volume(write_nifti("image.nii", pixdim=PIXDIM, sform=(1, RIGID)))
    path = write_nifti("mask.nii", pixdim=PIXDIM, qform=TURNED, sform=(2, RIGID))
    assert read_label_map(path, image=image.geometry, image_name="image.nii").geometry == image.geometry
    assert "by the sform (code 2, which nibabel, FSL and SPM use) of the former and the position of" in caplog.text


def test_a_mask_on_neither_placement_is_refused(write_nifti):
    """Another grid stays another grid."""
    image = read_volume(write_nifti("image.nii", pixdim=PIXDIM, qform=TURNED, sform=(2, RIGID)))
    moved = RIGID + np.array([[0, 0, 0, 9.0]] * 3)
    path = write_nifti("mask.nii", pixdim=PIXDIM, sform=(1, moved))
    with pytest.raises(GeometryError, match=r"mask\.nii lies on another grid .*Resample the label map"):
        read_label_map(path, image=image.geometry)


def test_units_count_in_both_placements(write_nifti):
    """Microns in a header with two placements: both are in mm."""
    grid = read_stated_grid(write_nifti(pixdim=(500, 500, 5000), qform=TURNED, sform=(2, RIGID * 1000), unit=3))
    assert [one.spacing_mm for one in grid.placements] == [pytest.approx((5, 0.5, 0.5), rel=1e-6)] * 2
    assert grid.placements[1].origin_mm == pytest.approx((5, -4, -3))


def test_what_is_written_has_one_placement(tmp_path, write_nifti, caplog):
    """A prediction on an image with two placements is written with the one that was read, twice."""
    image = read_volume(write_nifti("image.nii", pixdim=PIXDIM, qform=TURNED, sform=(2, RIGID)))
    caplog.clear()
    write_volume(image.with_array(image.array), tmp_path / "b.nii.gz")
    assert read_volume(tmp_path / "b.nii.gz").geometry.differences(image.geometry) == ()
    assert caplog.text == ""


CENTRED = np.column_stack([np.diag([-0.5, 0.5, 5.0]), [1.25, -1.0, -7.5]])
"""Where nibabel takes 4 x 5 x 6 voxels to lie whose header states nothing."""
ORIGIN = np.column_stack([np.diag([-0.5, -0.5, 5.0]), [0, 0, 0]])
"""Where ITK takes them to lie."""


def test_a_header_without_a_placement_says_nothing_by_itself(write_nifti, caplog):
    """ITK's is read; two such files are on one grid, without a word."""
    image = read_geometry(write_nifti("a.nii", pixdim=PIXDIM))
    assert (image.origin_mm, image.direction) == ((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    assert image.is_assumed
    assert not read_geometry(write_nifti("c.nii", pixdim=PIXDIM, qform=SAME)).is_assumed
    read_label_map(write_nifti("b.nii", pixdim=PIXDIM), image=image)
    assert caplog.messages == []


@pytest.mark.parametrize("placed", [CENTRED, ORIGIN])
def test_a_mask_on_what_a_program_assumes_is_compared_voxel_by_voxel(write_nifti, caplog, placed):
    """Nibabel and ITK write the placement that they assumed; a mask of either lies on the image, and the reverse."""
    array = np.arange(120, dtype=np.uint8).reshape(4, 5, 6)
    unplaced = write_nifti("a.nii", array, pixdim=PIXDIM)
    other = write_nifti("b.nii", array, pixdim=PIXDIM, sform=(2, placed))
    for image, mask in ((unplaced, other), (other, unplaced)):
        np.testing.assert_array_equal(read_label_map(mask, image=read_geometry(image)).array, array)
    said = [message for message in caplog.messages if "voxels are compared one to one" in message]
    assert len(said) == (2 if placed is CENTRED else 0)
    assert all("assumed placement of nibabel (qform_code and sform_code are 0)" in message for message in said)


def test_a_mask_elsewhere_is_not_told_to_resample(write_nifti):
    """Where the voxels lie is not known: resampling would move a mask that was drawn on the image."""
    unplaced = write_nifti("a.nii", pixdim=PIXDIM)
    other = write_nifti("b.nii", pixdim=PIXDIM, sform=(2, RIGID))
    for image, mask in ((unplaced, other), (other, unplaced)):
        with pytest.raises(GeometryError, match=r"states no placement .*; do not resample$"):
            read_label_map(mask, image=read_geometry(image))
    larger = write_nifti("c.nii", np.zeros((4, 5, 7), np.uint8), pixdim=PIXDIM, sform=(2, RIGID))
    with pytest.raises(GeometryError, match=r"Resample the label map onto the image$"):
        read_label_map(larger, image=read_geometry(unplaced))
