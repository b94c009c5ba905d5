import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.probability_codes import decode, encode


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
