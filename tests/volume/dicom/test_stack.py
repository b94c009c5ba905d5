from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.series import Series, Slice
from ctbench.volume.dicom.stack import stack_slices


def series_of(positions, **changes):
    """Make a series of slices at positions (x, y, z); ``changes`` are {field: {index: value}}."""
    slices = []
    for index, position in enumerate(positions):
        fields = {
            "path": Path(f"{index}.dcm"),
            "series_uid": "1.2",
            "description": "head",
            "patient": "a",
            "image_type": "AXIAL",
            "size": (5, 4, 1),
            "spacing_mm": (0.5, 0.6),
            "components": 1,
            "orientation": (1, 0, 0, 0, 1, 0),
            "position": position,
            "tilt_degrees": 0.0,
        }
        fields.update({name: values[index] for name, values in changes.items() if index in values})
        slices.append(Slice(**fields))
    return Series("1.2", "head", tuple(slices))


def straight(*places, **changes):
    """Make a series of slices that lie above each other."""
    return series_of([(0, 0, z) for z in places], **changes)


def test_slices_are_ordered_along_their_normal():
    """For rows to the left and columns to the back, the normal is up: z ascends."""
    stack = stack_slices(straight(10, 0, 5))
    assert [one.position[2] for one in stack.slices] == [0, 5, 10]
    np.testing.assert_allclose(stack.gaps_mm, [5, 5])
    np.testing.assert_allclose(stack.axes, np.eye(3))
    assert stack.is_even
    assert not stack.is_tilted


def test_coronal_slices_are_ordered_by_their_own_normal():
    """Rows to the left and columns down make a normal to the back: y ascends, and z plays no part."""
    orientation = (1, 0, 0, 0, 0, -1)
    stack = stack_slices(series_of([(0, 4, 9), (0, 0, 9), (0, 2, 9)], orientation=dict.fromkeys(range(3), orientation)))
    assert [one.position[1] for one in stack.slices] == [0, 2, 4]
    assert not stack.is_tilted


@pytest.mark.parametrize("degrees", [0.5, 18.5, 30])
def test_the_angle_of_a_sheared_stack(degrees):
    """Slices that each lie 5 mm above and 5 tan(a) behind the last are tilted by a."""
    back = 5 * np.tan(np.radians(degrees))
    stack = stack_slices(series_of([(0, back * k, 5 * k) for k in range(10)]))
    assert stack.shear_degrees == pytest.approx(degrees)
    assert stack.is_tilted
    assert stack.is_even


def test_rounded_positions_are_even_and_straight():
    """Scanners round positions to a hundredth of a millimetre or so."""
    stack = stack_slices(series_of([(0.01 * (k % 2), 0, round(1.2345 * k, 2)) for k in range(100)]))
    assert stack.is_even
    assert not stack.is_tilted


def test_thin_slices_below_and_thick_ones_above_are_uneven_but_whole():
    """The two distances of a usual head CT are no missing slices, even where one is a multiple of the other."""
    stack = stack_slices(straight(0, 2.5, 5, 7.5, 12.5, 17.5, 22.5))
    assert not stack.is_even
    assert stack.gap_ranges == "3 x 2.50, 3 x 5.00 mm"


@pytest.mark.parametrize(
    ("places", "lost"),
    [((0, 5, 15, 20, 25), "1 slice"), ((0, 10, 15, 20), "1 slice"), ((0, 5, 10, 25), "2 slice"), ((0, 5, 20, 25), "2")],
)
def test_missing_slices_are_refused(places, lost):
    """A gap that is a multiple of both gaps beside it, or of the only one, lacks slices."""
    with pytest.raises(VolumeFileError, match=f"lacks {lost}.* between .*dcm and .*dcm"):
        stack_slices(straight(*places))


def test_two_slices_at_one_place_are_refused():
    """A doubled slice, or two phases in one series, are not one volume."""
    with pytest.raises(VolumeFileError, match="two slices at one position"):
        stack_slices(straight(0, 5, 5, 10))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("patient", "b", "mixes patients: "),
        ("size", (5, 5, 1), r"mixes sizes, \(5, 4, 1\) and \(5, 5, 1\)"),
        ("spacing_mm", (0.5, 0.61), "mixes pixel spacings"),
        ("spacing_mm", (), "mixes pixel spacings"),
        ("orientation", (1, 0, 0, 0, 0, -1), "mixes orientations"),
        ("orientation", None, "mixes orientations"),
        ("position", None, "without a position"),
    ],
)
def test_slices_of_other_volumes_are_refused(field, value, said):
    """The message names what differs and two files, but no patient."""
    with pytest.raises(VolumeFileError, match=said):
        stack_slices(straight(0, 5, 10, **{field: {1: value}}))


def test_a_single_slice_is_no_volume():
    """One slice has no distance to the next."""
    with pytest.raises(VolumeFileError, match="a single slice"):
        stack_slices(straight(0))


def test_several_frames_in_one_file_are_refused():
    """Enhanced multi-frame files keep their positions elsewhere; the message says what to do."""
    with pytest.raises(VolumeFileError, match="several frames in one file; convert it to NIfTI with dcm2niix"):
        stack_slices(straight(0, 5, size={1: (5, 4, 3)}))


@pytest.mark.parametrize(("step", "digits"), [(0.5829, 1), (0.9, 1), (1.2345, 1), (0.625, 1)])
def test_positions_rounded_to_a_tenth_may_be_even(step, digits):
    """The step is the best fit, far nearer than the rounding."""
    stack = stack_slices(straight(*(round(step * k, digits) for k in range(40))))
    assert stack.may_be_rounded
    assert stack.step_mm == pytest.approx(step, abs=2e-3)


def test_a_stack_turned_about_x_and_rounded_is_not_tilted():
    """Rounding moves slices against each other by less than a voxel."""
    angle = np.radians(12.3)
    normal = np.array([0, -np.sin(angle), np.cos(angle)])
    orientation = (1, 0, 0, 0, np.cos(angle), np.sin(angle))
    positions = [tuple(np.round(normal * k * 0.9, 1)) for k in range(40)]
    stack = stack_slices(series_of(positions, orientation=dict.fromkeys(range(40), orientation)))
    assert not stack.is_tilted
    assert stack.may_be_rounded


def test_uneven_slices_are_not_taken_for_rounded_ones():
    """Half a millimetre is no rounding."""
    assert not stack_slices(straight(0, 5, 10, 15.5, 21, 26.5)).may_be_rounded


def test_slices_without_a_pixel_spacing_are_refused():
    """The message names the field and a file."""
    with pytest.raises(VolumeFileError, match=r"states no pixel spacing \(PixelSpacing\) in 0\.dcm"):
        stack_slices(straight(0, 5, 10, spacing_mm=dict.fromkeys(range(3), ())))


@pytest.mark.parametrize(("cosine", "fits"), [(1e-4, True), (9e-4, True), (5e-3, False)])
def test_directions_that_are_nearly_at_right_angles(cosine, fits):
    """The nearest rotation within 1e-3, as in all formats."""
    orientation = dict.fromkeys(range(3), (1, 0, 0, cosine, np.sqrt(1 - cosine**2), 0))
    if not fits:
        with pytest.raises(VolumeFileError, match="expected two directions at right angles"):
            stack_slices(straight(0, 5, 10, orientation=orientation))
        return
    axes = stack_slices(straight(0, 5, 10, orientation=orientation)).axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=2e-6)
