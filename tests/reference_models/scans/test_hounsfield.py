import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.volume import Volume
from reference_models.scans.hounsfield import check_hu, windowed


def image(low, high):
    """A small image that spans a range."""
    return Volume(np.linspace(low, high, 4 * 6 * 6).reshape(4, 6, 6).astype(np.int16), (5.0, 1.0, 1.0))


@pytest.mark.parametrize(("low", "high", "message"), [(0, 255, "0 to 255, as 8-bit"), (24, 4000, "rescale intercept")])
def test_what_is_not_in_hu_is_refused(low, high, message):
    """The message says what the range was, what is expected, and what to do."""
    with pytest.raises(DataError, match=message):
        check_hu(image(low, high))


@pytest.mark.parametrize(("low", "high"), [(-1024, 3071), (-1000, 300), (-1000, -1000)])
def test_hu_are_let_through(low, high):
    """Full range, contrast, and air alone."""
    assert check_hu(image(low, high)).shape == (4, 6, 6)


def test_a_window_goes_to_the_unit_interval():
    """Below it is 0, above it 1, linear between; None leaves HU."""
    hu = np.array([-1000.0, 0.0, 40.0, 80.0, 2000.0])
    np.testing.assert_allclose(windowed(hu, (0.0, 80.0)), [0, 0, 0.5, 1, 1])
    np.testing.assert_array_equal(windowed(hu, None), hu)
