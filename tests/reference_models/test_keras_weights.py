from functools import partial

import pytest

from ctbench.errors import DataError
from reference_models.cai_unet.network import CaiUNet
from reference_models.keras_weights import convert


def test_arrays_of_another_network_are_refused(unet_arrays):
    """By their number, and by the name and shape of the first that does not fit."""
    convolutions, norms = unet_arrays()
    build = partial(CaiUNet, classes=3, width=2)
    with pytest.raises(DataError, match="holds 22 layers of a kind of which 23 are expected"):
        convert(build, convolutions[:-1], norms, "arrays")
    convolutions[5]["kernel"] = convolutions[5]["kernel"][:2]
    with pytest.raises(DataError, match=r"encoder\.2\.3\.weight should have shape"):
        convert(build, convolutions, norms, "arrays")


def test_a_network_is_not_built_before_the_arrays_fit_it(unet_arrays):
    """A file of a few kilobytes may claim a network of many gigabytes: its shapes are checked without memory."""
    convolutions, norms = unet_arrays()
    built = []

    def build():
        built.append(CaiUNet(classes=3, width=3))
        return built[-1]

    with pytest.raises(DataError, match="should have shape"):
        convert(build, convolutions, norms, "arrays")
    assert [next(one.parameters()).device.type for one in built] == ["meta"]
