import pytest

from ctbench.errors import UsageError
from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration
from reference_models.hybrid_mask_rcnn.presets import chang_plan


def test_the_papers_plan():
    """What the paper states: 512 pixels, HU to 240, anchors, 2e-4, slabs of five slices."""
    plan = chang_plan("paper", (), {})
    assert plan.configuration == ChangConfiguration()
    assert plan.configuration.window_hu == (-240.0, 240.0)
    assert (plan.schedule.learning_rate, plan.slab) == (2e-4, 1)
    assert plan.steps * plan.schedule.epochs == 100_000
    assert plan.on_disk


def test_kernels_are_flat_or_cubes():
    """1x3x3 by default, also in weights of before the option; 3x3x3 by option; nothing else."""
    stored = {"edge": 128, "stem_stride": 1}
    assert ChangConfiguration.read(stored).kernel_depth == 1
    assert chang_plan("paper", (), {"kernel_depth": 3}).configuration.options()["kernel_depth"] == 3
    with pytest.raises(UsageError, match="kernel_depth"):
        chang_plan("paper", (), {"kernel_depth": 2})
