import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.probability_codes import decode, encode, in_range, read_codes


def test_only_0_and_1_are_stored_as_0_and_1():
    """A certain model stays certain, and an uncertain one never becomes certain by rounding."""
    values = np.array([0, 1e-9, 0.001, 0.5, 0.999, 1 - 1e-7, 1], np.float32)
    codes = encode(values)
    assert codes.tolist() == [0, 1, 1, 128, 254, 254, 255]
    inner = np.linspace(0.003, 0.997, 1000)
    assert np.abs(decode(encode(inner)) - inner).max() <= 0.5 / 255 + 1e-12


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_what_is_no_probability_is_refused(value):
    """NaN too, which no comparison finds by itself."""
    with pytest.raises(DataError, match="probabilities from 0 to 1"):
        encode(np.array([0.5, value]))


def test_floats_a_little_outside_are_rounding_errors():
    """Those of a network; logits and NaN are refused."""
    assert in_range(np.array([-1e-5, 1 + 1e-5]), "x").tolist() == [0, 1]
    with pytest.raises(DataError, match="mine are -3 to 4; expected 0 to 1"):
        in_range(np.array([-3.0, 4.0]), "mine")
    with pytest.raises(DataError, match="expected 0 to 1"):
        in_range(np.array([np.nan, 0.5]), "mine")


def test_a_file_holds_floats_or_codes():
    """Signed integers are neither."""
    assert read_codes(np.array([0, 51, 255], np.uint8), "x").tolist() == [0, np.float32(0.2), 1]
    assert read_codes(np.array([0.25]), "x").tolist() == [0.25]
    with pytest.raises(DataError, match="x are int16; expected floats"):
        read_codes(np.array([1], np.int16), "x")
