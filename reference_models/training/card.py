"""Training card (JSON) and training curves (CSV, SVG, PNG), written beside the weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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


def write_curves(folder: Path, curves: Curves, title: str, structures: Sequence[str]) -> None:
    """Write loss and soft Dice over the epochs: ``curves.csv``, ``curves.svg`` and ``curves.png``.

    The table has the columns ``epoch, cases`` (training or validation), ``quantity`` (loss or soft_dice), ``structure``
    (empty for the loss, ``mean`` for the mean over structures) and ``value``. In the figures a grey line marks the best
    epoch.

    Args:
        folder: Folder of the files.
        curves: Curves of the training.
        title: Heading of the figures.
        structures: Names of the structures, in the order of the network's classes.
    """
    import vl_convert

    rows = list(_rows(curves, structures))
    lines = (",".join(map(str, row.values())) for row in rows)
    write_text(folder / "curves.csv", "\n".join([",".join(rows[0]), *lines, ""]))
    chart: dict[str, Any] = {"vl_spec": _chart(curves, title, rows), "vl_version": "6.4", "allowed_base_urls": []}
    write_text(folder / "curves.svg", vl_convert.vegalite_to_svg(**chart))
    with whole_file(folder / "curves.png") as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_png(**chart, scale=2))


def _rows(curves: Curves, structures: Sequence[str]) -> Iterator[dict[str, Any]]:
    for cases, losses, dice in (
        ("training", curves.loss, curves.training_dice),
        ("validation", curves.validation_loss, curves.validation_dice),
    ):
        for epoch, value in enumerate(losses, start=1):
            yield _row(epoch, cases, "loss", "", value)
        # The epochs of a training that an earlier version began have no Dice by structure.
        for epoch, values in enumerate(dice, start=1 + len(losses) - len(dice)):
            for structure, value in zip(structures, values, strict=False):
                yield _row(epoch, cases, "soft_dice", structure, value)
    for epoch, value in enumerate(curves.soft_dice, start=1):
        yield _row(epoch, "validation", "soft_dice", "mean", value)


def _row(epoch: int, cases: str, quantity: str, structure: str, value: float) -> dict[str, Any]:
    return {"epoch": epoch, "cases": cases, "quantity": quantity, "structure": structure, "value": value}


def _chart(curves: Curves, title: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the curves as a Vega-Lite chart: loss, mean soft Dice, and soft Dice by structure."""
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
    panels = [{**size, **loss}, {**size, "layer": [best, validated]}]
    for cases in ("training", "validation"):
        own = [row for row in rows if row["cases"] == cases and row["structure"] not in {"", "mean"}]
        if own:
            shade = {"field": "structure", "type": "nominal", "title": None, "sort": None}
            drawn = line(own, f"soft Dice, {cases}", y={"scale": {"domain": [0, 1]}}, color=shade)
            panels.append({**size, **drawn})
    return {"title": title, "concat": panels, "columns": 2, "resolve": {"scale": {"color": "independent"}}}
