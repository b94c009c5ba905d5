import numpy as np
import pytest
import torch
from torch import nn

from reference_models.layers import BatchRenorm, ChannelLayerNorm, he_normal_


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (2, 5, 4, 3, 2)])
def test_layer_norm_is_over_channels(shape):
    """Every voxel has mean 0 and the variance of its channels over that plus epsilon, before scale and shift."""
    x = torch.randn(shape) * 10
    y = ChannelLayerNorm(5)(x)
    expected = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-3)
    torch.testing.assert_close(y, expected)


def test_batch_renorm_starts_as_batch_norm():
    """Before step 5,000 r is 1 and d is 0: in training it is batch normalisation."""
    x = torch.randn(6, 3, 4, 4) * 3 + 2
    renorm, norm = BatchRenorm(3), nn.BatchNorm2d(3, eps=1e-3)
    torch.testing.assert_close(renorm(x), norm(x))


def test_batch_renorm_late_follows_the_running_statistics():
    """Once r and d are free, and inside their bounds, training gives what prediction gives."""
    renorm = BatchRenorm(2)
    renorm.steps.fill_(50_000)
    x = torch.randn(8, 2, 8, 8) * 1.5 + 0.5
    before = renorm.mean.clone(), renorm.deviation.clone()
    trained = renorm(x)
    renorm.mean.copy_(before[0])
    renorm.deviation.copy_(before[1])
    torch.testing.assert_close(trained, renorm.eval()(x))


def test_weights_are_drawn_as_keras_draws_them():
    """The deviation is sqrt(2 / fan-in), nothing lies beyond 2 / .88 of it, and biases are 0."""
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 64, 3)
    he_normal_(layer)
    deviation = np.sqrt(2 / (32 * 9))
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert layer.weight.abs().max().item() <= 2 * deviation / 0.8796
    assert not layer.bias.any()


def test_batch_renorm_opens_as_early_as_it_is_told():
    """After 50 steps its bounds open: r reaches 3 after 400 steps, d 5 after 250; until then it is a batch norm."""
    renorm = BatchRenorm(1, opens=50)
    renorm.deviation.fill_(0.01)
    renorm.mean.fill_(-100.0)
    found = {}
    for step in (50, 225, 250, 400, 10_000):
        renorm.steps.fill_(step)
        found[step] = [float(one) for one in renorm._correction(torch.zeros(1), torch.ones(1))]
    assert found[50] == [1.0, 0.0]
    assert found[225] == [2.0, pytest.approx(4.375)]
    assert found[250][1] == 5.0
    assert found[400] == found[10_000] == [3.0, 5.0]
