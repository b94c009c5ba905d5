"""The training loop: epochs, learning rate, validation, best weights, checkpoints, and stopping."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from ctbench.errors import DataError
from reference_models.inference.devices import Precision, autocast, choose_precision, deterministic, place
from reference_models.inference.weightsfile import Weights
from reference_models.training.checkpoint import load_checkpoint, save_checkpoint
from reference_models.training.examples import Batch
from reference_models.training.losses import DiceTerms, soft_dice_terms
from reference_models.training.stopping import count_plateaus

__all__ = ["CHECKPOINT", "Curves", "Recipe", "Schedule", "fit"]

_log = logging.getLogger("reference_models")

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class Curves:
    """Training curves: one number, or one for each structure, per epoch."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    soft_dice: list[float] = field(default_factory=list)
    """Mean over the structures that occur in the validation cases."""
    seconds: list[float] = field(default_factory=list)
    training_dice: list[list[float]] = field(default_factory=list)
    """Soft Dice of each structure over an epoch's training batches; empty for a network that learns from other outputs
    than a label map."""
    validation_dice: list[list[float]] = field(default_factory=list)
    """Soft Dice of each structure in the validation cases."""

    @property
    def best_epoch(self) -> int:
        """Number of the epoch, from 0, with the highest soft Dice; of equals the lowest validation loss, then earliest.

        Where the validation cases hold nothing of what is learnt, every soft Dice is 0 and the loss decides.
        """
        return max(range(len(self.soft_dice)), key=lambda epoch: (self.soft_dice[epoch], -self.validation_loss[epoch]))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Epochs, learning rate and optimizer of a training.

    Args:
        learning_rate: Initial learning rate of the optimizer.
        epochs: Largest number of epochs.
        minutes: Time after which no epoch begins; None: no limit.
        cosine: Let the learning rate fall to zero along half a cosine, over ``epochs`` or ``minutes``, whichever end
            first.
        largest_gradient: Norm to which longer gradients are clipped; None: no clipping. Networks without normalisation
            may diverge without it.
        optimizer: adam, adagrad, or sgd.
        momentum: Momentum of sgd.
        nesterov: Whether sgd looks ahead along its momentum.
        weight_decay: Share of each weight that is added to its gradient.
        poly: Let the learning rate fall as (1 - progress) to this power instead; None: no such decay.
        patience: Number of epochs without a lower training loss after which the learning rate is divided by ten; None:
            never.
        precision: Of convolutions and matrix products: float32, bfloat16, or auto, as for predictions. Weights and the
            optimizer are float32.
        seed: Random seed of the first weights, the sampling and the augmentation.
    """

    learning_rate: float
    epochs: int
    minutes: float | None = None
    cosine: bool = False
    largest_gradient: float | None = None
    optimizer: Literal["adam", "adagrad", "sgd"] = "adam"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    poly: float | None = None
    patience: int | None = None
    precision: Precision = "auto"
    seed: int = 0

    def progress(self, epoch: int, seconds: float) -> float:
        """Return how far training is before an epoch, from 0 to 1, after ``seconds`` of training."""
        in_time = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return min(1.0, max(epoch / self.epochs, in_time))

    def rate(self, progress: float, losses: Sequence[float] = ()) -> float:
        """Return the learning rate of an epoch; ``losses`` are the training losses of the epochs before it."""
        progress = min(1.0, progress)  # a step of an epoch that the minutes cut short may lie beyond
        if self.poly is not None:
            return self.learning_rate * float((1 - progress) ** self.poly)
        plateaus = 0 if self.patience is None else count_plateaus(losses, patience=self.patience)
        return self.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) if self.cosine else 1.0) * 0.1**plateaus

    def optimizing(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of a network."""
        weights, rate, decay = network.parameters(), self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return torch.optim.SGD(weights, lr=rate, momentum=self.momentum, nesterov=self.nesterov, weight_decay=decay)
        if self.optimizer == "adagrad":
            return torch.optim.Adagrad(weights, lr=rate, weight_decay=decay)
        return torch.optim.Adam(weights, lr=rate, weight_decay=decay)


class Recipe(Protocol):
    """What a model defines of its training: its network, batches, loss and stopping rule."""

    def network(self) -> nn.Module:
        """Make the network with new random weights."""
        ...

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch: sampled, shuffled, augmented."""
        ...

    def validation_batches(self) -> Iterator[Batch]:
        """Yield the batches on which the soft Dice is measured, the same ones every time."""
        ...

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of one batch."""
        ...

    def is_done(self, curves: Curves) -> bool:
        """Return whether the paper's rule stops the training here."""
        ...


@runtime_checkable
class CountsSteps(Protocol):
    """A recipe whose learning rate falls at every training step, not only between epochs."""

    @property
    def steps(self) -> int:
        """Number of training steps of an epoch."""
        ...


def fit(
    recipe: Recipe,
    schedule: Schedule,
    folder: Path,
    *,
    settings: dict[str, Any],
    device: torch.device,
    resume: bool = False,
    start: Weights | None = None,
    report: Callable[[Curves], None] = lambda _: None,
) -> tuple[nn.Module, Curves]:
    """Train a network, writing a checkpoint to ``folder`` after every epoch.

    Random numbers depend on the seed and the number of the epoch alone, so that an interrupted and resumed training
    ends with the same weights as one without a break (same device, no limit of minutes).

    Args:
        recipe: network, batches, loss and stopping rule of the model.
        schedule: Epochs, learning rate and optimizer.
        folder: Folder of the checkpoint.
        settings: JSON values; a checkpoint with other settings is not resumed.
        device: Device of the network.
        resume: Continue from the checkpoint, if there is one.
        start: Initial weights; None: random ones.
        report: Called with the curves after every epoch.

    Returns:
        The network with its best weights, and the curves.

    Raises:
        UsageError: The checkpoint belongs to another training, or there is no such precision.
        DataError: The loss is no longer a number.
    """
    settings = json.loads(json.dumps(settings))  # as a checkpoint gives them back: tuples are lists
    with torch.random.fork_rng(), deterministic():
        torch.manual_seed(schedule.seed)
        network = recipe.network()
        if start is not None:
            start.put_into(network, "the file to start from")
        network = place(network, device)
        precision = choose_precision(schedule.precision, device)
        optimizer = schedule.optimizing(network)
        best, curves = network.state_dict(), Curves()
        if resume and (folder / CHECKPOINT).is_file():
            best, state = load_checkpoint(folder / CHECKPOINT, network, optimizer, settings)
            curves = Curves(**state["curves"])
        while (progress := schedule.progress(len(curves.loss), sum(curves.seconds))) < 1:
            if curves.loss and recipe.is_done(curves):
                break
            _epoch(recipe, schedule, network, optimizer, curves, device, precision, progress)
            if curves.soft_dice == [0.0]:
                _log.warning(
                    "the validation cases hold nothing of what is learnt: the epoch of the lowest validation loss will "
                    "be kept; better choose others, or spread them over the folds with --stratify"
                )
            if curves.best_epoch == len(curves.loss) - 1:
                best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
            save_checkpoint(
                folder / CHECKPOINT, network, optimizer, best, {"settings": settings, "curves": asdict(curves)}
            )
            report(curves)
        network.load_state_dict(best)
    return network, curves


def _epoch(
    recipe: Recipe,
    schedule: Schedule,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    curves: Curves,
    device: torch.device,
    precision: str,
    progress: float,
) -> None:
    start, epoch = time.perf_counter(), len(curves.loss)
    torch.manual_seed(schedule.seed * 100_003 + epoch + 1)  # dropout draws from torch's own generator
    rng = np.random.default_rng([schedule.seed, epoch])
    of_step = 1 / (schedule.epochs * recipe.steps) if isinstance(recipe, CountsSteps) else 0.0

    def rate(step: int) -> float:
        return schedule.rate(progress + step * of_step, curves.loss)

    loss, trained = _train(recipe, network, optimizer, rate, rng, device, precision, schedule.largest_gradient)
    if not np.isfinite(loss):
        msg = f"the loss is {loss} in epoch {epoch + 1}; lower the learning rate"
        raise DataError(msg)
    validation_loss, validated = _validate(recipe, network, device, precision)
    curves.loss.append(loss)
    curves.validation_loss.append(validation_loss)
    curves.soft_dice.append(float(np.mean(validated)))
    curves.training_dice.append(trained)
    curves.validation_dice.append(validated)
    curves.seconds.append(time.perf_counter() - start)


def _train(
    recipe: Recipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    rate: Callable[[int], float],
    rng: np.random.Generator,
    device: torch.device,
    precision: str,
    largest_gradient: float | None,
) -> tuple[float, list[float]]:
    network.train()
    losses, terms = [], []
    for step, batch in enumerate(recipe.batches(rng)):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        here = batch.to(device)
        with autocast(device, precision):
            found = network(here.image)
            loss = recipe.loss(found, here)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        if largest_gradient is not None:
            nn.utils.clip_grad_norm_(network.parameters(), largest_gradient)
        optimizer.step()
        losses.append(loss.detach())
        if isinstance(found, Tensor):  # others learn from several outputs, or from boxes
            terms.append(soft_dice_terms(found.detach(), here.target, here.counted))
    return float(torch.stack(losses).mean()), _dice_of_structures(terms) if terms else []


def _validate(recipe: Recipe, network: nn.Module, device: torch.device, precision: str) -> tuple[float, list[float]]:
    network.eval()
    losses: list[float] = []
    terms: list[DiceTerms] = []
    with torch.inference_mode(), autocast(device, precision):
        for batch in recipe.validation_batches():
            here = batch.to(device)
            logits = network(here.image)
            losses.append(float(recipe.loss(logits, here)))
            terms.append(soft_dice_terms(logits, here.target, here.counted))
    return float(np.mean(losses)), _dice_of_structures(terms)


def _dice_of_structures(terms: Sequence[DiceTerms]) -> list[float]:
    """Return the soft Dice of each structure over all batches, without that of the background."""
    total = DiceTerms(*(torch.stack(parts).sum(0) for parts in zip(*terms, strict=True)))
    dice: list[float] = total.dice().tolist()
    return dice[1:] or dice
