"""Training card (JSON) and training curves (PNG), written beside the weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ctbench.files import whole_file, write_text
from reference_models.training.engine import Curves

__all__ = ["write_card", "write_curves"]


def write_card(path: Path, *, settings: dict[str, Any], curves: Curves, device: str, weights_digest: str) -> None:
    """Write the card of a training: model, data, settings, versions and curves.

    Args:
        path: JSON file to write.
        settings: model, preset, plan, dataset, its fingerprint and the cases.
        curves: Curves of the training.
        device: Device of the training.
        weights_digest: SHA-256 of the weights file.
    """
    card = {
        **settings,
        "versions": {name: version(name) for name in ("ctbench", "torch", "numpy", "SimpleITK")},
        "device": device,
        "best_epoch": curves.best_epoch + 1,
        "weights_sha256": weights_digest,
        "curves": asdict(curves),
    }
    write_text(path, json.dumps(card, indent=1) + "\n")


def write_curves(path: Path, curves: Curves, title: str) -> None:
    """Write a PNG of loss and soft Dice over the epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    losses, dice = figure.subplots(1, 2)
    epochs = range(1, len(curves.loss) + 1)
    losses.plot(epochs, curves.loss, label="training")
    losses.plot(epochs, curves.validation_loss, label="validation")
    losses.set(xlabel="epoch", ylabel="loss")
    losses.legend()
    dice.plot(epochs, curves.soft_dice, color="tab:green")
    dice.axvline(curves.best_epoch + 1, color="grey", linewidth=0.8)
    dice.set(xlabel="epoch", ylabel="soft Dice, validation", ylim=(0, 1))
    figure.suptitle(title)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
