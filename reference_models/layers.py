"""Normalisation layers as in Keras, batch renormalisation, He initialisation, and parameter counts."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["BatchRenorm", "ChannelLayerNorm", "count_parameters", "he_normal_"]

KERAS_EPSILON = 1e-3
"""Keras' epsilon, added to the variance in every normalisation; the papers used Keras."""
KERAS_MOMENTUM = 0.01
"""Share of a new batch in the running statistics: Keras writes it as a momentum of 0.99."""

_TRUNCATED_SD = 0.87962566103423978
"""Standard deviation of a unit normal that is cut off at two."""


class ChannelLayerNorm(nn.Module):
    """Layer normalisation over the channels of every voxel (Ba et al. 2016, arXiv 1607.06450), scaled and shifted.

    Args:
        channels: Number of channels.
        epsilon: Added to the variance.
    """

    def __init__(self, channels: int, epsilon: float = KERAS_EPSILON) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input, batch,channel,..."""
        # In channels_last memory this is a view, and the fused kernel runs over contiguous channels.
        last = x.movedim(1, -1)
        normal = nn.functional.layer_norm(last, self.weight.shape, self.weight, self.bias, self.epsilon)
        return normal.movedim(-1, 1)


RENORM_OPENS = 5_000
"""Training steps after which the bounds of a batch renormalisation open in its paper."""


class BatchRenorm(nn.Module):
    """Batch renormalisation (Ioffe 2017, arXiv 1702.03275): in training too, activations follow running statistics.

    A batch is normalised by its own mean and deviation, then corrected by r and d towards the running ones; r and d
    are constants to the gradient. Their bounds grow after ``opens`` steps: r from 1 to 3 until eight times as many, d
    from 0 to 5 until five times as many. In the paper that is from 5,000 to 40,000 and to 25,000 steps.

    Args:
        channels: Number of channels.
        opens: Number of training steps of plain batch normalisation; a training must be several times as long.
        epsilon: Added to the deviation.
        momentum: Share of a new batch in the running statistics.
    """

    mean: Tensor
    deviation: Tensor
    steps: Tensor

    def __init__(
        self,
        channels: int,
        epsilon: float = KERAS_EPSILON,
        momentum: float = KERAS_MOMENTUM,
        opens: int = RENORM_OPENS,
    ) -> None:
        super().__init__()
        self.opens = opens
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.epsilon, self.momentum = epsilon, momentum

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input, batch,channel,..."""
        shape = (1, -1, *(1,) * (x.ndim - 2))
        if self.training:
            axes = [0, *range(2, x.ndim)]
            mean = x.mean(axes)
            deviation = (x.var(axes, unbiased=False) + self.epsilon).sqrt()
            r, d = self._correction(mean.detach(), deviation.detach())
            normal = (x - mean.view(shape)) / deviation.view(shape) * r.view(shape) + d.view(shape)
            self._remember(mean.detach(), deviation.detach())
        else:
            normal = (x - self.mean.view(shape)) / self.deviation.view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape)

    def _correction(self, mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
        beyond = int(self.steps) / self.opens - 1.0
        most_r = 1.0 + 2.0 * min(max(beyond / 7.0, 0.0), 1.0)
        most_d = 5.0 * min(max(beyond / 4.0, 0.0), 1.0)
        r = (deviation / self.deviation).clamp(1.0 / most_r, most_r)
        d = ((mean - self.mean) / self.deviation).clamp(-most_d, most_d)
        return r, d

    def _remember(self, mean: Tensor, deviation: Tensor) -> None:
        self.mean.lerp_(mean, self.momentum)
        self.deviation.lerp_(deviation, self.momentum)
        self.steps += 1


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters; a layer that is used twice counts once."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def he_normal_(network: nn.Module) -> None:
    """Draw every convolution's kernel as Keras' ``he_normal`` does, and set its bias to zero.

    The normal is cut off at two deviations; the deviation is sqrt(2 / fan-in) after the cut (He et al. 2015, arXiv
    1502.01852).
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
            fan_in = layer.weight[0].numel()
            deviation = math.sqrt(2.0 / fan_in) / _TRUNCATED_SD
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
