import pytest

from ctbench.errors import UsageError
from reference_models.cai_unet.presets import cai_plan
from reference_models.layers import BatchRenorm, count_parameters


def test_the_papers_plan_of_cai_is_the_papers():
    """Adam at 1e-4, HU as they are, on the scan's own pixels, layer normalisation, the paper's rule and flips."""
    plan = cai_plan("paper", 11, {})
    assert (plan.configuration.classes, plan.configuration.width, plan.configuration.normalization) == (12, 64, "layer")
    assert (plan.configuration.pixel_mm, plan.configuration.window_hu) == (None, None)
    assert (plan.row, plan.schedule.learning_rate, plan.stop_early, plan.flip_front_to_back) == (3, 1e-4, True, True)


def test_cais_demo_network_is_small():
    """Under 2 MB in 16 bits."""
    assert 2 * count_parameters(cai_plan("demo", 11, {}).configuration.network()) < 1.9e6


def test_a_row_of_table_1_brings_its_normalisation():
    """Row 8 is batch renormalisation; other options change the part they belong to."""
    plan = cai_plan("demo", 3, {"row": 8, "minutes": 2, "width": 4, "window_hu": [0, 60]})
    assert (plan.row, plan.configuration.normalization, plan.configuration.classes) == (8, "batch_renorm", 4)
    assert (plan.schedule.minutes, plan.configuration.width, plan.configuration.window_hu) == (2, 4, (0, 60))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"row": 9}, "Table 1"), ({"with": 3}, "no option 'with'; expected one of"), ({"classes": 3}, "no option")],
)
def test_unknown_options_are_refused(options, message):
    """The message lists those that there are."""
    with pytest.raises(UsageError, match=message):
        cai_plan("demo", 11, options)


def test_row_1_sees_raw_hu_and_row_8_is_renormalised_within_the_demo():
    """As the paper's rows are; all other demo rows see a window."""
    rows = {row: cai_plan("demo", 11, {"row": row}).configuration for row in range(1, 9)}
    assert [row for row, one in rows.items() if one.window_hu is None] == [1]
    assert rows[8].renorm_opens == 50
    assert cai_plan("paper", 11, {"row": 8}).configuration.renorm_opens == 5_000
    opens = {layer.opens for layer in rows[8].network().modules() if isinstance(layer, BatchRenorm)}
    assert opens == {50}
