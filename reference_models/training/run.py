"""Training of a model on the cases of a dataset: writes weights, card and curves to a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ctbench.datasets import Case, Dataset
from ctbench.errors import UsageError
from ctbench.references import common_reference
from reference_models.inference.devices import choose_device
from reference_models.inference.weightsfile import Weights
from reference_models.training.card import write_card, write_curves
from reference_models.training.engine import CHECKPOINT, Curves, fit
from reference_models.training.setup import Cases, Fittable, Setup, Trainable

__all__ = ["Progress", "fit_at_once", "train"]

Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]
"""Iterates over steps while showing progress; arguments: name, steps, number of steps."""


def train(
    model: Trainable,
    dataset: Dataset,
    training: Sequence[Case],
    validation: Sequence[Case],
    out: Path,
    *,
    preset: str = "paper",
    device: str = "auto",
    resume: bool = False,
    seed: int = 0,
    consensus: str = "majority",
    start_from: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = lambda _, steps, __: iter(steps),
    report: Callable[[Curves, int], None] = lambda _, __: None,
) -> Path:
    """Train a model and return the path of its weights.

    Writes ``weights.safetensors``, ``card.json`` and the curves to ``out``, and ``checkpoint.safetensors`` after
    every epoch.

    Args:
        model: The record of a model, see ``reference_models.model``.
        dataset: Dataset whose labels are learnt.
        training: Cases to learn from: the consensus of their readers, without the voxels that do not count.
        validation: Cases on which the best epoch is chosen.
        out: Folder to write to.
        preset: Paper: the paper's settings; demo: narrow ones for phantoms.
        device: auto, cpu, cuda or cuda:N.
        resume: Continue from the checkpoint in ``out``.
        seed: Random seed of the first weights, the sampling and the augmentation.
        consensus: Consensus method that fuses the readers.
        start_from: File of initial weights, of this model or of one with the same network; None: random weights.
        options: Changes of single settings, e.g. ``{"row": 6, "minutes": 10}``.
        progress: Shows the progress of preparing the cases.
        report: Called after every epoch with the curves and the largest number of epochs.

    Returns:
        The path of the weights.

    Raises:
        UsageError: An unknown preset or option, no training or validation cases, a folder that holds another training,
            an unknown device, or initial weights that do not fit.
        DataError: A case cannot be read, or no case has an annotated slice with a brain.
    """
    place = choose_device(device)
    _expect_cases(dataset, training, validation)
    if not resume:
        _expect_no_training(out)
    setup = model.setup(dataset, preset, options or {}, seed)
    start = None if start_from is None else _fitting(start_from, model, setup)
    settings = {
        "model": model.name,
        "preset": preset,
        "plan": asdict(setup.plan),
        "seed": seed,
        "consensus": consensus,
        "start_from": "" if start is None else start.digest,
        **_data(dataset, training, validation),
    }
    recipe = setup.recipe(*(_with_references(cases, consensus, progress) for cases in (training, validation)))
    out.mkdir(parents=True, exist_ok=True)
    network, curves = fit(
        recipe,
        setup.plan.schedule,
        out,
        settings=settings,
        device=place,
        resume=resume,
        start=start,
        report=lambda so_far: report(so_far, setup.plan.schedule.epochs),
    )
    seen = tuple(dict.fromkeys((*(start.trained_on if start else ()), dataset.name)))
    weights = Weights.of(
        network,
        half=preset == "demo",
        model=model.name,
        configuration=asdict(setup.plan.configuration),
        labels=setup.labels,
        trained_on=seen,
        phantoms_only=dataset.is_phantom and (start is None or start.phantoms_only),
    )
    path = out / "weights.safetensors"
    weights.save(path)
    write_curves(out, curves, f"{model.name} on {dataset.name}", setup.labels.names)
    if setup.illustrate is not None:
        setup.illustrate(out, network, recipe)
    digest = Weights.load(path, model.name).digest
    write_card(out / "card.json", settings=settings, curves=curves, device=str(place), weights_digest=digest)
    return path


def fit_at_once(
    model: Fittable,
    dataset: Dataset,
    training: Sequence[Case],
    validation: Sequence[Case],
    out: Path,
    *,
    preset: str = "paper",
    device: str = "auto",
    resume: bool = False,
    seed: int = 0,
    consensus: str = "majority",
    start_from: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = lambda _, steps, __: iter(steps),
    report: Callable[[Curves, int], None] = lambda _, __: None,
) -> Path:
    """Fit a model that has no epochs and return the path of its weights; arguments and errors as for ``train``.

    Writes ``weights.safetensors`` and ``card.json`` to ``out``. With ``resume`` a fit that is there is made again.
    ``device`` and ``report`` are not used.

    Raises:
        UsageError: Also with ``start_from``: nothing is fitted from other weights.
    """
    del device, report
    _expect_cases(dataset, training, validation)
    if not resume:
        _expect_no_training(out)
    if start_from is not None:
        msg = f"{model.name} cannot start from other weights: it is fitted at once; train it without --start-from"
        raise UsageError(msg)
    shown = [_with_references(cases, consensus, progress) for cases in (training, validation)]
    found, told = model.fit(dataset, shown[0], shown[1], preset, options or {}, seed)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "weights.safetensors"
    replace(found, trained_on=(dataset.name,), phantoms_only=dataset.is_phantom).save(path)
    settings = {"model": model.name, "preset": preset, "seed": seed, "consensus": consensus}
    settings |= {**_data(dataset, training, validation), **told}
    digest = Weights.load(path, model.name).digest
    write_card(out / "card.json", settings=settings, curves=None, device="cpu", weights_digest=digest)
    return path


def _expect_cases(dataset: Dataset, training: Sequence[Case], validation: Sequence[Case]) -> None:
    if not training or not validation:
        msg = f"{len(training)} training and {len(validation)} validation cases of {dataset.name}; both are needed"
        raise UsageError(msg)


def _expect_no_training(out: Path) -> None:
    if any((out / name).is_file() for name in ("weights.safetensors", CHECKPOINT)):
        msg = f"{out} holds a training already; go on with --resume, remove it, or give another --out"
        raise UsageError(msg)


def _data(dataset: Dataset, training: Sequence[Case], validation: Sequence[Case]) -> dict[str, Any]:
    """Return what the card says about the data."""
    return {
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.select(case.id for case in (*training, *validation)).fingerprint(),
        "training": [case.id for case in training],
        "validation": [case.id for case in validation],
    }


def _fitting(path: str | Path, model: Trainable, setup: Setup) -> Weights:
    """Return initial weights, after checking that they fit the network."""
    weights = Weights.load(path, model.name, kin=model.same_network)
    weights.expect_fit(setup.plan.configuration.network, str(path))
    return weights


def _with_references(cases: Sequence[Case], consensus: str, progress: Progress) -> Cases:
    steps = ((case, common_reference(case, consensus)) for case in cases)
    return progress("prepare", steps, len(cases))
