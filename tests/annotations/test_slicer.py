import numpy as np
import pytest
import SimpleITK

from ctbench.annotations import Naming, read_annotation, segment_names
from ctbench.annotations.slicer import is_slicer, read_slicer, read_slicer_geometry, slicer_names, write_slicer
from ctbench.errors import GeometryError, LabelError, VolumeFileError

from .conftest import ORIGIN, fields_of, turned


def read(path, drawn, labels, **naming):
    """The label map of a file on the grid of the drawn one."""
    return read_annotation(path, labels=labels, image=drawn.geometry, naming=Naming(**naming)).array


def test_every_orientation_comes_back(tmp_path, drawn, labels, orientation):
    """A file written in each of the 48 orientations keeps every voxel, read on the image's own grid."""
    write_slicer(turned(drawn, orientation), labels, tmp_path / "a.seg.nrrd")
    np.testing.assert_array_equal(read(tmp_path / "a.seg.nrrd", drawn, labels), drawn.array)


def test_without_an_image_the_axes_are_the_patients(tmp_path, drawn, labels, orientation):
    """Where only masks are there, z is the body's axis; what is written again has the order of the file."""
    write_slicer(turned(drawn, orientation), labels, tmp_path / "a.seg.nrrd")
    found = read_annotation(tmp_path / "a.seg.nrrd", labels=labels)
    assert found.shape == read_slicer_geometry(tmp_path / "a.seg.nrrd").shape == drawn.shape
    assert np.bincount(found.array.ravel()).tolist() == np.bincount(drawn.array.ravel()).tolist()
    write_slicer(found, labels, tmp_path / "b.seg.nrrd")
    before, after = (SimpleITK.ReadImage(str(tmp_path / f"{name}.seg.nrrd")) for name in "ab")
    np.testing.assert_array_equal(SimpleITK.GetArrayViewFromImage(after), SimpleITK.GetArrayViewFromImage(before))
    np.testing.assert_allclose(after.GetDirection(), before.GetDirection())
    assert after.GetMetaData("Segment1_Extent") == before.GetMetaData("Segment1_Extent")


def test_segments_are_taken_by_name_never_by_number(write_nrrd, drawn, labels):
    """A reader who made the segments in another order has the same label map."""
    coded = (drawn.array == labels["ivh"]) * 1 + (drawn.array == labels["iph"]) * 2
    fields = fields_of(
        {"ID": "Segment_1", "Name": "IVH", "LabelValue": 1, "Layer": 0},
        {"ID": "Segment_2", "Name": "iph", "LabelValue": 2, "Layer": 0},
    )
    path = write_nrrd(coded.astype(np.uint8).transpose(2, 1, 0), fields)
    assert slicer_names(path) == segment_names(path) == ("IVH", "iph")
    np.testing.assert_array_equal(read(path, drawn, labels), drawn.array)


def layered(write_nrrd, drawn, labels, fields):
    """Two layers; the second also has what the first has in slice 1."""
    layers = np.stack([drawn.array == labels["iph"], drawn.array == labels["ivh"]]).astype(np.uint8)
    layers[1, 1] |= layers[0, 1]
    return write_nrrd(layers.transpose(0, 3, 2, 1), fields), layers


LAYERS = fields_of({"Name": "iph", "LabelValue": 1, "Layer": 0}, {"Name": "ivh", "LabelValue": 1, "Layer": 1})


def test_overlapping_layers_are_refused_or_the_later_one_counts(write_nrrd, drawn, labels):
    """Segments in layers of their own may overlap; the rule of the data set decides."""
    path, layers = layered(write_nrrd, drawn, labels, LAYERS)
    with pytest.raises(LabelError, match=f"{int(layers[0, 1].sum())} voxels are both iph and ivh"):
        read(path, drawn, labels)
    expected = np.where(layers[1], 7, layers[0] * 3)
    np.testing.assert_array_equal(read(path, drawn, labels, overlap="last"), expected)


def test_files_before_slicer_4_11_have_a_layer_for_each_segment(write_nrrd, drawn, labels):
    """They state neither layers nor label values."""
    path, layers = layered(write_nrrd, drawn, labels, fields_of({"Name": "iph"}, {"Name": "ivh"}))
    np.testing.assert_array_equal(read(path, drawn, labels, overlap="last"), np.where(layers[1], 7, layers[0] * 3))


def test_a_cropped_file_is_placed_where_it_lies(write_nrrd, drawn, labels):
    """Slicer can store less than the image; without an image the file has its own grid."""
    part = (drawn.array[1:3, 1:4, 2:5] == 3).astype(np.uint8).transpose(2, 1, 0)
    z, y, x = ORIGIN
    fields = fields_of({"Name": "iph", "LabelValue": 1, "Layer": 0})
    path = write_nrrd(part, fields, origin=(z + 5.0, y + 0.75, x + 1.0))
    expected = np.zeros(drawn.shape, np.uint8)
    expected[1:3, 1:4, 2:5] = part.transpose(2, 1, 0) * 3
    np.testing.assert_array_equal(read(path, drawn, labels), expected)
    assert read_slicer_geometry(path).shape == (2, 3, 3)
    with pytest.raises(GeometryError, match="lies on another grid than its image"):
        read(write_nrrd(part, fields, origin=(z, y + 0.3, x)), drawn, labels)


def test_a_plain_nrrd_with_segments_is_told_by_its_header(write_nrrd, tmp_path, drawn, labels):
    """The suffix may be .nrrd; a label map of that suffix is none."""
    fields = fields_of({"Name": "iph", "LabelValue": 5, "Layer": 0})
    path = write_nrrd((drawn.array == 3).astype(np.uint8).transpose(2, 1, 0) * 5, fields, name="a.nrrd")
    assert is_slicer(path)
    np.testing.assert_array_equal(read(path, drawn, labels) == 3, drawn.array == 3)
    SimpleITK.WriteImage(SimpleITK.Image(3, 3, 3, SimpleITK.sitkUInt8), str(tmp_path / "b.nrrd"))
    assert not is_slicer(tmp_path / "b.nrrd")
    assert not is_slicer(tmp_path / "a.nii.gz")


def test_a_coded_meaning_is_read_from_the_tags(write_nrrd, drawn, labels):
    """Slicer names new segments Segment_1 and may hold a term of its terminology."""
    term = "Segmentation category and type~SCT^123037004^Anatomical Structure~SCT^11000004^Caudate Nucleus~^^~~^^~^^"
    tags = f"Status:done|TerminologyEntry:{term}|"
    path = write_nrrd(np.ones((6, 5, 4), np.uint8), fields_of({"Name": "Segment_1", "Tags": tags}))
    (segment,) = read_slicer(path, drawn.geometry, "image")
    assert segment.code == ("SCT", "11000004", "Caudate Nucleus")


def test_what_is_written_has_the_fields_of_slicer(tmp_path, drawn, labels):
    """Names, label values, extents and terms stand in the header; equal label maps are equal bytes."""
    write_slicer(drawn, labels, tmp_path / "a.seg.nrrd")
    write_slicer(drawn, labels, tmp_path / "b.seg.nrrd")
    assert (tmp_path / "a.seg.nrrd").read_bytes() == (tmp_path / "b.seg.nrrd").read_bytes()
    image = SimpleITK.ReadImage(str(tmp_path / "a.seg.nrrd"))
    assert image.GetMetaData("Segment1_Name") == "ivh"
    assert image.GetMetaData("Segment1_LabelValue") == "7"
    assert image.GetMetaData("Segment1_Extent") == "0 5 0 4 0 3"
    assert "~SCT^50960005^Hemorrhage~" in image.GetMetaData("Segment1_Tags")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "names no segments in its header"),
        (fields_of({"ID": "Segment_1", "LabelValue": 1}), "segment 0 of .* has no name"),
        (fields_of({"Name": "iph", "LabelValue": "one"}), "no number as its layer or label value"),
        (fields_of({"Name": "iph", "Layer": 4}), "segment 'iph' of .* is in layer 4, but the file has 1 layers"),
        (fields_of({"Name": "iph", "LabelValue": 0}), "has the label value of the background"),
        (fields_of({"Name": "iph"}, {"Name": "ivh"}), "segment 'ivh' of .* has the label value of segment 'iph'"),
        (fields_of({"Name": "iph", "LabelValue": 9}), "voxels of label value 1 in layer 0, which belong to no segment"),
    ],
)
def test_contradictions_are_named(write_nrrd, drawn, labels, fields, message):
    """What a header does not say, or says twice, is no segmentation."""
    path = write_nrrd(np.ones((6, 5, 4), np.uint8), fields)
    with pytest.raises(VolumeFileError, match=message):
        read(path, drawn, labels)


def test_voxels_that_are_no_integers_are_refused(write_nrrd, drawn, labels):
    """A fractional segmentation of Slicer is no binary label map."""
    path = write_nrrd(np.ones((6, 5, 4), np.float32), fields_of({"Name": "iph"}))
    with pytest.raises(VolumeFileError, match="stores its segments as float32"):
        read(path, drawn, labels)
