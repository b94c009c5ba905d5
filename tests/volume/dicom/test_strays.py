from pathlib import Path

import pytest

from ctbench.volume.dicom.series import Slice
from ctbench.volume.dicom.strays import part_strays

AXIAL, FRONTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)
LOCALIZER = {"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER", "orientation": FRONTAL}


def one(name, **changes):
    """Make a slice of an axial stack."""
    fields = {"series_uid": "1", "description": "", "patient": "a", "image_type": "ORIGINAL\\PRIMARY\\AXIAL"}
    fields |= {"size": (5, 4, 1), "spacing_mm": (1, 1), "components": 1, "orientation": AXIAL, "position": (0, 0, 0)}
    return Slice(path=Path(f"{name}.dcm"), tilt_degrees=0.0, **{**fields, **changes})


STACK = [one(name) for name in "abcdef"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (LOCALIZER, "is a localizer"),
        ({"orientation": FRONTAL}, "has another orientation"),
        ({"position": None, "orientation": None, "spacing_mm": ()}, "has no position"),
        ({"components": 3}, "is a colour image"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_what_cannot_be_a_slice_is_left_out_by_name(changes, why, place):
    """Wherever it is among the files."""
    kept, left_out = part_strays([*STACK[:place], one("x", **changes), *STACK[place:]])
    assert kept == tuple(STACK)
    assert left_out == (f"x.dcm {why}",)


def test_a_whole_stack_is_kept():
    """Directions that differ in the last digits are one orientation."""
    slices = [*STACK, one("g", orientation=(1, 0, 0, 0, 0.999, 0.0447))]
    assert part_strays(STACK) == (tuple(STACK), ())
    assert part_strays([*STACK, one("g", orientation=(1, 0, 0, 0, 1 - 1e-6, 1e-6))])[1] == ()
    assert part_strays(slices)[1] == ("g.dcm has another orientation",)


def test_two_stacks_in_one_series_are_kept_and_refused_later():
    """Neither is chosen where both may be meant."""
    slices = [*STACK[:4], *(one(name, orientation=FRONTAL) for name in "xyz")]
    assert part_strays(slices) == (tuple(slices), ())
    half = [*STACK[:2], *(one(name, orientation=FRONTAL) for name in "xy")]
    assert part_strays(half) == (tuple(half), ())


@pytest.mark.parametrize("changes", [LOCALIZER, {"position": None, "orientation": None}])
def test_a_series_of_nothing_else_is_kept(changes):
    """What would be left is no stack: the later checks say what the series is."""
    slices = [STACK[0], one("x", **changes), one("y", **changes)]
    assert part_strays(slices) == (tuple(slices), ())
