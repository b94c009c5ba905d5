"""Colours of raters, errors, findings and structures."""

from itertools import combinations

import numpy as np
import pytest

from ctbench.report.drawings.colours import (
    ERROR_COLOURS,
    FINDING_COLOUR,
    KIND_COLOURS,
    MODEL_COLOURS,
    READER_COLOURS,
    colour_uses,
    outline_colours,
    pair_colours,
    rater_colours,
    structure_colours,
)


def _lab(colour):
    """CIELAB of a colour of sRGB, `#rrggbb` or three numbers, under D65."""
    rgb = [int(colour[at : at + 2], 16) for at in (1, 3, 5)] if isinstance(colour, str) else colour
    plain = np.array(rgb) / 255
    linear = np.where(plain > 0.04045, ((plain + 0.055) / 1.055) ** 2.4, plain / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / (0.9505, 1, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _nearest(*groups):
    """The smallest distance between colours of different groups; 10 is seen at a glance."""
    pairs = combinations([[_lab(colour) for colour in group] for group in groups], 2)
    return min(np.linalg.norm(one - other) for first, second in pairs for one in first for other in second)


def test_colours_of_different_meaning_are_different():
    """Models, readers, printed results, errors and findings: none is taken for another, on white and over a CT."""
    shades = dict(zip(MODEL_COLOURS, MODEL_COLOURS, strict=True))
    readers = [f"r{number}" for number in range(7)]
    over_ct = outline_colours(MODEL_COLOURS, shades)
    of_readers = outline_colours(readers, rater_colours([], readers))
    errors, printed = list(ERROR_COLOURS.values()), [KIND_COLOURS["published"]]
    assert _nearest(MODEL_COLOURS, [*READER_COLOURS, KIND_COLOURS["readers"]], printed, errors, [FINDING_COLOUR]) > 20
    models = [over_ct[name] for name in MODEL_COLOURS]
    assert _nearest(models, [of_readers[name] for name in readers], errors) > 20
    assert _nearest(*([of_readers[name]] for name in readers)) > 20


def test_raters_of_one_colour_are_counted():
    """With more models than colours the seventh is the second of its colour; the pair of both is always new."""
    names = [f"m{number}" for number in range(13)]
    shades = rater_colours(names)
    assert colour_uses(names[:1], shades) == [0]
    assert len(set(zip((shades[name] for name in names), colour_uses(names, shades), strict=True))) == 13
    assert sorted(colour_uses(names, shades)) == [0] * 6 + [1] * 6 + [2]


def test_two_raters_of_one_chart_differ():
    """Also where both have one colour everywhere else."""
    assert pair_colours("a", "b", {"a": "#0072b2", "b": "#d55e00"}) == ("#0072b2", "#d55e00")
    for shades in ({"a": "#0072b2", "b": "#0072b2"}, {}):
        first, second = pair_colours("a", "b", shades)
        assert first != second


def test_outlines_of_one_colour_do_not_meet():
    """A second model of a colour, and eight raters in one picture, have outlines of their own."""
    shades = {"a": MODEL_COLOURS[0], "b": MODEL_COLOURS[0]} | {f"r{k}": READER_COLOURS[0] for k in range(6)}
    assert len(set(outline_colours((None, *shades), shades).values())) == 9


def test_raters_have_colours_of_their_kind():
    """Readers are grey, models have Okabe and Ito's colours, and all of them differ."""
    found = rater_colours(["unet", "atlas"], ["reader1", "reader2", "reader3"])
    assert list(found) == ["all readers", "reader1", "reader2", "reader3", "unet", "atlas"]
    assert {found["unet"], found["atlas"]} < set(MODEL_COLOURS)
    assert [found[f"reader{k}"] for k in (1, 2, 3)] == list(READER_COLOURS)
    assert len(set(found.values())) == 6


def test_a_model_keeps_its_colour_beside_others():
    """The demo's models look the same alone and together; the order in which they are named does not matter."""
    names = ["cascade-unet-demo", "deepbleed-128-demo", "hybrid-mask-rcnn-demo", "threshold"]
    together = rater_colours(names)
    assert all(rater_colours([name])[name] == together[name] for name in names)
    assert rater_colours(names[::-1], ["ann"])[names[0]] == together[names[0]]


@pytest.mark.parametrize("count", [6, 12])
def test_no_colour_is_used_again_before_all_are_used(count):
    """Names that would share a colour get others while there are any."""
    shades = [rater_colours([f"m{number}" for number in range(count)])[f"m{number}"] for number in range(count)]
    assert sorted(shades) == sorted(MODEL_COLOURS * (count // 6))


def test_outlines_of_models_keep_their_colour():
    """A model is drawn in the hue of the charts; readers, grey there, have colours that no model has."""
    shades = rater_colours(["net", "atlas"], ["ann", "ben"])
    drawn = outline_colours((None, "ann", "net", "ben", "atlas"), shades)
    alone = outline_colours(("net",), shades)
    assert alone["net"] == drawn["net"]
    of_models = outline_colours(MODEL_COLOURS, {shade: shade for shade in MODEL_COLOURS})
    assert not {drawn["ann"], drawn["ben"]} & set(of_models.values())
    assert len(set(drawn.values())) == 5


def test_colours_repeat_after_twelve():
    """Any number of structures has colours."""
    colours = list(structure_colours([f"s{number}" for number in range(14)]).values())
    assert len(set(colours)) == 12
    assert colours[12] == colours[0]
