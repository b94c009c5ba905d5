"""Pictures of single slices."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.predictors import Finding
from ctbench.reference import Reference
from ctbench.report.drawings import slices
from ctbench.report.drawings.colours import (
    ERROR_COLOURS,
    outline_colours,
    structure_colours,
)
from ctbench.report.drawings.scene import Drawing, Scene
from ctbench.report.drawings.slices import WINDOWS, Layer, draw_slice, errors_by_slice, first_slice
from ctbench.volume import Volume

LABELS = LabelSet({"iph": 1, "ivh": 2}, {"hemorrhage": ("iph", "ivh")})
CODES = {name: LABELS.codes_of(name) for name in LABELS.names}
SIZE = 400
SCALE = SIZE // 20


def _square(top, left, code, slices=(1,)):
    """A square of 6 x 6 voxels in some of three slices of 20 x 20."""
    labels = np.zeros((3, 20, 20), np.uint8)
    labels[list(slices), top : top + 6, left : left + 6] = code
    return labels


@pytest.fixture
def scene():
    """The truth is a square; the reader drew it three columns to the right, the model as another structure."""
    truth = Reference.of(_square(4, 4, 1))
    excluded = _square(14, 4, 1) > 0
    return Scene(
        case="one",
        labels=LABELS,
        image=Volume(np.full((3, 20, 20), 40, np.int16), (5.0, 1.0, 1.0)),
        has_image=True,
        references={"majority": replace(truth, excluded=excluded)},
        without={},
        drawings={"ann": Drawing("reader", _square(4, 7, 1), CODES), "net": Drawing("model", _square(4, 4, 2), CODES)},
        lacking={},
    )


def _at(picture, row, column):
    """The colour in the middle of a voxel."""
    return picture[row * SCALE + SCALE // 2, column * SCALE + SCALE // 2].astype(int)


def _hue(rgb):
    return int(np.argmax(rgb))


LAYER = Layer("errors", ("ann",), "majority", ("iph", "ivh"))


def test_errors_are_green_red_and_blue(scene):
    """Agreed is green, drawn too much red, missed blue, and where nobody drew the image stays."""
    picture = draw_slice(scene, 1, LAYER, largest=SIZE)
    assert picture.shape == (SIZE, SIZE, 3)
    assert [_hue(_at(picture, 6, column)) for column in (5, 8, 11)] == [2, 1, 0]
    assert _at(picture, 6, 16).tolist() == [128, 128, 128]


def test_another_structure_is_yellow(scene):
    """The model took one structure for another: neither missed nor drawn too much."""
    shown = _at(draw_slice(scene, 1, replace(LAYER, raters=("net",)), largest=SIZE), 6, 6)
    np.testing.assert_allclose(shown, 0.2 * 128 + 0.8 * np.array(ERROR_COLOURS["other structure"]), atol=1)


def test_a_group_does_not_tell_its_members_apart(scene):
    """As hemorrhage, what the model drew is right."""
    asked = replace(LAYER, raters=("net",), structures=("hemorrhage",))
    assert _hue(_at(draw_slice(scene, 1, asked, largest=SIZE), 6, 6)) == 1


@pytest.mark.parametrize("kind", ["errors", "structures", "outlines"])
def test_excluded_voxels_are_hatched(scene, kind):
    """Where the readers found no consensus the picture has stripes, whatever else is drawn; elsewhere it has none."""
    picture = draw_slice(scene, 1, replace(LAYER, kind=kind), largest=SIZE)
    block = picture[15 * SCALE : 19 * SCALE, 5 * SCALE : 9 * SCALE]
    assert 0.2 < (block != 128).any(axis=-1).mean() < 0.5
    assert (picture[15 * SCALE : 17 * SCALE, 14 * SCALE : 18 * SCALE] == 128).all()


def test_structures_are_filled_with_their_colours(scene):
    """What a rater drew, and the reference where none is named, is tinted by structure."""
    palette = structure_colours(LABELS.names)
    for rater, name in ((None, "iph"), ("net", "ivh")):
        picture = draw_slice(scene, 1, replace(LAYER, kind="structures", raters=(rater,)), largest=SIZE)
        np.testing.assert_allclose(_at(picture, 6, 6), 0.55 * 128 + 0.45 * np.array(palette[name]), atol=1)


def test_outlines_leave_the_inside_free(scene):
    """Each rater's border has its colour, the reference's is white, and the image shows within."""
    raters = (None, "ann")
    picture = draw_slice(scene, 1, replace(LAYER, kind="outlines", raters=raters), largest=SIZE)
    colours = outline_colours(raters, {})
    assert picture[6 * SCALE, 4 * SCALE + 1].tolist() == list(colours[None]) == [255, 255, 255]
    assert picture[6 * SCALE, 13 * SCALE - 1].tolist() == list(colours["ann"])
    assert _at(picture, 6, 6).tolist() == [128, 128, 128]


def test_boxes_stand_in_their_slice(scene):
    """A finding is framed in its own slice only, and only if boxes are asked for."""
    found = Finding(1, (10, 10, 16, 18), "iph", 0.93)
    scene = replace(scene, drawings={"net": replace(scene.drawings["net"], findings=(found,))})
    layer = Layer("outlines", ("net",), "majority", ("iph",))
    plain = draw_slice(scene, 1, replace(layer, boxes=False), largest=SIZE)
    framed = draw_slice(scene, 1, layer, largest=SIZE)
    changed = np.argwhere((plain != framed).any(axis=-1))
    assert changed.max(axis=0).tolist() == [16 * SCALE - 1, 18 * SCALE - 1]
    assert framed[13 * SCALE, 10 * SCALE].tolist() == list(structure_colours(["iph"])["iph"])
    np.testing.assert_array_equal(
        draw_slice(scene, 0, layer, largest=SIZE), draw_slice(scene, 0, replace(layer, boxes=False), largest=SIZE)
    )


def test_only_the_surest_boxes_have_a_label(scene, monkeypatch):
    """Of five boxes in a slice all are framed, and the three surest are labelled, so that the picture stays visible."""
    found = [Finding(1, (10, 10, 16, 18), "iph", number / 10) for number in range(1, 6)]
    scene = replace(scene, drawings={"net": replace(scene.drawings["net"], findings=tuple(found))})
    written = []
    monkeypatch.setattr(slices, "_write", lambda _pen, _place, words, _rgb: written.append(words))
    draw_slice(scene, 1, Layer("outlines", ("net",), "majority", ("iph",)), largest=SIZE)
    assert [words for words in written if words.startswith("iph")] == ["iph 0.30", "iph 0.40", "iph 0.50"]


@pytest.mark.parametrize(("name", "grey"), [("brain", 128), ("subdural", round(255 * (40 - 75 + 107.5) / 215))])
def test_windows(scene, name, grey):
    """40 HU is mid-grey in a brain window, and darker in a subdural one."""
    picture = draw_slice(scene, 0, Layer("none"), window=WINDOWS[name], largest=SIZE)
    assert _at(picture, 4, 14).tolist() == [grey] * 3


def test_any_image_has_a_window_of_its_own(scene):
    """Without HU, the darkest and the brightest hundredth are black and white."""
    ramp = np.broadcast_to(np.linspace(0, 5000, 20), (3, 20, 20))
    shown = draw_slice(replace(scene, image=scene.image.with_array(ramp)), 0, Layer("none"), window=None, largest=SIZE)
    assert _at(shown, 4, 0)[0] < 12
    assert _at(shown, 4, 19)[0] > 243


def test_pixels_respect_the_spacing(scene):
    """Rows 2 mm and columns 1 mm apart make a picture twice as high as wide."""
    tall = replace(scene, image=Volume(scene.image.array, (5.0, 2.0, 1.0)))
    assert draw_slice(tall, 0, LAYER, largest=SIZE).shape == (SIZE, SIZE // 2, 3)


def test_strangers_are_left_out(scene):
    """A rater or a structure that the case does not have changes nothing and raises nothing."""
    plain = draw_slice(scene, 1, Layer("none"), largest=SIZE)
    np.testing.assert_array_equal(draw_slice(scene, 1, replace(LAYER, raters=("nobody",)), largest=SIZE), plain)
    known = {"iph": (1,)}
    scene = replace(scene, drawings={"net": replace(scene.drawings["net"], structures=known)})
    picture = draw_slice(scene, 1, replace(LAYER, raters=("net",)), largest=SIZE)
    assert _hue(_at(picture, 6, 6)) == 2


def test_the_slice_to_begin_with(scene):
    """It is the one with most mistakes; without a rater, the one with most of the structure."""
    assert errors_by_slice(scene, "ann", "majority", ("iph",)).tolist() == [0, 36, 0]
    assert first_slice(scene, "ann", "majority", ("iph",)) == 1
    only_last = replace(scene.references["majority"], labels=_square(4, 4, 1, slices=(2,)))
    assert first_slice(replace(scene, references={"majority": only_last}), None, "majority", ("iph",)) == 2
