import pytest

from ctbench.errors import UsageError
from reference_models.cascade_unet import MODEL
from reference_models.cascade_unet.presets import cascade_plan
from reference_models.layers import count_parameters


def test_the_papers_plan_is_the_papers():
    """Adam at 0.01, three windows, two stages, the second on the probability alone; batch and steps of nnU-Net."""
    plan = cascade_plan("paper", {})
    assert (plan.schedule.optimizer, plan.schedule.learning_rate, plan.schedule.epochs) == ("adam", 0.01, 1000)
    assert (plan.batch_size, plan.steps, plan.bce_weight, plan.piece) == (2, 250, 1.0, None)
    configuration = plan.configuration
    assert configuration.windows_hu == ((0, 80), (-20, 180), (-150, 230))
    assert (configuration.stages, configuration.second_input) == (2, "probability")
    assert (configuration.plan, configuration.deep_supervision) == ("isotropic", False)
    assert (configuration.tile_weights, configuration.mirrored) == ("constant", "")
    assert plan.schedule.weight_decay == 0


def test_the_demo_network_is_small():
    """Under 2 MB in 16 bits."""
    assert 2 * count_parameters(cascade_plan("demo", {}).configuration.network()) < 1.9e6


def test_options_reach_the_part_that_they_belong_to():
    """The configuration, the schedule and the plan itself."""
    plan = cascade_plan("demo", {"windows_hu": None, "stages": 1, "bce_weight": 2.0, "minutes": 3, "steps": 7})
    assert (plan.configuration.windows_hu, plan.configuration.stages) == (None, 1)
    assert (plan.bce_weight, plan.schedule.minutes, plan.steps) == (2.0, 3, 7)
    assert cascade_plan("demo", {"windows_hu": [[0, 100]]}).configuration.windows_hu == ((0, 100),)
    with pytest.raises(UsageError, match="no option 'fold'"):
        cascade_plan("demo", {"fold": 1})
    with pytest.raises(UsageError, match="augmentation is 'nnU-Net'; expected elastic or nnunet"):
        cascade_plan("demo", {"augmentation": "nnU-Net"})
    with pytest.raises(UsageError, match="stages"):
        cascade_plan("demo", {"stages": 3})


def test_the_preset_nnunet_has_nnunets_settings():
    """SGD with Nesterov's momentum of 0.99, a weight decay of 3e-5, all mirrors, and deep supervision of two stages."""
    plan = cascade_plan("nnunet", {})
    schedule, configuration = plan.schedule, plan.configuration
    assert (schedule.optimizer, schedule.momentum, schedule.nesterov) == ("sgd", 0.99, True)
    assert (schedule.weight_decay, schedule.poly, schedule.epochs) == (3e-5, 0.9, 1000)
    assert (configuration.tile_weights, configuration.mirrored) == ("gaussian", "zyx")
    assert (configuration.deep_supervision, configuration.windows_hu, configuration.stages) == (True, None, 2)
    assert configuration.level_plan().multiple == (4, 64, 64)
    assert configuration.spacing_mm == (5.0, 0.42, 0.42)
    assert (plan.augmentation, cascade_plan("paper", {}).augmentation) == ("nnunet", "elastic")
    assert "nnunet" in MODEL.presets
