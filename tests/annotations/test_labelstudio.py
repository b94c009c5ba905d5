import json

import numpy as np
import pytest

from ctbench.annotations import Pictures, read_annotation
from ctbench.annotations.labelstudio import decode_brush, read_label_studio
from ctbench.errors import VolumeFileError

from .conftest import brush, packed, region, slices_of, task

SIZE = (5, 6)


@pytest.fixture
def write(tmp_path):
    """A function that writes tasks as an export, and returns its path."""

    def write(*tasks, text=None):
        path = tmp_path / "a.json"
        path.write_text(json.dumps(tasks) if text is None else text)
        return path

    return write


def per_cent(size, *points):
    """Points x, y of pixels as per cent of the picture's width and height."""
    return [[100 * x / size[1], 100 * y / size[0]] for x, y in points]


def brushes(volume, labels, axes):
    """The regions of each slice, one brush for each label in it."""
    for picture in slices_of(volume, axes):
        found = [(label, picture == code) for label, code in labels.items() if (picture == code).any()]
        yield [region(label, brush(mask), "brushlabels", picture.shape) for label, mask in found]


def test_brushes_of_every_orientation_keep_every_voxel(write, drawn, labels, orientation):
    """A task a slice, or one task with pages: the pages by their names, or by their numbers."""
    order, signs = orientation
    axes = tuple(("-" if sign < 0 else "") + "zyx"[axis] for axis, sign in zip(order, signs, strict=True))
    regions = list(brushes(drawn, labels, axes))
    paged = [{**one, "item_index": at} for at, page in enumerate(regions) for one in page]
    names = [f"/data/upload/3/0a1b2c3d-{at:03d}.png" for at in range(len(regions))]
    exports = (
        [task(*page, number=at, image=name) for at, (page, name) in enumerate(zip(regions, names, strict=True))],
        [task(*paged, pages=names)],
        [task(*paged, image="head")],
    )
    for tasks in exports:
        read = read_annotation(write(*tasks), labels=labels, image=drawn.geometry, pictures=Pictures(axes=axes))
        np.testing.assert_array_equal(read.array, drawn.array)


@pytest.mark.parametrize("word", [1, 3, 8, 13, 32])
@pytest.mark.parametrize("lengths", [(1, 2, 9, 16), (4, 4, 4, 4), (2, 16, 1, 1)])
def test_a_brush_is_unpacked_whatever_the_lengths_of_its_numbers(word, lengths):
    """Random pictures of long runs and of noise, packed by a writer of ours; the opacity counts and not the colour."""
    rng = np.random.default_rng(word)
    for noise in (0.02, 0.5):
        rgba = rng.random((5, 7, 4)) < noise
        rgba[1:4, 2:6] = True
        values = (rgba * rng.integers(1, 2**word, rgba.shape)).ravel().tolist()
        mask = decode_brush(np.array(packed(values, word, lengths), np.uint8), (5, 7), "a")
        np.testing.assert_array_equal(mask, rgba[..., 3])


def test_shapes_in_per_cent_become_pixels(write):
    """Of a picture that is wider than high; a rectangle is rotated about its upper left corner."""
    size = (5, 10)
    corners = per_cent(size, (2, 1), (5, 1), (5, 3), (2, 3))
    box = {"x": 30, "y": 20, "width": 20, "height": 60, "rotation": 90}
    path = write(
        task(
            region("a", {"points": corners, "closed": True}, size=size),
            region("b", box, "rectanglelabels", size),
            region("c", {"x": 50, "y": 50, "radiusX": 20, "radiusY": 20}, "ellipselabels", size),
            image="000.png",
        )
    )
    (picture,) = read_label_studio(path)
    masks = {shape.label: shape.draw(size) for shape in picture.shapes}
    assert picture.size == size
    assert np.argwhere(masks["a"]).tolist() == [[1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4]]
    assert np.argwhere(masks["b"]).tolist() == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]
    y, x = np.mgrid[:5, :10] + 0.5
    np.testing.assert_array_equal(masks["c"], ((x - 5) / 2) ** 2 + (y - 2.5) ** 2 <= 1)


def test_only_regions_with_an_area_count(write):
    """Choices, key points and texts have none; a region's name may stand in a second entry with its id."""
    points = {"points": per_cent(SIZE, (1, 1), (4, 1), (4, 3))}
    bare = {**region("", points), "type": "polygon", "value": points}
    (picture,) = read_label_studio(
        write(
            task(
                bare,
                region("a", points, "labels"),
                {"type": "choices", "value": {"choices": ["poor"]}},
                region("b", {"x": 1, "y": 1, "width": 0.5}, "keypointlabels"),
                image="7.png",
            )
        )
    )
    assert [shape.label for shape in picture.shapes] == ["a"]
    with pytest.raises(VolumeFileError, match=r"task 1 has a region \(polygon\) without a label"):
        read_label_studio(write(task(bare, image="7.png")))


def test_a_cancelled_annotation_does_not_count_but_a_second_person_is_refused(write):
    """Whose masks they are must be known."""
    one = task(region("a", {"points": per_cent(SIZE, (1, 1), (4, 1), (4, 3))}), image="7.png")
    other = {"id": 2, "completed_by": 9, "result": []}
    cancelled = {**one, "annotations": [*one["annotations"], {**other, "was_cancelled": True}]}
    assert len(read_label_studio(write(cancelled))[0].shapes) == 1
    with pytest.raises(VolumeFileError, match=r"task 1 has the annotations of 2 people \(5, 9\); export one file"):
        read_label_studio(write({**one, "annotations": [*one["annotations"], other]}))


def test_pages_without_a_region_are_pictures(write):
    """A task lists its pages; without a list, those with regions are known by their numbers."""
    shape = region("a", {"points": per_cent(SIZE, (1, 1), (4, 1), (4, 3))}, item_index=1)
    pictures = read_label_studio(write(task(shape, pages=["p/0.png", "p/1.png", "p/2.png"], note="x")))
    assert [(picture.names, picture.page, len(picture.shapes)) for picture in pictures] == [
        (("p/0.png",), None, 0),
        (("p/1.png",), None, 1),
        (("p/2.png",), None, 0),
    ]
    (page,) = read_label_studio(write(task(shape, image="p")))
    assert (page.names, page.page) == (("p",), 1)


VALUE = {"points": [[1, 1], [50, 1], [50, 50]]}


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (region("a", VALUE, image_rotation=90), "has a region on a picture that was rotated"),
        (region("a", {"sequence": []}, "videorectangle"), "has a region of a video"),
        (region("a", {"points": [[1, 1], [2]]}), "expected rows of 2 numbers"),
        (region("a", {"format": "png", "rle": [1]}, "brushlabels"), "has the format 'png'; expected rle"),
        (region("a", {"rle": [1, 300]}, "brushlabels"), "task 1 is damaged"),
        (region("a", VALUE, size=(0, 4)), "has regions on pictures of the sizes"),
        ({"type": "polygonlabels", "value": {**VALUE, "polygonlabels": ["a"]}}, "task 1 is damaged .KeyError"),
        (region("a", {"x": 1, "y": 1, "radiusX": 0, "radiusY": 1}, "ellipselabels"), "is an ellipse with the radii"),
    ],
)
def test_regions_that_cannot_be_filled_are_refused(write, one, said):
    """The message names the file and the task."""
    with pytest.raises(VolumeFileError, match=said) as caught:
        read_label_studio(write(task(one, image="7.png")))
    assert "a.json, task 1" in str(caught.value)


def test_pages_with_and_without_a_number_are_refused(write):
    """One region says on which page it lies, one does not."""
    with pytest.raises(VolumeFileError, match="regions with and without a number of a page"):
        read_label_studio(write(task(region("a", VALUE), region("a", VALUE, item_index=1), image="x")))


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '[{"data": {}}]', '[{"data": [], "annotations": []}]'])
def test_other_json_is_refused(write, text):
    """Not JSON, or not tasks with data and annotations."""
    with pytest.raises(VolumeFileError, match=r"a.json (cannot be read as JSON|is no export) of Label Studio"):
        read_label_studio(write(text=text))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_brush_that_ends_too_early_is_refused(share):
    """Or that is of another picture."""
    values = np.array(brush(np.eye(6, dtype=bool))["rle"], np.uint8)
    with pytest.raises(VolumeFileError, match=r"a has a brush whose data (ends|is damaged) after"):
        decode_brush(values[: int(len(values) * share)], (6, 6), "a")
    with pytest.raises(VolumeFileError, match="a has a brush of 144 values; expected 4 for each of 5 x 6 pixels"):
        decode_brush(values, SIZE, "a")
