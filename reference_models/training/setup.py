"""How a model is trained on a dataset: plan, labels and recipe; and preparation of examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ctbench.datasets import Case, Dataset
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from reference_models.inference.weightsfile import Weights
from reference_models.training.engine import Recipe
from reference_models.training.presets import Plan

__all__ = ["Cases", "Fittable", "Setup", "Trainable", "expect_examples", "prepare"]

_Example = TypeVar("_Example")

Cases = Iterator[tuple[Case, Reference]]
"""Iterator over cases with the reference that is learnt."""


@dataclass(frozen=True, eq=False)
class Setup:
    """How one model is trained on one dataset.

    Args:
        plan: All settings. The configuration is stored in the weights, the whole plan in the card; a checkpoint of
            another plan is not resumed.
        labels: Names and codes of the classes.
        recipe: Returns the recipe for training and validation cases.
        illustrate: Writes pictures of the trained network to the folder of the training; None (default): none.
    """

    plan: Plan
    labels: LabelSet
    recipe: Callable[[Cases, Cases], Recipe]
    illustrate: Callable[[Path, Any, Any], None] | None = None


class Trainable(Protocol):
    """A model that can be trained: what `train` reads of its record."""

    @property
    def name(self) -> str:
        """Name of the model in cards and weights files."""
        ...

    @property
    def same_network(self) -> tuple[str, ...]:
        """Names of other models whose weights fit its network."""
        ...

    def setup(self, dataset: Dataset, preset: str, options: Mapping[str, Any], seed: int) -> Setup:
        """Return how the model is trained on a dataset."""
        ...


class Fittable(Protocol):
    """A model that is fitted at once, without epochs: what `fit_at_once` reads of its record."""

    @property
    def name(self) -> str:
        """Name of the model in cards and weights files."""
        ...

    def fit(
        self,
        dataset: Dataset,
        training: Cases,
        validation: Cases,
        preset: str,
        options: Mapping[str, Any],
        seed: int,
    ) -> tuple[Weights, dict[str, Any]]:
        """Return the weights, and what the card says of them: at least ``plan``, all settings."""
        ...


def prepare(cases: Cases, examples: Callable[[Case, Reference], list[_Example]]) -> list[_Example]:
    """Return the examples of all cases.

    Raises:
        DataError: There are no examples.
    """
    return expect_examples([example for case, reference in cases for example in examples(case, reference)])


def expect_examples(found: list[_Example]) -> list[_Example]:
    """Return the examples; raises ``DataError`` if there are none."""
    if not found:
        msg = "none of the cases has anything to learn from: no slice is annotated, or no scan shows a brain"
        raise DataError(msg)
    return found
