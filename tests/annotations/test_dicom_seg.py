import struct

import numpy as np
import pytest

from ctbench.annotations import read_annotation, segment_names
from ctbench.annotations.dicom_seg import frame_geometry, read_seg
from ctbench.errors import GeometryError, LabelError, VolumeFileError
from ctbench.labels import LabelSet

from .conftest import turned

KINDS = ["BINARY", "FRACTIONAL", "LABELMAP"]


@pytest.fixture
def masks(drawn, labels):
    """The mask of each label, in the other order than the label set."""
    return {name.upper(): drawn.array == code for name, code in sorted(labels.items(), reverse=True)}


def test_every_orientation_of_the_image_gets_every_voxel(write_seg, masks, drawn, labels, orientation):
    """A binary SEG on the slices of a CT, read on the grid of an image stored in each of the 48 orientations."""
    image = turned(drawn, orientation)
    read = read_annotation(write_seg(masks), labels=labels, image=image.geometry)
    np.testing.assert_array_equal(read.array, image.array)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_read(write_seg, masks, drawn, labels, kind):
    """Binary, fractional and label map give the same; empty frames are not stored."""
    path = write_seg(masks, kind)
    assert segment_names(path) == ("IVH", "IPH")
    np.testing.assert_array_equal(read_annotation(path, labels=labels, image=drawn.geometry).array, drawn.array)


def test_half_of_the_maximum_belongs_to_a_fractional_segment(write_seg, drawn):
    """Probabilities from 0.2 to 0.8: those of one half and above are drawn."""
    shares = np.full(drawn.shape, 0.2)
    shares[1], shares[2, :2], shares[3] = 0.49, 0.51, 0.8
    (segment,) = read_seg(write_seg({"iph": shares}, "FRACTIONAL"), drawn.geometry, "ct")
    assert segment.mask.sum(axis=(1, 2)).tolist() == [0, 0, 12, 30]


def test_overlapping_segments_follow_the_rule(write_seg, drawn, labels):
    """A SEG may hold a voxel in two segments."""
    both = {"iph": drawn.array > 0, "ivh": drawn.array == labels["ivh"]}
    with pytest.raises(LabelError, match="3 voxels are both iph and ivh"):
        read_annotation(write_seg(both), labels=labels, image=drawn.geometry)


def test_a_coded_meaning_names_a_segment(write_seg, drawn):
    """The label says nothing, the coded type says Hemorrhage."""
    path = write_seg({"Segment 1": drawn.array > 0})
    read = read_annotation(path, labels=LabelSet({"hemorrhage": 5}), image=drawn.geometry)
    np.testing.assert_array_equal(read.array == 5, drawn.array > 0)


def test_a_seg_of_another_image_is_refused(write_seg, masks, drawn):
    """Its frames lie between the voxels of the image, or on a resampled grid."""
    other = drawn.geometry
    shifted = type(other)(other.shape, other.spacing_mm, (11.0, -7.2, 3.0), other.direction)
    with pytest.raises(GeometryError, match="lies on another grid than ct"):
        read_seg(write_seg(masks), shifted, "ct")
    smaller = type(other)((4, 3, 3), other.spacing_mm, other.origin_mm, other.direction)
    with pytest.raises(GeometryError, match="frames of 5 x 6 pixels; expected no more than the image"):
        read_seg(write_seg(masks), smaller, "ct")


def test_a_frame_needs_an_axis_of_the_image_along_its_normal(drawn):
    """A frame in an oblique plane crosses the voxels."""
    with pytest.raises(GeometryError, match="no slices in this plane"):
        frame_geometry((0, 0, 0), (1, 0, 0, 0, 0.8, 0.6), (1, 1), (5, 6), drawn.geometry, "a.dcm")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda seg: setattr(seg, "SegmentationType", "OTHER"), "has the segmentation type 'OTHER'"),
        (lambda seg: seg.PerFrameFunctionalGroupsSequence.pop(), "describes 4 frames, but says that it has 5"),
        (lambda seg: delattr(seg, "SegmentSequence"), "cannot be read as DICOM SEG: AttributeError"),
        (lambda seg: seg.SegmentSequence.pop(0), "voxels of segment number 1, which it does not describe"),
        (lambda seg: setattr(seg, "PixelData", seg.PixelData[:2]), "cannot be read as DICOM SEG: ValueError"),
    ],
)
def test_contradictions_are_named(write_seg, masks, drawn, change, message):
    """Whatever is missing or does not fit is one sentence with the path."""
    import pydicom

    path = write_seg(masks)
    seg = pydicom.dcmread(path)
    change(seg)
    seg.save_as(path)
    with pytest.raises(VolumeFileError, match=message):
        read_seg(path, drawn.geometry, "ct")


def test_compressed_frames_larger_than_the_header_says(write_seg, masks, labels, drawn):
    """A frame whose own header promises gigabytes is not decoded."""
    path = write_seg(masks)
    sizes = struct.pack(">HH8IH3x", 41, 0, 60000, 60000, 0, 0, 60000, 60000, 0, 0, 1)
    frame = b"\xff\x4f\xff\x51" + sizes + b"\0"
    items = (
        b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0" + struct.pack("<I", len(frame)) + frame + b"\xfe\xff\xdd\xe0\0\0\0\0"
    )
    path.write_bytes(path.read_bytes() + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + items)
    with pytest.raises(VolumeFileError, match="compressed frame of 60000 x 60000 pixels"):
        read_annotation(path, labels=labels, image=drawn.geometry)
