import logging

import numpy as np
import pytest

from ctbench import notices
from ctbench.annotations.pictures import (
    Pictures,
    is_of_pictures,
    on_slices,
    picture_files,
    picture_names,
    read_pictures,
)
from ctbench.errors import GeometryError, VolumeFileError

from .conftest import write_xml

STATED = Pictures(axes=("z", "y", "x"))


def write_names(path, *names, size=(5, 6)):
    """Write images without a shape but the first, which has one pixel of iph."""
    shape = '<box label="iph" xtl="1" ytl="1" xbr="2" ybr="2"/>'
    images = [
        f'<image name="{name}" width="{size[1]}" height="{size[0]}">{shape if at == 0 else ""}</image>'
        for at, name in enumerate(names)
    ]
    path.write_text(f"<annotations>{''.join(images)}</annotations>")
    return path


@pytest.fixture
def slices(tmp_path, drawn):
    """A function that returns the slices with a shape, of images with these names and a rule."""

    def slices(*names, case=None, size=(5, 6), **rule):
        path = write_names(tmp_path / "a.xml", *names, size=size)
        rule = Pictures(**{"axes": ("z", "y", "x"), **rule})
        return [one.at[0].start for one in on_slices(path, drawn.geometry, "the image", rule=rule, case=case)]

    return slices


@pytest.mark.parametrize(
    ("names", "first", "slice_"),
    [
        (("002.png", "000.png"), None, 2),  # one is the slice 0
        (("002.png", "004.png"), None, 1),  # the last of 4 slices has the number 4
        (("002.png",), 0, 2),
        (("002.png",), 1, 1),
        (("2.nii.png", "study 5/0.png"), None, 2),
        (("slice-2.dcm", "slice-0.dcm"), None, 2),
        (("p1_2a.png", "p1_0a.png"), None, 2),
    ],
)
def test_the_last_number_of_a_name_is_the_slice(slices, names, first, slice_):
    """Counted from 0 or 1, as the numbers tell or the rule states."""
    assert slices(*names, first=first) == [slice_]


@pytest.mark.parametrize(
    ("names", "rule", "said"),
    [
        (
            ("002.png", "003.png"),
            {},
            "from number 2 to 3 of 4 slices, which does not tell whether the first slice is 0",
        ),
        (("a.png",), {}, "the name of picture 'a.png' does not say which slice it is"),
        (("a/1.png", "b/1.png"), {"first": 0}, "the pictures 'a/1.png' and 'b/1.png' both have the number 1"),
        (("001.png",), {"name": "{slice}.jpg"}, "the name of picture '001.png' does not say which slice"),
    ],
)
def test_a_slice_that_cannot_be_known_is_refused(slices, names, rule, said):
    """One sentence that says what to state in the YAML."""
    with pytest.raises(VolumeFileError, match=said) as caught:
        slices(*names, **rule)
    assert "pictures: {" in str(caught.value)


def test_a_number_beyond_the_last_slice_is_refused(slices):
    """The pictures are of another image, or counted from another number."""
    with pytest.raises(GeometryError, match=r"picture '009.png' has the number 9, but the image has 4 slices"):
        slices("000.png", "009.png")
    with pytest.raises(GeometryError, match=r"picture '000.png' has the number 0, but the image has 4 slices"):
        slices("000.png", first=1)


def test_pictures_have_the_size_of_the_slices(slices):
    """Turned by 90 degrees, or scaled, they would lie wrongly."""
    with pytest.raises(GeometryError, match=r"'000.png' has 6 x 5 pixels \(rows x columns\), expected 5 x 6"):
        slices("000.png", size=(6, 5))


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("{case}_{slice}.png", "p1"),
        ("{case}/{slice}.png", "p1"),
        ("{case}/IM*_{slice}.*", "p1"),
        ("{slice}of*.png", None),
    ],
)
def test_a_pattern_says_which_number_is_the_slice(slices, name, case):
    """Its parts are the last parts of the picture's name; the case is exactly that of interest."""
    fill = {"{case}": "p1", "*.png": "9.png", "*": "7"}
    made = []
    for number in ("2", "0"):
        text = name.replace("{slice}", number)
        for old, new in fill.items():
            text = text.replace(old, new)
        made.append(f"x/{text}")
    others = [one.replace("p1", "p11") for one in made] if case else []
    assert slices(*made, *others, name=name, case=case) == [2]


@pytest.mark.parametrize("name", ["p1/002.png", "study/p1/IM-2.dcm", "p1_002.png", "p1-2.png", "p1 2.png"])
def test_a_case_is_known_by_its_folder_or_the_start_of_the_name(slices, name):
    """Without a pattern; p11 is another case than p1."""
    others = ("p11/002.png", "p11_002.png", "xp1_002.png", "p1_a_003.png")
    assert slices(name, name.replace("2", "0"), *others, case="p1") == [2]


def test_a_file_without_the_case_is_refused(slices):
    """The reader has not read it, or the names of the pictures must be stated."""
    with pytest.raises(VolumeFileError, match=r"no picture of case 'p9'; if this reader .*; its pictures: 'p1/0.png'"):
        slices("p1/0.png", case="p9")


def test_axes_that_are_not_stated_are_announced_once(tmp_path, drawn, labels, caplog, monkeypatch):
    """Rows and columns as the image stores them is an assumption; stated axes say nothing."""
    monkeypatch.setattr(notices, "_said", set())
    path = write_xml(tmp_path / "a.xml", drawn, labels)
    with caplog.at_level(logging.WARNING):
        on_slices(path, drawn.geometry, "the image", rule=STATED)
        assert caplog.messages == []
        for _ in range(2):
            on_slices(path, drawn.geometry, "the image")
    (message,) = caplog.messages
    assert "a.xml does not state how its pictures lie: their rows are taken along y" in message


def test_files_of_pictures_are_known_by_their_suffix(tmp_path, drawn, labels):
    """XML and JSON; the names of the labels in them; a changed file is read again."""
    path = write_xml(tmp_path / "a.xml", drawn, labels)
    assert is_of_pictures(path)
    assert is_of_pictures(tmp_path / "a.JSON")
    assert not is_of_pictures(tmp_path / "a.nii.gz")
    assert picture_names(path) == ("ivh", "iph")
    assert len(read_pictures(path)) == 4
    write_names(path, "000.png")
    assert picture_names(path) == ("iph",)


def test_files_of_many_readers_are_parsed_once(tmp_path):
    """The files of twelve readers, read in turn for each case, remain in memory."""
    paths = [write_names(tmp_path / f"reader{number}.xml", "000.png") for number in range(12)]
    first = [read_pictures(path) for path in paths]
    assert all(read_pictures(path) is before for path, before in zip(paths, first, strict=True))


def test_the_files_of_a_folder_are_listed(tmp_path):
    """The table of colours is one of them, for it says what the pictures mean."""
    (tmp_path / "labelmap.txt").touch()
    (tmp_path / "0.png").touch()
    assert [name for name, _ in picture_files(tmp_path)] == ["labelmap.txt", "0.png"]


def test_segments_are_cropped_to_what_is_drawn(tmp_path, drawn, labels):
    """Thousands of shapes of a long series fit into the memory."""
    segments = on_slices(write_xml(tmp_path / "a.xml", drawn, labels), drawn.geometry, "the image", rule=STATED)
    assert max(segment.mask.size for segment in segments) <= 3 * 5
    assert sum(np.count_nonzero(segment.mask) for segment in segments) == np.count_nonzero(drawn.array)
