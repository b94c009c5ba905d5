import numpy as np
import pytest

from ctbench.annotations import read_annotation, segment_names
from ctbench.annotations.rtstruct import read_rtstruct
from ctbench.errors import GeometryError, LabelError, VolumeFileError

from .conftest import turned

CORNERS = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])


def point(volume, z, y, x):
    """World position, x,y,z, of an index of a volume with axes along z, y and x."""
    return (np.array(volume.origin_mm) + np.array(volume.spacing_mm) * (z, y, x))[::-1]


def around(volume, mask):
    """A contour around each voxel of a mask, along its edges."""
    return [
        ("CLOSED_PLANAR", [point(volume, z, y + dy, x + dx) for dy, dx in CORNERS]) for z, y, x in np.argwhere(mask)
    ]


def test_every_orientation_of_the_image_gets_every_voxel(write_rtstruct, drawn, labels, orientation):
    """Contours on the slices of a CT, read on the grid of an image stored in each of the 48 orientations."""
    path = write_rtstruct({name.upper(): around(drawn, drawn.array == code) for name, code in labels.items()})
    image = turned(drawn, orientation)
    read = read_annotation(path, labels=labels, image=image.geometry)
    np.testing.assert_array_equal(read.array, image.array)
    assert read.geometry == image.geometry


def test_holes_by_winding_and_by_exclusive_or(write_rtstruct, drawn):
    """An inner contour in the opposite direction is a hole; the type of DICOM for exclusive or needs no direction."""
    outer = [point(drawn, 1, y, x) for y, x in ((-0.5, -0.5), (-0.5, 3.5), (3.5, 3.5), (3.5, -0.5))]
    inner = [point(drawn, 1, y, x) for y, x in ((0.5, 0.5), (0.5, 2.5), (2.5, 2.5), (2.5, 0.5))]
    regions = {
        "winding": [("CLOSED_PLANAR", outer), ("CLOSED_PLANAR", inner[::-1])],
        "same": [("CLOSED_PLANAR", outer), ("CLOSED_PLANAR", inner)],
        "xor": [("CLOSEDPLANAR_XOR", outer), ("CLOSEDPLANAR_XOR", inner)],
    }
    counts = {one.name: one.mask.sum() for one in read_rtstruct(write_rtstruct(regions), drawn.geometry, "image")}
    assert counts == {"winding": 12, "same": 16, "xor": 12}


def test_nothing_is_drawn_between_two_contours(write_rtstruct, drawn):
    """Contours on slices 0 and 2 leave slice 1 empty."""
    square = ((0.5, 0.5), (0.5, 3.5), (3.5, 3.5), (3.5, 0.5))
    contours = [("CLOSED_PLANAR", [point(drawn, z, y, x) for y, x in square]) for z in (0, 2)]
    (segment,) = read_rtstruct(write_rtstruct({"a": contours}), drawn.geometry, "image")
    assert segment.mask.sum(axis=(1, 2)).tolist() == [9, 0, 9, 0]


def test_points_and_open_lines_have_no_voxels(write_rtstruct, drawn, labels):
    """A region of points, such as an isocentre, needs no label and has no name among the segments."""
    regions = {
        "isocentre": [("POINT", [point(drawn, 1, 2, 3)])],
        "iph": [*around(drawn, drawn.array == 3), ("OPEN_PLANAR", [point(drawn, 0, 0, 0), point(drawn, 0, 4, 4)])],
    }
    path = write_rtstruct(regions)
    assert segment_names(path) == ("iph",)
    read = read_annotation(path, labels=labels, image=drawn.geometry)
    np.testing.assert_array_equal(read.array == 3, drawn.array == 3)


def test_a_region_without_contours_is_empty(write_rtstruct, drawn, labels):
    """A reader found none."""
    assert not read_annotation(write_rtstruct({"iph": []}), labels=labels, image=drawn.geometry).array.any()


def test_a_region_without_a_label_lists_both_sides(write_rtstruct, drawn, labels):
    """As for every format with names."""
    path = write_rtstruct({"BRAIN": around(drawn, drawn.array == 3)})
    with pytest.raises(LabelError, match=r"rt.dcm has the segment 'BRAIN', .*the labels: iph, ivh"):
        read_annotation(path, labels=labels, image=drawn.geometry)


@pytest.mark.parametrize(
    ("z", "y", "message"),
    [
        (1.3, 1, "region 'iph' of .* has a contour between the slices of ct, 0.30 slices from the nearest"),
        (9, 1, "region 'iph' of .* has a contour that reaches outside ct"),
        (1, 99, "region 'iph' of .* has a contour that reaches outside ct"),
    ],
)
def test_contours_off_the_slices_are_refused(write_rtstruct, drawn, z, y, message):
    """Between two slices, above the last, or beside the image: they were drawn on another image."""
    contour = [point(drawn, z, y + dy, 1 + dx) for dy, dx in CORNERS]
    with pytest.raises(GeometryError, match=message):
        read_rtstruct(write_rtstruct({"iph": [("CLOSED_PLANAR", contour)]}), drawn.geometry, "ct")


def test_an_image_is_needed(write_rtstruct, labels):
    """Contours have no grid of their own."""
    with pytest.raises(GeometryError, match="DICOM RTSTRUCT, which is drawn on the slices of an image; name the image"):
        read_annotation(write_rtstruct({"iph": []}), labels=labels)


@pytest.mark.parametrize("numbers", [[1, 2], [1, 2, 1e300, 1], []])
def test_broken_points_are_refused(write_rtstruct, drawn, numbers):
    """Two coordinates, four, or none."""
    path = write_rtstruct({"iph": [("CLOSED_PLANAR", np.array(numbers, float))]})
    with pytest.raises(VolumeFileError, match=r"expected x, y, z of its points|cannot be read as DICOM RTSTRUCT"):
        read_rtstruct(path, drawn.geometry, "ct")
