import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reference_models import network
from reference_models.cascade_unet.network import ISOTROPIC, CascadeUNet, ForegroundScale, LevelPlan, nnunet_plan
from reference_models.layers import count_parameters

SMALL = {"width": 2, "largest": 4, "plan": ISOTROPIC.cut(3)}
PAPERS_PATCH, PAPERS_SPACING_MM = (16, 320, 320), (5.0, 0.42, 0.42)


def probe(channels=3, side=8):
    """One patch of chance."""
    return torch.randn((1, channels, side, side, side), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stages": 1}, 16_548_385),
        ({"stages": 1, "channels": 1}, 16_548_385 - 2 * 27 * 32),
        ({}, 2 * 16_548_385 - 2 * 27 * 32),
        ({"second_input": "image_and_probability"}, 2 * 16_548_385 + 27 * 32),
    ],
)
def test_the_papers_size_on_the_isotropic_plan(options, expected):
    """Five levels of 32 to 320 channels; a channel more or less is one 3 x 3 x 3 kernel for each of 32 features."""
    with torch.device("meta"):
        assert count_parameters(network("cascade-unet", **options)) == expected


@pytest.mark.parametrize(("channels", "expected"), [(3, 43_528_230), (4, 43_528_518)])
def test_the_size_on_nnunets_plan(channels, expected):
    """Seven levels for patches of 16 x 320 x 320 thick voxels, with a head at each of the six decoder levels."""
    plan = nnunet_plan(PAPERS_PATCH, PAPERS_SPACING_MM)
    with torch.device("meta"):
        made = network("cascade-unet", channels=channels, stages=1, plan=plan, deep_supervision=True)
    assert count_parameters(made) == expected


def test_nnunets_rule_pools_thick_slices_late():
    """Three times in plane alone, then along z too until four slices are left; kernels are flat as long."""
    plan = nnunet_plan(PAPERS_PATCH, PAPERS_SPACING_MM)
    assert plan.pools == ((1, 2, 2),) * 3 + ((2, 2, 2),) * 2 + ((1, 2, 2),)
    assert plan.kernels == ((1, 3, 3),) * 3 + ((3, 3, 3),) * 4
    assert plan.multiple == (4, 64, 64)


def test_nnunets_rule_on_cubes_is_the_isotropic_plan():
    """Cubic voxels in a cube of 64 are halved four times along all axes."""
    assert nnunet_plan((64, 64, 64), (1.0, 1.0, 1.0)) == ISOTROPIC


@pytest.mark.parametrize(("side", "levels"), [(7, 1), (8, 2), (14, 2), (16, 3)])
def test_nnunets_rule_leaves_four_voxels(side, levels):
    """A side is halved while at least eight voxels are there."""
    assert len(nnunet_plan((side, side, side), (1.0, 1.0, 1.0)).kernels) == levels


@given(
    patch=st.tuples(*[st.integers(4, 400)] * 3),
    spacing_mm=st.tuples(*[st.floats(0.2, 10.0)] * 3),
)
def test_nnunets_rule_halves_what_is_fine_and_large(patch, spacing_mm):
    """At the coarsest level at least four voxels are left of every side that was halved, and all kernels are full."""
    plan = nnunet_plan(patch, spacing_mm)
    assert len(plan.kernels) == len(plan.pools) + 1
    assert plan.kernels[-1] == (3, 3, 3)
    assert all(max(pool) == 2 for pool in plan.pools)
    for side, factor in zip(patch, plan.multiple, strict=True):
        assert factor == 1 or math.ceil(side / factor) >= 4
    for kernel, coarser in pairwise(plan.kernels):
        assert all(one <= other for one, other in zip(kernel, coarser, strict=True))


def test_the_finest_levels_of_a_plan_are_a_plan():
    """One pool fewer than kernels."""
    assert ISOTROPIC.cut(2) == LevelPlan(((3, 3, 3),) * 2, ((2, 2, 2),))
    assert ISOTROPIC.cut(2).multiple == (2, 2, 2)


@pytest.mark.parametrize("second_input", ["probability", "image_and_probability"])
def test_the_logit_has_the_patchs_size(second_input):
    """Evaluated it is one tensor, on an anisotropic plan too."""
    plan = LevelPlan(((1, 3, 3), (3, 3, 3)), ((1, 2, 2),))
    made = network("cascade-unet", width=2, plan=plan, second_input=second_input).eval()
    assert made(torch.zeros(2, 3, 5, 8, 6)).shape == (2, 1, 5, 8, 6)


def test_training_gives_every_stage_and_level():
    """Under deep supervision each level below is half as large; without it there is the full size alone."""
    deep = network("cascade-unet", **SMALL, deep_supervision=True)
    assert [[tuple(one.shape[2:]) for one in stage] for stage in deep(probe())] == [[(8, 8, 8), (4, 4, 4)]] * 2
    assert [len(stage) for stage in network("cascade-unet", **SMALL)(probe())] == [1, 1]


def test_the_second_stage_sees_the_probability_alone():
    """Two images of which the first stage thinks alike get the same answer; with the image beside it they do not."""
    answers = {}
    for second_input in ("probability", "image_and_probability"):
        torch.manual_seed(0)
        made = network("cascade-unet", **SMALL, second_input=second_input).eval()
        for layer in made.stages[0].modules():
            if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d)):
                nn.init.zeros_(layer.weight)
        answers[second_input] = torch.equal(made(probe()), made(2 * probe().roll(1, 2)))
    assert answers == {"probability": True, "image_and_probability": False}


def test_both_stages_learn_from_the_second_ones_logit():
    """The gradient of the last logit reaches the first convolution."""
    made = network("cascade-unet", **SMALL)
    made(probe())[-1][0].square().mean().backward()
    assert made.stages[0].encoder[0][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("options", [{"stages": 3}, {"second_input": "image"}])
def test_no_other_cascade_is_made(options):
    """The message names what was asked for."""
    with pytest.raises(ValueError, match="no cascade has"):
        network("cascade-unet", **options)


def test_the_foreground_is_scaled_by_its_percentiles_mean_and_sd():
    """Of 0 to 1000 HU the ends are 5 and 995, the mean 500; what lies beyond is clipped."""
    scale = ForegroundScale()
    scale.fit(torch.arange(1001).flip(0))
    assert [float(scale.low), float(scale.high), float(scale.mean)] == [5.0, 995.0, 500.0]
    found = scale(torch.tensor([-1000.0, 5.0, 500.0, 995.0, 3000.0]))
    sd = float(torch.arange(1001.0).std(correction=0))
    torch.testing.assert_close(found, torch.tensor([-495.0, -495.0, 0.0, 495.0, 495.0]) / sd)


def test_a_scaled_network_sees_hu():
    """It has no further parameter, and a shift of all HU beyond the percentiles changes nothing."""
    scaled = CascadeUNet(channels=1, width=2, scaled=True, plan=ISOTROPIC.cut(2)).eval()
    plain = CascadeUNet(channels=1, width=2, plan=ISOTROPIC.cut(2))
    assert sum(map(torch.numel, scaled.parameters())) == sum(map(torch.numel, plain.parameters()))
    scaled.scale.fit(torch.tensor([40.0, 60.0, 80.0]))
    x = torch.full((1, 1, 4, 8, 8), 500.0)
    torch.testing.assert_close(scaled(x), scaled(x + 1000))
