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


def write_card(
    path: Path, *, settings: dict[str, Any], curves: Curves | None, device: str, weights_digest: str
) -> None:
    """Write the card of a training: model, data, settings, versions and curves.

    Args:
        path: JSON file to write.
        settings: model, preset, plan, dataset, its fingerprint and the cases.
        curves: Curves of the training; None: the model is fitted at once.
        device: Device of the training.
        weights_digest: SHA-256 of the weights file.
    """
    card = {
        **settings,
        "versions": {name: version(name) for name in ("ctbench", "torch", "numpy", "SimpleITK", "scikit-learn")},
        "device": device,
        **({} if curves is None else {"best_epoch": curves.best_epoch + 1}),
        "weights_sha256": weights_digest,
        **({} if curves is None else {"curves": asdict(curves)}),
    }
    write_text(path, json.dumps(card, indent=1) + "\n")


def write_curves(path: Path, curves: Curves, title: str) -> None:
    """Write a PNG of loss and soft Dice over the epochs; a grey line marks the best epoch."""
    import vl_convert

    with whole_file(path) as temporary:
        temporary.write_bytes(
            vl_convert.vegalite_to_png(_chart(curves, title), vl_version="6.4", scale=2, allowed_base_urls=[])
        )


def _chart(curves: Curves, title: str) -> dict[str, Any]:
    """Return the curves as a Vega-Lite chart of two panels."""
    epochs = range(1, len(curves.loss) + 1)
    losses = [
        {"epoch": epoch, "value": value, "of": of}
        for of, values in (("training", curves.loss), ("validation", curves.validation_loss))
        for epoch, value in zip(epochs, values, strict=False)
    ]
    dice = [{"epoch": epoch, "value": value} for epoch, value in zip(epochs, curves.soft_dice, strict=False)]
    across = {"field": "epoch", "type": "quantitative", "title": "epoch", "axis": {"tickMinStep": 1}}
    best = {
        "data": {"values": [{"epoch": curves.best_epoch + 1}]},
        "mark": {"type": "rule", "color": "#8c959f"},
        "encoding": {"x": across},
    }

    def line(values: list[dict[str, Any]], name: str, **more: Any) -> dict[str, Any]:
        up = {"field": "value", "type": "quantitative", "title": name, **more.pop("y", {})}
        return {"data": {"values": values}, "mark": {"type": "line"}, "encoding": {"x": across, "y": up, **more}}

    loss = line(losses, "loss", color={"field": "of", "type": "nominal", "title": None})
    validated = line(dice, "soft Dice, validation", y={"scale": {"domain": [0, 1]}}, color={"value": "#009e73"})
    size = {"width": 300, "height": 220}
    return {"title": title, "hconcat": [{**size, **loss}, {**size, "layer": [best, validated]}]}
