"""The loop around every network: epochs, curves, the best weights, checkpoints, and an end."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ctbench.errors import DataError
from reference_models.inference.devices import autocast, deterministic, place
from reference_models.inference.weightsfile import Weights
from reference_models.training.checkpoint import load_checkpoint, save_checkpoint
from reference_models.training.examples import Batch
from reference_models.training.losses import DiceTerms, soft_dice_terms
from reference_models.training.stopping import count_plateaus

__all__ = ["CHECKPOINT", "Curves", "Recipe", "Schedule", "fit"]

CHECKPOINT = "checkpoint.safetensors"

_MOMENTUM = 0.9


@dataclass
class Curves:
    """One number an epoch."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    soft_dice: list[float] = field(default_factory=list)
    """On the validation cases, the mean over the structures that occur there."""
    seconds: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Number of the epoch, from 0, with the highest soft Dice; the earliest of equals."""
        return int(np.argmax(self.soft_dice))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast.

    Args:
        learning_rate: of the optimizer.
        epochs: at most so many.
        minutes: no epoch begins after so many; None: no limit.
        cosine: let the learning rate fall to zero along half a cosine, over ``epochs`` or ``minutes``, whichever end
            first.
        largest_gradient: longer gradients are shortened to this norm; None: they stay. Networks without normalisation
            may leap out of reach otherwise.
        optimizer: adam, adagrad, or sgd with a momentum of 0.9.
        poly: let the learning rate fall as (1 - progress) to this power instead; None: it does not.
        patience: divide the learning rate by ten after so many epochs without a lower loss of training; None: never.
        seed: of the first weights, the sampling and the augmentation.
    """

    learning_rate: float
    epochs: int
    minutes: float | None = None
    cosine: bool = False
    largest_gradient: float | None = None
    optimizer: Literal["adam", "adagrad", "sgd"] = "adam"
    poly: float | None = None
    patience: int | None = None
    seed: int = 0

    def progress(self, epoch: int, seconds: float) -> float:
        """Say how far training is before an epoch, from 0 to 1; ``seconds`` have passed."""
        in_time = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return min(1.0, max(epoch / self.epochs, in_time))

    def rate(self, progress: float, losses: Sequence[float] = ()) -> float:
        """Give the learning rate of an epoch; ``losses`` are those of training before it."""
        if self.poly is not None:
            return self.learning_rate * float((1 - progress) ** self.poly)
        plateaus = 0 if self.patience is None else count_plateaus(losses, patience=self.patience)
        return self.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) if self.cosine else 1.0) * 0.1**plateaus

    def optimizing(self, network: nn.Module) -> torch.optim.Optimizer:
        """Make the optimizer of a network."""
        if self.optimizer == "sgd":
            return torch.optim.SGD(network.parameters(), lr=self.learning_rate, momentum=_MOMENTUM)
        if self.optimizer == "adagrad":
            return torch.optim.Adagrad(network.parameters(), lr=self.learning_rate)
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate)


class Recipe(Protocol):
    """What is special about a model: its network, what it is shown, its loss and its rule to stop."""

    def network(self) -> nn.Module:
        """Make the network with new random weights."""
        ...

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Give one epoch of training: sampled, shuffled, augmented."""
        ...

    def validation_batches(self) -> Iterator[Batch]:
        """Give everything that the soft Dice is measured on, always alike."""
        ...

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Give the loss of one batch."""
        ...

    def is_done(self, curves: Curves) -> bool:
        """Say whether the paper's rule would stop here."""
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
    """Train, keeping a checkpoint an epoch in ``folder``.

    Every epoch draws from the seed and its own number, so that a training that was broken off and goes on ends with
    the same weights as one that was not (same device, no limit of minutes).

    Args:
        recipe: of the model.
        schedule: how long and how fast.
        folder: for the checkpoint.
        settings: JSON; a checkpoint of others is not resumed.
        device: where.
        resume: go on from the checkpoint, if there is one.
        start: weights to begin with; None: random ones.
        report: called after every epoch.

    Returns:
        the network with its best weights, and the curves.

    Raises:
        UsageError: the checkpoint is of another training.
        DataError: the loss is no longer a number.
    """
    settings = json.loads(json.dumps(settings))  # as a checkpoint gives them back: tuples are lists
    with torch.random.fork_rng(), deterministic():
        torch.manual_seed(schedule.seed)
        network = recipe.network()
        if start is not None:
            start.put_into(network, "the file to start from")
        network = place(network, device)
        optimizer = schedule.optimizing(network)
        best, curves = network.state_dict(), Curves()
        if resume and (folder / CHECKPOINT).is_file():
            best, state = load_checkpoint(folder / CHECKPOINT, network, optimizer, settings)
            curves = Curves(**state["curves"])
        while (progress := schedule.progress(len(curves.loss), sum(curves.seconds))) < 1:
            if curves.loss and recipe.is_done(curves):
                break
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(progress, curves.loss)
            _epoch(recipe, schedule, network, optimizer, curves, device)
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
) -> None:
    start, epoch = time.perf_counter(), len(curves.loss)
    torch.manual_seed(schedule.seed * 100_003 + epoch + 1)  # dropout draws from torch's own generator
    rng = np.random.default_rng([schedule.seed, epoch])
    loss = _train(recipe, network, optimizer, rng, device, schedule.largest_gradient)
    if not np.isfinite(loss):
        msg = f"the loss is {loss} in epoch {epoch + 1}; lower the learning rate"
        raise DataError(msg)
    validation_loss, soft_dice = _validate(recipe, network, device)
    curves.loss.append(loss)
    curves.validation_loss.append(validation_loss)
    curves.soft_dice.append(soft_dice)
    curves.seconds.append(time.perf_counter() - start)


def _train(
    recipe: Recipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
    device: torch.device,
    largest_gradient: float | None,
) -> float:
    network.train()
    losses = []
    for batch in recipe.batches(rng):
        here = batch.to(device)
        with autocast(device):
            loss = recipe.loss(network(here.image), here)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
        if largest_gradient is not None:
            nn.utils.clip_grad_norm_(network.parameters(), largest_gradient)
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def _validate(recipe: Recipe, network: nn.Module, device: torch.device) -> tuple[float, float]:
    network.eval()
    losses: list[float] = []
    terms: list[DiceTerms] = []
    with torch.inference_mode(), autocast(device):
        for batch in recipe.validation_batches():
            here = batch.to(device)
            logits = network(here.image)
            losses.append(float(recipe.loss(logits, here)))
            terms.append(soft_dice_terms(logits, here.target, here.counted))
    return float(np.mean(losses)), _mean_dice(terms)


def _mean_dice(terms: Sequence[DiceTerms]) -> float:
    total = DiceTerms(*(torch.stack(parts).sum(0) for parts in zip(*terms, strict=True)))
    dice = total.dice()
    return float(dice[1:].mean() if len(dice) > 1 else dice[0])
