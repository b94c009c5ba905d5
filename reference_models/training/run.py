"""From the cases of a dataset to a folder with weights, card and curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ctbench.datasets import Case, Dataset
from ctbench.errors import DataError, UsageError
from ctbench.labels import LabelSet
from reference_models.deepbleed import LABEL
from reference_models.devices import choose_device
from reference_models.networks import CONFIGURATIONS
from reference_models.space import read_template
from reference_models.training.cai import CaiRecipe, cai_examples
from reference_models.training.card import write_card, write_curves
from reference_models.training.deepbleed import DeepBleedRecipe, deepbleed_examples
from reference_models.training.engine import CHECKPOINT, Curves, Recipe, Schedule, fit
from reference_models.training.examples import Example
from reference_models.training.presets import Preset, cai_plan, deepbleed_plan
from reference_models.training.references import training_reference
from reference_models.weightsfile import Weights

__all__ = ["Progress", "train"]

Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]
"""Passes steps on while showing how far they are: name, steps, how many."""


def train(
    model: str,
    dataset: Dataset,
    training: Sequence[Case],
    validation: Sequence[Case],
    out: Path,
    *,
    preset: Preset = "paper",
    device: str = "auto",
    resume: bool = False,
    seed: int = 0,
    consensus: str = "majority",
    options: Mapping[str, Any] | None = None,
    progress: Progress = lambda _, steps, __: iter(steps),
    report: Callable[[Curves, int], None] = lambda _, __: None,
) -> Path:
    """Train a model.

    ``out`` gets ``weights.safetensors``, ``card.json`` and ``curves.png``; ``checkpoint.safetensors`` while it goes on.

    Args:
        model: ``cai-unet`` or one of ``deepbleed-512``, ``-128``, ``-64``, ``-32``.
        dataset: gives the labels and its name.
        training: its cases to learn from: the consensus of their readers, without the voxels that do not count.
        validation: its cases that choose the best epoch.
        out: a folder.
        preset: the paper's settings, or narrow ones for phantoms.
        device: auto, cpu, cuda or cuda:N.
        resume: go on from the checkpoint in ``out``.
        seed: of everything that is drawn.
        consensus: the rule that fuses readers.
        options: change single settings, e.g. ``{"row": 6, "minutes": 10}``.
        progress: shows how far preparing the cases is.
        report: called after every epoch with the curves and the most epochs there can be.

    Returns:
        the path of the weights.

    Raises:
        UsageError: an unknown option, no training or validation cases, a folder with another training in it, or no
            such device.
        DataError: a case cannot be read, or none of the cases has anything to learn from.
    """
    place = choose_device(device)
    if not training or not validation:
        msg = f"{len(training)} training and {len(validation)} validation cases of {dataset.name}; both are needed"
        raise UsageError(msg)
    if not resume and any((out / name).is_file() for name in ("weights.safetensors", CHECKPOINT)):
        msg = f"{out} holds a training already; go on with --resume, remove it, or give another --out"
        raise UsageError(msg)
    if model == "cai-unet":
        made = _cai(dataset, preset, options or {}, seed)
    else:
        made = _deepbleed(model, dataset, preset, options or {}, seed)
    configuration, labels, plan, schedule, recipe_of = made
    settings = {
        "model": model,
        "preset": preset,
        "plan": plan,
        "seed": seed,
        "consensus": consensus,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.select(case.id for case in (*training, *validation)).fingerprint(),
        "training": [case.id for case in training],
        "validation": [case.id for case in validation],
    }
    recipe = recipe_of(*(_prepared(cases, consensus, progress) for cases in (training, validation)))
    out.mkdir(parents=True, exist_ok=True)
    network, curves = fit(
        recipe,
        schedule,
        out,
        settings=settings,
        device=place,
        resume=resume,
        report=lambda so_far: report(so_far, schedule.epochs),
    )
    weights = Weights.of(
        network,
        half=preset == "demo",
        model=model,
        configuration=configuration,
        labels=labels,
        trained_on=dataset.name,
        phantoms_only=dataset.name.startswith("phantom-"),
    )
    path = out / "weights.safetensors"
    weights.save(path)
    write_curves(out / "curves.png", curves, f"{model} on {dataset.name}")
    digest = Weights.load(path, model).digest
    write_card(out / "card.json", settings=settings, curves=curves, device=str(place), weights_digest=digest)
    return path


_Prepare = Callable[[Case], list[Example]]
_Maker = tuple[dict[str, Any], LabelSet, dict[str, Any], Schedule, Callable[..., Recipe]]


def _prepared(cases: Sequence[Case], consensus: str, progress: Progress) -> Iterator[tuple[Case, Any]]:
    steps = ((case, training_reference(case, consensus)) for case in cases)
    return progress("prepare", steps, len(cases))


def _cai(dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> _Maker:
    plan = cai_plan(preset, len(dataset.labels), options, seed)
    codes = tuple(dataset.labels.values())

    def recipe(*parts: Iterator[tuple[Case, Any]]) -> Recipe:
        training, validation = (
            _examples(part, lambda case, reference: cai_examples(case.image(), reference, codes, plan.configuration))
            for part in parts
        )
        made = CaiRecipe(plan.configuration, CONFIGURATIONS[plan.row], training, validation, plan.stop_early)
        made.augmentation = replace(made.augmentation, flip_front_to_back=plan.flip_front_to_back)
        return made

    return asdict(plan.configuration), LabelSet(dataset.labels.codes), asdict(plan), plan.schedule, recipe


def _deepbleed(model: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> _Maker:
    options = dict(options)
    template = read_template(options.pop("template", None))
    plan = deepbleed_plan(model, preset, options, seed)
    names = dataset.labels.names
    codes = dataset.labels.codes_of(LABEL) if LABEL in names else tuple(dataset.labels.values())

    def recipe(*parts: Iterator[tuple[Case, Any]]) -> Recipe:
        training, validation = (
            _examples(
                part,
                lambda case, reference: deepbleed_examples(
                    case.image(), reference, codes, plan.configuration, template
                ),
            )
            for part in parts
        )
        return DeepBleedRecipe(
            plan.configuration, training, validation, batch_size=plan.batch_size, stop_early=plan.stop_early
        )

    return asdict(plan.configuration), LabelSet({LABEL: 1}), asdict(plan), plan.schedule, recipe


def _examples(part: Iterator[tuple[Case, Any]], prepare: Callable[[Case, Any], list[Example]]) -> list[Example]:
    examples = [example for case, reference in part for example in prepare(case, reference)]
    if not examples:
        msg = "none of the cases has anything to learn from: no slice is annotated, or no scan shows a brain"
        raise DataError(msg)
    return examples
