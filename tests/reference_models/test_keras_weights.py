import pytest

from ctbench.errors import DataError
from reference_models.cai_unet.network import CaiUNet
from reference_models.keras_weights import convert


def test_arrays_of_another_network_are_refused(unet_arrays):
    """By their number, and by the name and shape of the first that does not fit."""
    convolutions, norms = unet_arrays()
    network = CaiUNet(classes=3, width=2)
    with pytest.raises(DataError, match="holds 22 layers of a kind of which 23 are expected"):
        convert(network, convolutions[:-1], norms, "arrays")
    convolutions[5]["kernel"] = convolutions[5]["kernel"][:2]
    with pytest.raises(DataError, match=r"encoder\.2\.3\.weight should have shape"):
        convert(network, convolutions, norms, "arrays")
