"""Mistakes as colours."""

import numpy as np
import pandas as pd
import pytest

from ctbench.report.drawings.colours import ERROR_COLOURS
from ctbench.report.drawings.overlays import grey, mistakes, overlay, pick_cases, worst_slice

REFERENCE = np.array([[1, 1, 0, 0, 2, 1, 0]])
PREDICTION = np.array([[1, 0, 1, 0, 1, 2, 2]])
UNCOUNTED = np.array([[0, 0, 0, 0, 0, 1, 1]], bool)


def test_each_voxel_is_one_kind_of_mistake():
    """True positive, miss, false alarm, background, another structure, and what does not count: by hand."""
    found = mistakes(REFERENCE, PREDICTION, UNCOUNTED)
    assert found.true_positive.tolist() == [[1, 0, 0, 0, 0, 0, 0]]
    assert found.false_negative.tolist() == [[0, 1, 0, 0, 0, 0, 0]]
    assert found.false_positive.tolist() == [[0, 0, 1, 0, 0, 0, 0]]
    assert found.other_structure.tolist() == [[0, 0, 0, 0, 1, 0, 0]]
    assert found.wrong.tolist() == [[0, 1, 1, 0, 1, 0, 0]]


def test_colours_are_exact():
    """On black, each kind is its colour times its opacity; background and uncounted voxels off the hatching stay."""
    drawn = overlay(np.zeros((1, 7, 3), np.uint8), mistakes(REFERENCE, PREDICTION, UNCOUNTED))
    assert drawn.dtype == np.uint8
    expected = [
        np.round(0.32 * np.array(ERROR_COLOURS["true positive"])),
        np.round(0.8 * np.array(ERROR_COLOURS["false negative"])),
        np.round(0.8 * np.array(ERROR_COLOURS["false positive"])),
        (0, 0, 0),
        np.round(0.8 * np.array(ERROR_COLOURS["other structure"])),
        (0, 0, 0),
        (150, 150, 150),  # column 6: on the hatching
    ]
    np.testing.assert_array_equal(drawn[0], expected)


def test_colours_are_green_red_and_blue():
    """Agreement is mostly green, a false alarm mostly red, a miss mostly blue."""
    strongest = {name: int(np.argmax(rgb)) for name, rgb in ERROR_COLOURS.items()}
    assert (strongest["false positive"], strongest["true positive"], strongest["false negative"]) == (0, 1, 2)


def test_grey_is_the_brain_window():
    """0 HU is black, 40 mid-grey, 80 white; what lies beyond is cut."""
    shown = grey(np.array([[-1000, 0, 40, 80, 3000]]))
    assert shown.shape == (1, 5, 3)
    assert shown[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_worst_slice():
    """The annotated slice with most mistakes is shown; a perfect prediction shows the most agreement."""
    reference, prediction = np.zeros((3, 2, 2), int), np.zeros((3, 2, 2), int)
    reference[0, 0, 0] = prediction[1, 0, :] = prediction[2] = 1
    free = np.zeros((3, 2, 2), bool)
    annotated = np.array([True, True, False])
    assert worst_slice(mistakes(reference, prediction, free), np.ones(3, bool)) == 2
    assert worst_slice(mistakes(reference, prediction, free), annotated) == 1
    assert worst_slice(mistakes(prediction, prediction, free), annotated) == 1


def test_of_slice():
    """One slice of the masks is a set of masks."""
    found = mistakes(REFERENCE[None], PREDICTION[None], UNCOUNTED[None]).of_slice(0)
    np.testing.assert_array_equal(found.wrong, mistakes(REFERENCE, PREDICTION, UNCOUNTED).wrong)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9, 0.5, 0.7, 0.6], {"worst": ("b", 0.5), "median": ("d", 0.6), "best": ("a", 0.9)}),
        ([0.9, 0.5], {"worst": ("b", 0.5), "best": ("a", 0.9)}),
        ([0.9], {"worst": ("a", 0.9)}),
        ([np.nan], {}),
        ([0.5, 0.5, 0.5], {"worst": ("a", 0.5), "median": ("b", 0.5), "best": ("c", 0.5)}),
    ],
)
def test_pick_cases(values, expected):
    """Worst, median (the lower of two) and best, ties by name, none twice, undefined ones never."""
    rows = pd.DataFrame({"case": list("abcd")[: len(values)], "value": values})
    assert pick_cases(rows, list("abcd")) == expected


def test_cases_without_a_prediction_are_not_picked():
    """A failed case has Dice 0 but nothing to draw."""
    rows = pd.DataFrame({"case": ["a", "b"], "value": [0.0, 0.5]})
    assert pick_cases(rows, ["b"]) == {"worst": ("b", 0.5)}
