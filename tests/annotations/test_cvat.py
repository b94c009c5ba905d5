import numpy as np
import pytest
from PIL import Image

from ctbench.annotations import Pictures, read_annotation
from ctbench.annotations.cvat import files_in_masks, is_mask_folder, read_cvat_masks, read_cvat_xml
from ctbench.errors import MissingFileError, VolumeFileError

from .conftest import slices_of, turned, write_xml

COLOURS = "# label:color_rgb:parts:actions\nbackground:0,0,0::\niph:250,50,83::\nivh:51,221,255::\n"
PALETTE = {0: (0, 0, 0), 3: (250, 50, 83), 7: (51, 221, 255)}
STATED = Pictures(axes=("z", "y", "x"))


def write_masks(folder, volume, axes=("z", "y", "x"), mode="RGB", first=0):
    """Write a label map as Segmentation mask: a PNG a slice, and the names of the colours."""
    (folder / "SegmentationClass").mkdir(parents=True)
    (folder / "labelmap.txt").write_text(COLOURS)
    for at, picture in enumerate(slices_of(volume, axes)):
        rgb = np.array([[PALETTE[int(code)] for code in row] for row in picture], np.uint8)
        made = Image.fromarray(rgb).convert(mode)
        if mode == "P":
            made = Image.fromarray(picture)
            made.putpalette([channel for code in range(8) for channel in PALETTE.get(code, (9, 9, 9))])
        made.save(folder / f"SegmentationClass/{at + first:03d}.png")
    return folder


@pytest.fixture
def write(tmp_path):
    """A function that writes shapes on one image of 6 x 5 pixels (width x height), and returns what is read."""

    def write(shapes, head="<annotations>", image='<image id="0" name="000.png" width="6" height="5">'):
        path = tmp_path / "a.xml"
        path.write_text(f"{head}{image}{shapes}</image></annotations>")
        return read_cvat_xml(path)

    return write


def test_masks_of_every_orientation_keep_every_voxel(tmp_path, drawn, labels, orientation):
    """Slices, rows and columns counted along any axes from either end, in XML and as PNG, read by the stated rule."""
    order, signs = orientation
    axes = tuple(("-" if sign < 0 else "") + "zyx"[axis] for axis, sign in zip(order, signs, strict=True))
    rule = Pictures(axes=axes)
    for path in (write_xml(tmp_path / "a.xml", drawn, labels, axes), write_masks(tmp_path / "masks", drawn, axes)):
        read = read_annotation(path, labels=labels, image=drawn.geometry, pictures=rule)
        np.testing.assert_array_equal(read.array, drawn.array)
        assert read.geometry == drawn.geometry


def test_pictures_lie_as_the_image_is_stored(tmp_path, drawn, labels, orientation):
    """The slices of a stored file in its own order are read back with the axes z, y, x, wherever the file lies."""
    from ctbench.volume import upright

    image = upright(turned(drawn, orientation))
    path = write_xml(tmp_path / "a.xml", image, labels)
    read = read_annotation(path, labels=labels, image=image.geometry, pictures=STATED)
    np.testing.assert_array_equal(read.array, image.array)


def test_shapes_of_cvat_become_pixels(write):
    """A polygon, a rotated box and an ellipse; points and lines have no pixels."""
    (picture,) = write(
        '<polygon label="a" points="1.00,1.00;4.00,1.00;4.00,3.00;1.00,3.00"/>'
        '<box label="b" xtl="1" ytl="2" xbr="5" ybr="4" rotation="90"/>'
        '<ellipse label="c" cx="3" cy="2.5" rx="1" ry="1"/>'
        '<points label="d" points="1,1"/><polyline label="d" points="1,1;2,2"/><tag label="d"/>'
    )
    masks = {shape.label: shape.draw((5, 6)) for shape in picture.shapes}
    assert np.argwhere(masks["a"]).tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
    assert masks["b"][1:5, 2:4].all()
    assert masks["b"].sum() == 8
    assert masks["c"].sum() == 2
    assert sorted(masks) == ["a", "b", "c"]
    assert picture.size == (5, 6)


def test_a_higher_z_order_lies_above(write):
    """Whatever the order in the file; shapes of one order stay in theirs."""
    box = '<box label="{}" xtl="1" ytl="1" xbr="3" ybr="3" z_order="{}"/>'
    (picture,) = write(box.format("top", 2) + box.format("a", 1) + box.format("b", 1))
    assert [shape.label for shape in picture.shapes] == ["a", "b", "top"]


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ('<cuboid label="a" xtl1="1"/>', "the cuboid of 'a' has no area or no label; draw a polygon"),
        ('<skeleton label="a"/>', "the skeleton of 'a' has no area"),
        ('<box xtl="1" ytl="1" xbr="2" ybr="2"/>', "the box of '' has no area or no label"),
        ('<box label="a" xtl="1" ytl="1" xbr="2"/>', "the box of 'a' has no valid 'ybr'"),
        ('<polygon label="a" points="1,2;3"/>', "expected rows of 2 numbers"),
        ('<polygon label="a" points="1,2;nan,3"/>', "expected rows of 2 numbers"),
        ('<mask label="a" rle="1,2" left="0" top="0" width="2" height="2"/>', "has runs of 3 pixels, expected 2 x 2"),
        ('<mask label="a" rle="1,x" left="0" top="0" width="2" height="2"/>', "has no valid invalid literal"),
        ("<box", "cannot be read as XML of CVAT"),
    ],
)
def test_shapes_that_cannot_be_filled_are_refused(write, shapes, said):
    """The message names the file, the image and the shape."""
    with pytest.raises(VolumeFileError, match=said) as caught:
        write(shapes)
    assert "a.xml" in str(caught.value)


def test_other_xml_is_refused(write, tmp_path):
    """Tracks of a video, another root, a document type that could expand, an image without a size."""
    with pytest.raises(VolumeFileError, match=r"has tracks \(CVAT for video 1.1\); export it as CVAT for images"):
        write("", head='<annotations><track id="0"/>')
    with pytest.raises(VolumeFileError, match="is XML with the root 'svg'; expected <annotations>"):
        write("", head="<svg>")
    with pytest.raises(VolumeFileError, match="has a document type"):
        write("", head='<!DOCTYPE a [<!ENTITY b "b">]><annotations>')
    with pytest.raises(VolumeFileError, match=r"image '000.png' has no valid width and height"):
        write("", image='<image name="000.png" width="6">')


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_a_folder_of_colours_is_read_whatever_the_kind_of_png(tmp_path, drawn, labels, mode):
    """CVAT writes palettes, others write colours; the folder of the export, or that of its classes."""
    folder = write_masks(tmp_path / "masks", drawn, mode=mode)
    for path in (folder, folder / "SegmentationClass"):
        assert is_mask_folder(path)
        read = read_annotation(path, labels=labels, image=drawn.geometry, pictures=STATED)
        np.testing.assert_array_equal(read.array, drawn.array)
        assert [name for name, _ in files_in_masks(path)] == ["labelmap.txt", *(f"{at:03d}.png" for at in range(4))]


def test_colours_without_a_name_are_refused(tmp_path, drawn):
    """Of the pixels, in the table of colours, or without any table."""
    folder = write_masks(tmp_path / "masks", drawn)
    (folder / "labelmap.txt").write_text(COLOURS.replace("iph:250,50,83", "iph:1,2,3"))
    with pytest.raises(VolumeFileError, match=r"001.png has pixels of the colour 250,50,83, which .* does not name"):
        read_cvat_masks(folder)
    for line in ("iph:1,2::", "iph:1,2,256::", "ivh:0,0,0::", ":1,2,3::", "iph:a,b,c::"):
        (folder / "labelmap.txt").write_text(f"{COLOURS}{line}")
        with pytest.raises(VolumeFileError, match=r"labelmap.txt, line 5: .* is not the colour of one label"):
            read_cvat_masks(folder)
    (folder / "labelmap.txt").unlink()
    with pytest.raises(MissingFileError, match=r"holds pictures without labelmap.txt"):
        read_cvat_masks(folder)


def test_a_damaged_picture_is_named(tmp_path, drawn):
    """Truncated, or a JPEG, whose colours are not exact."""
    folder = write_masks(tmp_path / "masks", drawn)
    picture = folder / "SegmentationClass/002.png"
    picture.write_bytes(picture.read_bytes()[:60])
    with pytest.raises(VolumeFileError, match=r"002.png cannot be read as PNG"):
        read_cvat_masks(folder)
    Image.new("RGB", (6, 5)).save(picture, format="JPEG")
    with pytest.raises(VolumeFileError, match=r"002.png cannot be read as PNG"):
        read_cvat_masks(folder)


def test_a_folder_of_dicom_files_is_no_folder_of_pictures(tmp_path):
    """Nor is an empty one, or a file."""
    assert not is_mask_folder(tmp_path)
    (tmp_path / "a.dcm").touch()
    (tmp_path / "a.png").touch()
    assert not is_mask_folder(tmp_path)
    assert not is_mask_folder(tmp_path / "a.png")
