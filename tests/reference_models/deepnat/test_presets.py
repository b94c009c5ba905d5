import pytest

from ctbench.datasets import catalog
from ctbench.errors import UsageError
from reference_models.deepnat.presets import GRAY_AND_WHITE_MATTER, deepnat_plan


def test_the_papers_settings():
    """SGD at 0.01 falling as a power of 0.9, batches of 2,048 single patches, 30,000 and 3,000 of them."""
    made = deepnat_plan("paper", 25, {})
    assert (made.schedule.optimizer, made.schedule.learning_rate, made.schedule.poly) == ("sgd", 0.01, 0.9)
    assert made.schedule.rate(0.5) == pytest.approx(0.01 * 0.5**0.9)
    assert (made.batch_size, made.block, made.background, made.per_structure) == (2048, (1, 1, 1), 30_000, 3_000)
    with pytest.raises(UsageError, match="no option 'structures'"):
        deepnat_plan("paper", 25, {"structures": 3})


def test_gray_and_white_matter_are_names_of_the_catalogue():
    """The labels that are doubled by default are eight of OASIS's, and other names may be listed instead."""
    assert len(set(GRAY_AND_WHITE_MATTER)) == 8
    assert set(GRAY_AND_WHITE_MATTER) <= set(catalog()["oasis-multiatlas"].entry.labels)
    assert deepnat_plan("paper", 25, {"doubled": ["brainstem"]}).doubled == ("brainstem",)
