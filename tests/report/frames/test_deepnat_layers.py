"""Layers of DeepNAT's networks by arithmetic, against the networks themselves."""

import pytest
import torch

from ctbench.report.frames.deepnat_layers import architecture, parameters, settings_of
from reference_models.deepnat.predictor import DeepNatConfiguration


def recorded(**changes):
    """The settings as a card records them."""
    return vars(DeepNatConfiguration(**changes))


@pytest.mark.parametrize(
    "changes", [{}, {"structures": 3, "widths": (2, 3, 4), "hidden": (6, 5), "coordinates": "none"}]
)
def test_parameters_are_those_of_the_network(changes):
    """Every layer has as many weights as the network's, whose last layer has one copy for each task."""
    settings = settings_of(recorded(**changes))
    network = DeepNatConfiguration(**changes).network().structures
    layers = (network.conv1, network.conv2, network.conv3, network.inner1, network.inner2)
    table = parameters(settings)
    assert table["parameters"].tolist()[:5] == [layer.weight.numel() for layer in layers]
    assert table["parameters"].iloc[5] * settings.tasks == network.heads.weight.numel()
    assert table["parameters"].iloc[6] == table["parameters"].iloc[:6].sum()


def test_sides_are_those_of_the_network():
    """Convolutions and pooling of a patch leave what the arithmetic says."""
    settings = settings_of(recorded(structures=2, widths=(2, 2, 2), hidden=(4, 4)))
    network = DeepNatConfiguration(structures=2, widths=(2, 2, 2), hidden=(4, 4)).network().structures
    first = network.conv1(torch.zeros(1, 1, *[settings.sides[0]] * 3))
    pooled = torch.nn.functional.max_pool3d(first, 2)
    second = network.conv2(pooled)
    third = network.conv3(second)
    assert settings.sides[1:] == tuple(one.shape[-1] for one in (first, pooled, second, third))


def test_other_models_have_no_such_layers():
    """The card of a model with other settings is not taken for DeepNAT's."""
    assert settings_of({"widths": [1, 2, 3]}) is None
    assert architecture(settings_of(recorded()))["layer"].iloc[-1] == "Inner product, 7 tasks"
