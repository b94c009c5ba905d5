from dataclasses import dataclass

import pytest

from ctbench.errors import UsageError
from reference_models.training.engine import Schedule
from reference_models.training.presets import changed


@dataclass(frozen=True)
class Configuration:
    """A configuration of one network."""

    classes: int = 3
    window_hu: tuple[float, float] = (0.0, 80.0)


@dataclass(frozen=True)
class ToyPlan:
    """A plan with the two parts that every plan has, and a setting of its own."""

    configuration: Configuration
    schedule: Schedule
    batch_size: int = 2


PLAN = ToyPlan(Configuration(), Schedule(learning_rate=1e-3, epochs=5))


def test_an_option_changes_the_part_that_has_a_field_of_its_name():
    """The plan itself, its configuration (a JSON list becomes a tuple) and its schedule; all else stays."""
    plan = changed(PLAN, {"batch_size": 4, "window_hu": [0, 60], "epochs": 9})
    assert plan == ToyPlan(Configuration(window_hu=(0, 60)), Schedule(learning_rate=1e-3, epochs=9), 4)


@pytest.mark.parametrize("name", ["rate", "classes", "schedule", "configuration"])
def test_an_unknown_option_is_refused_with_those_there_are(name):
    """So is the number of classes, which the labels decide, and a whole part of the plan."""
    with pytest.raises(UsageError, match=f"no option '{name}'; expected one of batch_size, cosine, epochs"):
        changed(PLAN, {name: 1})
