import pytest

from ctbench.errors import UsageError
from reference_models.deepbleed.presets import deepbleed_plan
from reference_models.layers import count_parameters

DEEPBLEED = ["deepbleed-512", "deepbleed-128", "deepbleed-64", "deepbleed-32"]


@pytest.mark.parametrize("model", DEEPBLEED)
def test_the_papers_plan_of_deepbleed_is_the_papers(model):
    """Batches of eight, ReLU and shared blocks as released, HU as they are."""
    plan = deepbleed_plan(model, "paper", {})
    assert (plan.batch_size, plan.stop_early, plan.sampling) == (8, True, "paper")
    assert (plan.configuration.width, plan.configuration.blocks, plan.configuration.activation) == (
        16,
        "shared",
        "relu",
    )
    assert plan.configuration.window_hu is None


@pytest.mark.parametrize("model", DEEPBLEED)
def test_demo_networks_keep_the_field_of_view_and_are_small(model):
    """The same millimetres on fewer voxels, and under 2 MB in 16 bits."""
    paper, demo = (deepbleed_plan(model, preset, {}).configuration for preset in ("paper", "demo"))
    if paper.spacing_mm is not None:
        assert paper.edge * paper.spacing_mm == demo.edge * demo.spacing_mm
    assert demo.edge % 16 == 0
    assert 2 * count_parameters(demo.network()) < 1.9e6


def test_an_unknown_sampling_is_refused():
    """The message names what there is."""
    with pytest.raises(UsageError, match="sampling is 'voxels'; expected paper or blood"):
        deepbleed_plan("deepbleed-64", "paper", {"sampling": "voxels"})
