"""Make the weights that come with the package: ``make demo-weights``.

The baselines are fitted on the training splits of the phantoms. The networks need more to learn from than a demo has
time to make: they get simulated heads of their own, from other seeds, and take 10 to 40 minutes each on one core. A
training that is broken off goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctbench.datasets import Dataset, find_entry, load_dataset, load_entry
from ctbench.files import cache_folder, whole_file
from ctbench.phantom import build_anatomy, build_hemorrhage
from ctbench.volume import write_volume
from reference_models.baselines.atlas import DEMO_WEIGHTS, fit_atlas
from reference_models.inference.weightsfile import demo_weights
from reference_models.scans.space import TEMPLATE, extracted_brain
from reference_models.scans.template import mean_brain
from reference_models.training.references import training_reference

if TYPE_CHECKING:
    from reference_models.training.engine import Curves

__all__ = ["fit_demo_atlas", "make_template", "simulated_heads", "train_demo", "training_heads"]

NETWORKS = {
    "cai-unet": "phantom-anatomy",
    "cascade-unet": "phantom-hemorrhage",
    "deepbleed-512": "phantom-hemorrhage",
    "deepbleed-128": "phantom-hemorrhage",
    "deepbleed-64": "phantom-hemorrhage",
    "deepbleed-32": "phantom-hemorrhage",
    "deepnat": "phantom-anatomy",
    "hybrid-mask-rcnn": "phantom-hemorrhage",
}
"""Model -> the phantom whose kind of heads it learns from."""

_IN_3D = ("deepbleed-128", "deepbleed-64", "deepbleed-32")
_COARSE = {"edge": 48, "spacing_mm": 2.0, "batch_size": 4, "epochs": 24, "learning_rate": 3e-3}
"""How the V-Net learns first; each of the three networks in 3D goes on from there, on its own cubes."""

_SEED = 71
"""Not that of the phantoms that come with the package, so that no head of theirs is learnt from."""


def fit_demo_atlas() -> Path:
    """Fit the atlas on the training split of ``phantom-anatomy`` and write its weights."""
    dataset = load_dataset("phantom-anatomy").split("train")
    cases = ((case.image(), training_reference(case)) for case in dataset)
    fit_atlas(cases, dataset.labels, dataset.name).save(DEMO_WEIGHTS)
    return DEMO_WEIGHTS


def make_template() -> Path:
    """Average the brains of the training split of ``phantom-anatomy`` and write the template."""
    brains = [extracted_brain(case.image()) for case in load_dataset("phantom-anatomy").split("train")]
    write_volume(mean_brain(brains), TEMPLATE)
    return TEMPLATE


def training_heads(phantom: str) -> Dataset:
    """Give the heads that the networks learn from: those of a phantom are too few.

    Args:
        phantom: ``phantom-anatomy`` (48 training and 6 validation heads) or ``phantom-hemorrhage`` (96 and 12).
    """
    many, few = (48, 6) if phantom == "phantom-anatomy" else (96, 12)
    return simulated_heads(phantom, "training", _SEED, train=many, validation=few, test=0)


def simulated_heads(phantom: str, name: str, seed: int, *, train: int, validation: int, test: int) -> Dataset:
    """Give simulated heads like those of a phantom; they are made on first use, and kept.

    Args:
        phantom: ``phantom-anatomy`` or ``phantom-hemorrhage``.
        name: what they are for; the dataset is called ``PHANTOM-NAME``.
        seed: other than that of the phantom, or they are its heads.
        train: how many to learn from.
        validation: how many to choose by.
        test: how many to report on.
    """
    found, full_name = find_entry(phantom), f"{phantom}-{name}"
    folder = cache_folder() / "demo-weights" / full_name
    if not (folder / "cases.csv").is_file():
        build = build_anatomy if phantom == "phantom-anatomy" else build_hemorrhage
        build(folder, train=train, validation=validation, test=test, seed=seed)
    entry = found.entry.model_copy(update={"builder": None, "root": str(folder)})
    return load_entry(replace(found, name=full_name, entry=entry))


def train_demo(model: str, options: Mapping[str, Any]) -> Path:
    """Train one network at demo size and put its weights into the package.

    Args:
        model: one of ``NETWORKS``.
        options: of the training, e.g. ``{"epochs": 3}``.
    """
    from reference_models.training.run import train

    dataset, folder = training_heads(NETWORKS[model]), cache_folder() / "demo-weights"
    cases = dataset.split("train").cases, dataset.split("validation").cases
    learn = partial(train, preset="demo", resume=True, report=_tell)
    coarse = None
    if model in _IN_3D:
        coarse = learn("deepbleed-64", dataset, *cases, folder / "deepbleed-coarse", options={**_COARSE, **options})
    trained = learn(model, dataset, *cases, folder / model, options=options, start_from=coarse)
    path = demo_weights(model)
    with whole_file(path) as temporary:
        shutil.copyfile(trained, temporary)
    return path


def _tell(curves: Curves, _: int) -> None:
    minutes = sum(curves.seconds) / 60
    sys.stdout.write(f"  epoch {len(curves.loss)}, {minutes:.1f} min, soft Dice {curves.soft_dice[-1]:.3f}\n")
    sys.stdout.flush()


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    wanted = ("atlas", "template", *NETWORKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(wanted)}; default: all")
    parser.add_argument("--epochs", type=int, help="for each network; default: those of its preset")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(wanted):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(wanted)}")
    for name in given.names or wanted:
        sys.stdout.write(f"{name}\n")
        if name in NETWORKS:
            path = train_demo(name, {} if given.epochs is None else {"epochs": given.epochs})
        else:
            path = fit_demo_atlas() if name == "atlas" else make_template()
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    _main()
