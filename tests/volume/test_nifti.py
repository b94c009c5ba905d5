import struct

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import VolumeFileError
from ctbench.volume import read_geometry, read_volume, to_itk
from ctbench.volume.nifti import is_nifti_name, read_nifti_header


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_the_fields_of_a_header(write_nifti, suffix):
    """Each is where NIfTI-1 puts it, compressed or not."""
    affine = np.array([[0.5, 0, 0, 1], [0, 0.6, 0, 2], [0, 0, 5, 3.0]])
    header = read_nifti_header(
        write_nifti(f"a.{suffix}", qform=(1, 0, 0, 0.6, 7, 8, 9), sform=(2, affine), scale=(2, 3), unit=3)
    )
    assert (header.sizes, header.kind, header.bits, header.start) == ((6, 5, 4), 2, 8, 352)
    assert (header.qform_code, header.sform_code, header.scale, header.mm_per_unit) == (1, 2, (2, 3), 0.001)
    np.testing.assert_allclose(header.pixdim, (0.5, 0.6, 5), rtol=1e-6)
    np.testing.assert_allclose(header.srow, affine, rtol=1e-6)
    np.testing.assert_allclose(header.qform[:, 3], (7, 8, 9))


def test_the_qform_is_where_itk_places_the_voxels(tmp_path, volume):
    """The affine of an oblique quaternion is that of the volume that ITK wrote, in NIfTI's own axes."""
    SimpleITK.WriteImage(to_itk(volume), str(tmp_path / "a.nii"))
    header = read_nifti_header(tmp_path / "a.nii")
    np.testing.assert_allclose(header.qform, volume.affine[:3], atol=1e-5)
    np.testing.assert_allclose(header.srow, volume.affine[:3], atol=1e-5)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ", "a.nrrd", "nii"])
def test_names_of_nifti_files(tmp_path, name):
    """By the suffix, in upper or lower case."""
    assert is_nifti_name(tmp_path / name) == (".nii" in name.lower())


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("qform", "sform"), [(0, 0), (1, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("read", [read_volume, read_geometry])
def test_a_spacing_of_zero_is_refused_whatever_the_codes(write_nifti, axis, qform, sform, suffix, read):
    """ITK would take 1 mm, and a volume would be wrong by any factor without a word."""
    pixdim = [0.5, 0.5, 5.0]
    affine = np.column_stack([np.diag(pixdim), [0, 0, 0]])
    pixdim[axis] = 0
    path = write_nifti(f"a.{suffix}", pixdim=pixdim, qform=(qform, 0, 0, 0, 0, 0, 0), sform=(sform, affine))
    with pytest.raises(VolumeFileError, match=r"a\.nii.* has a spacing of 0 in its header: pixdim .*; expected"):
        read(path)


@pytest.mark.parametrize(("unit", "millimetres"), [(0, 1), (1, 1000), (2, 1), (3, 0.001)])
@pytest.mark.parametrize("read", [read_geometry, lambda path: read_volume(path).geometry])
def test_lengths_are_in_millimetres_whatever_the_unit(write_nifti, unit, millimetres, read):
    """Metres and microns are converted, spacing and origin alike; no unit is taken as mm."""
    found = read(write_nifti(pixdim=(2, 3, 4), qform=(1, 0, 0, 0, 7, 8, 9), unit=unit))
    np.testing.assert_allclose(found.spacing_mm, np.array([4, 3, 2]) * millimetres, rtol=1e-6)
    np.testing.assert_allclose(found.origin_mm, np.array([9, -8, -7]) * millimetres, rtol=1e-6)


@pytest.mark.parametrize("length", [0, 100, 347])
def test_a_header_cut_short_is_refused(write_nifti, length):
    """Less than a header is no NIfTI."""
    path = write_nifti()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(VolumeFileError, match=r"a\.nii is not a NIfTI file: its header is damaged or truncated"):
        read_nifti_header(path)


def test_fields_that_cannot_be_are_damage(write_nifti):
    """A NIfTI by its magic, with a size of zero, is damaged, not of another format."""
    path = write_nifti()
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 42, 0)
    path.write_bytes(content)
    with pytest.raises(VolumeFileError, match="its header is damaged or truncated"):
        read_nifti_header(path)
