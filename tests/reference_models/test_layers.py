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
