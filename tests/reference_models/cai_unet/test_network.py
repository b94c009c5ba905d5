import numpy as np
import pytest
import torch

import reference_models
from reference_models.cai_unet.network import CONFIGURATIONS, CaiUNet
from reference_models.layers import count_parameters


def count(**options):
    """Parameters of a network that takes no memory."""
    with torch.device("meta"):
        return count_parameters(CaiUNet(**options))


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 31_043_084),
        ({"classes": 3}, 31_042_499),
        ({"classes": 17}, 31_043_409),
        ({"normalization": "none"}, 31_031_308),
    ],
)
def test_it_has_the_papers_number_of_parameters(options, parameters):
    """31,042,499, which the paper prints, is the count with three classes; with its twelve it is 31,043,084."""
    assert count(**options) == parameters


@pytest.mark.parametrize("row", CONFIGURATIONS)
def test_each_row_of_table_1_trains(row):
    """Every configuration gives logits on the grid of its input, and a gradient to every parameter."""
    network = CaiUNet(classes=4, width=2, normalization=CONFIGURATIONS[row].normalization)
    logits = network(torch.randn(2, 1, 32, 48))
    assert logits.shape == (2, 4, 32, 48)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_table_1_is_the_papers():
    """Eight rows: one without normalisation, one with Dice loss, one with batches of twelve; 3 is the final one."""
    assert len(CONFIGURATIONS) == 8
    assert [row for row, one in CONFIGURATIONS.items() if one.normalization == "none"] == [1]
    assert [row for row, one in CONFIGURATIONS.items() if one.loss == "dice"] == [5]
    assert [row for row, one in CONFIGURATIONS.items() if one.batch_size == 12] == [7]
    assert (CONFIGURATIONS[3].normalization, CONFIGURATIONS[3].class_weights) == ("layer", "attenuated")


def test_the_even_kernel_looks_right_and_down():
    """TensorFlow pads a 2 x 2 kernel on the right and at the bottom: an output depends on no input before it."""
    network = CaiUNet(classes=2, width=1, normalization="none")
    up = network.up[0]
    torch.nn.init.ones_(up[2].weight)
    x = torch.zeros(1, 16, 4, 4)
    x[0, :, 2, 2] = 1
    touched = np.argwhere(up(x)[0, 0].detach().numpy() > 0)
    assert touched.min(axis=0).tolist() == [3, 3]
    assert touched.max(axis=0).tolist() == [5, 5]


def test_an_unknown_normalization_is_refused():
    """The message lists those that there are."""
    with pytest.raises(ValueError, match="expected none, layer, batch or batch_renorm"):
        CaiUNet(normalization="group")


def test_networks_are_found_by_name():
    """The public door gives the paper's size unless told otherwise, and refuses unknown names with the known ones."""
    assert isinstance(reference_models.network("cai-unet", width=2), CaiUNet)
    with pytest.raises(ValueError, match=r"expected one of blast-ct, cai-unet, .*deepbleed-512"):
        reference_models.network("resnet")
