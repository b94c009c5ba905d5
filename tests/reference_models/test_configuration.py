from dataclasses import asdict, dataclass

import pytest

from ctbench.errors import UsageError
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.deepbleed.predictor import DeepBleedConfiguration


@dataclass(frozen=True)
class Made:
    """How something is made."""

    width: Size = 2
    pixel_mm: Millimetres | None = None
    window_hu: Window | None = None


@pytest.mark.parametrize(
    "configuration",
    [
        CaiConfiguration(),
        CaiConfiguration(classes=3, width=2, pixel_mm=0.9, window_hu=(-20.0, 100.0)),
        DeepBleedConfiguration.paper("deepbleed-512"),
        DeepBleedConfiguration.paper("deepbleed-64", width=4, blocks="separate", window_hu=(0.0, 100.0)),
    ],
)
def test_what_is_written_is_read(configuration):
    """Lists, as JSON makes them of tuples, too."""
    stored = asdict(configuration)
    window = stored["window_hu"]
    assert type(configuration).read(stored | {"window_hu": window and list(window)}) == configuration


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"colour": 1}, "Made has no 'colour'"),
        ({"width": 0}, "width: .* greater than or equal to 1, got '0'"),
        ({"width": "wide"}, "width: .* integer"),
        ({"pixel_mm": 0}, "pixel_mm"),
        ({"pixel_mm": float("inf")}, "pixel_mm"),
        ({"window_hu": [5, 5]}, "a window must rise, from 5 to 5 it does not"),
        ({"window_hu": [1, 2, 3]}, "window_hu"),
    ],
)
def test_what_cannot_be_is_refused(stored, said):
    """The field is named, with what came."""
    with pytest.raises(UsageError, match=said):
        read_configuration(Made, stored)
