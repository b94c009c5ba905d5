"""The eight configurations of Cai et al. 2020, Table 1, trained on the phantom: ``python benchmarks/table1.py``.

Asks what the paper asked: does Dice loss lose the small classes, does batch normalisation fluctuate, do class weights
help? Each configuration is trained at demo size for as many epochs, scored on the validation cases by ctbench's own
metrics, and its curve is summed up as the mean step down of the soft Dice from one epoch to the next.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ctbench.datasets import Dataset, load_dataset
from ctbench.metrics import score
from ctbench.references import common_reference
from reference_models.cai_unet import MODEL
from reference_models.cai_unet.network import CONFIGURATIONS
from reference_models.cai_unet.predictor import cai_unet

LARGE = ("brainstem_cerebrum", "cerebellum", "subarachnoid_space", "ventricles")
"""Structures that the paper calls large classes; all others are small."""


def scored(dataset: Dataset, weights: Path) -> pd.Series:
    """Return the mean Dice of every structure on the validation cases."""
    predictor = cai_unet(weights=str(weights), device="cpu")
    parts = []
    for case in dataset.split("validation"):
        image = case.image()
        rows = score(
            common_reference(case),
            predictor.predict(image).labels,
            spacing_mm=image.spacing_mm,
            labels=dict(dataset.labels.codes),
            metrics=["dice"],
        )
        parts.append(rows.set_index("label")["value"])
    return pd.concat(parts, axis=1).mean(axis=1)


def row(number: int, dataset: Dataset, out: Path, epochs: int) -> dict[str, object]:
    """Train one configuration, or resume its training, and return its row."""
    folder = out / f"row-{number}"
    cases = dataset.split("train").cases, dataset.split("validation").cases
    options = {"row": number, "epochs": epochs}
    weights = MODEL.train(dataset, *cases, folder, preset="demo", device="cpu", resume=True, options=options)
    dice, one = scored(dataset, weights), CONFIGURATIONS[number]
    curve = np.array(json.loads((folder / "card.json").read_text())["curves"]["soft_dice"])
    return {
        "row": number,
        "normalization": one.normalization,
        "loss": one.loss,
        "weights": one.class_weights,
        "batch": one.batch_size,
        "dice": dice.mean(),
        "dice_large": dice[list(LARGE)].mean(),
        "dice_small": dice.drop(list(LARGE)).mean(),
        "structures_lost": int((dice < 0.01).sum()),
        "mean_step_down": float(np.clip(-np.diff(curve), 0, None).mean()),
        "epochs": len(curve),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train some rows, print the table, and write it; rows that are not named stay as they were measured before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=list(CONFIGURATIONS))
    parser.add_argument("--epochs", type=int, default=26, help="epochs of each configuration")
    parser.add_argument("--out", type=Path, default=Path("trained/table1"))
    given = parser.parse_args(arguments)
    dataset = load_dataset("phantom-anatomy")
    results = Path(__file__).parent / "results" / "table1.json"
    known = {one["row"]: one for one in json.loads(results.read_text(encoding="utf-8"))}
    for number in given.rows:
        known[number] = row(number, dataset, given.out, given.epochs)
        table = pd.DataFrame([known[one] for one in sorted(known)])
        results.write_text(table.to_json(orient="records", indent=1) + "\n", encoding="utf-8")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
