"""Makes the demo weights that come with the package: ``make demo-weights``.

The baselines are fitted on the training splits of the phantom datasets. The networks need more cases than those hold:
they learn from further simulated heads, with other seeds, which takes 10 to 40 minutes each on one core. An interrupted
training resumes from its checkpoint.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctbench.datasets import Dataset, find_entry, load_dataset, load_entry
from ctbench.files import cache_folder, whole_file
from ctbench.phantom import build_anatomy, build_hemorrhage
from ctbench.volume import write_volume
from reference_models import find_model, models
from reference_models.inference.weightsfile import demo_weights
from reference_models.model import Model
from reference_models.scans.space import TEMPLATE, extracted_brain
from reference_models.scans.template import mean_brain

if TYPE_CHECKING:
    from reference_models.training.engine import Curves

__all__ = ["demo_steps", "make_template", "simulated_heads", "train_demo", "training_heads"]

_SEED = 71
"""Differs from the seed of the phantom datasets, so that the networks do not learn from the heads of those."""


def demo_steps() -> dict[str, Callable[[Mapping[str, Any]], Path]]:
    """Return what there is to make: name -> function that takes training options, makes it and returns its path.

    Models that are fitted come first, then the template, which the trainings of the networks read.
    """
    known = models()
    fitted = {name: _without_options(model.fit_demo) for name, model in known.items() if model.demo_fit}
    trained = {name: partial(train_demo, model) for name, model in known.items() if model.demo_training}
    return {**fitted, "template": _without_options(make_template), **trained}


def make_template() -> Path:
    """Average the brains of the training split of ``phantom-anatomy``, write the template and return its path."""
    brains = [extracted_brain(case.image()) for case in load_dataset("phantom-anatomy").split("train")]
    write_volume(mean_brain(brains), TEMPLATE)
    return TEMPLATE


def training_heads(phantom: str) -> Dataset:
    """Return the simulated heads that the networks learn from: those of a phantom dataset are too few.

    Args:
        phantom: ``phantom-anatomy`` (48 training and 6 validation heads) or ``phantom-hemorrhage`` (96 and 12).
    """
    many, few = (48, 6) if phantom == "phantom-anatomy" else (96, 12)
    return simulated_heads(phantom, "training", _SEED, train=many, validation=few, test=0)


def simulated_heads(phantom: str, name: str, seed: int, *, train: int, validation: int, test: int) -> Dataset:
    """Return simulated heads like those of a phantom; they are made on first use and kept in the cache.

    Args:
        phantom: ``phantom-anatomy`` or ``phantom-hemorrhage``.
        name: Purpose of the heads; the dataset is called ``PHANTOM-NAME``.
        seed: Seed of the simulation; with the seed of the phantom the heads would be the same.
        train: Number of heads in the split train.
        validation: Number of heads in the split validation.
        test: Number of heads in the split test.
    """
    found, full_name = find_entry(phantom), f"{phantom}-{name}"
    folder = cache_folder() / "demo-weights" / full_name
    if not (folder / "cases.csv").is_file():
        build = build_anatomy if phantom == "phantom-anatomy" else build_hemorrhage
        build(folder, train=train, validation=validation, test=test, seed=seed)
    entry = found.entry.model_copy(update={"builder": None, "root": str(folder)})
    return load_entry(replace(found, name=full_name, entry=entry))


def train_demo(model: Model, options: Mapping[str, Any]) -> Path:
    """Train the network of a model with its demo preset, put its weights into the package and return their path.

    Args:
        model: A model whose record says how its demo weights are trained.
        options: Training options, e.g. ``{"epochs": 3}``.
    """
    demo = model.demo_training
    assert demo is not None
    dataset, folder = training_heads(demo.phantom), cache_folder() / "demo-weights"
    cases = dataset.split("train").cases, dataset.split("validation").cases
    settings: dict[str, Any] = {"preset": "demo", "resume": True, "report": _tell}
    coarse = None
    if demo.start is not None:
        start_options = {**demo.start.options, **options}
        coarse = find_model(demo.start.model).train(
            dataset, *cases, folder / demo.start.name, options=start_options, **settings
        )
    trained = model.train(dataset, *cases, folder / model.name, options=options, start_from=coarse, **settings)
    path = demo_weights(model.name)
    with whole_file(path) as temporary:
        shutil.copyfile(trained, temporary)
    return path


def _without_options(make: Callable[[], Path]) -> Callable[[Mapping[str, Any]], Path]:
    return lambda _: make()


def _tell(curves: Curves, _: int) -> None:
    minutes = sum(curves.seconds) / 60
    sys.stdout.write(f"  epoch {len(curves.loss)}, {minutes:.1f} min, soft Dice {curves.soft_dice[-1]:.3f}\n")
    sys.stdout.flush()


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    steps = demo_steps()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(steps)}; default: all")
    parser.add_argument("--epochs", type=int, help="for each network; default: those of its preset")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(steps):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(steps)}")
    for name in given.names or steps:
        sys.stdout.write(f"{name}\n")
        path = steps[name]({} if given.epochs is None else {"epochs": given.epochs})
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    _main()
