"""Ablation of DeepNAT's parts (Figure 4), at demo size on the phantom: ``python benchmarks/deepnat_figure4.py``.

The variants are those of Figure 4 of Wachinger et al. 2018 (coordinates, one step or two, number of tasks) and of its
text (learning rate, batch size, AdaGrad, jitter, random field). Each is trained on the training split, and its run on
the test split is kept; Figure 4 is then that of ``ctbench paper wachinger2018``. ``--option`` makes the training
smaller: equal epochs and blocks are equal work for all variants, whereas equal minutes depend on what else the machine
does. Two more things that the paper shows are kept beside the table: the accuracy of every task, and the filters of
the first layer as a picture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ctbench.datasets import Dataset, load_dataset
from ctbench.metrics import score
from ctbench.predictors import Predictor
from ctbench.references import common_reference
from reference_models.deepnat import MODEL
from reference_models.deepnat.network import PatchNetwork, task_offsets
from reference_models.deepnat.predictor import DeepNatPredictor, deepnat, deepnat_crf
from reference_models.deepnat.presets import deepnat_plan
from reference_models.deepnat.training import DeepNatRecipe, deepnat_heads

DEMO = deepnat_plan("demo", 11, {})
VARIANTS = {
    "deepnat": {},
    "no coordinates": {"coordinates": "none"},
    "cartesian": {"coordinates": "cartesian"},
    "spectral": {"coordinates": "spectral"},
    "one step": {"hierarchical": False},
    "1 task": {"tasks": 1},
    "27 tasks": {"tasks": 27},
    "half the learning rate": {"learning_rate": DEMO.schedule.learning_rate / 2},
    "a quarter of the batch": {"batch_size": DEMO.batch_size // 4},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "adagrad": {"optimizer": "adagrad"},
    "jitter": {"jitter": 0.05},
}
"""Name -> what differs from the demo. The paper's 0.005 is half of its rate, its 512 a quarter of its batch."""
RESULTS = Path(__file__).parent / "results"


def dice(dataset: Dataset, predictor: Predictor) -> pd.Series:
    """Return the Dice of every structure in every test case."""
    parts = []
    for case in dataset.split("test"):
        image = case.image()
        reference, found = common_reference(case), predictor.predict(image).labels
        labels = dict(dataset.labels.codes)
        parts.append(score(reference, found, spacing_mm=image.spacing_mm, labels=labels, metrics=["dice"]))
    return pd.concat(parts)["value"].dropna()


def trained(name: str, dataset: Dataset, out: Path, minutes: float) -> Path:
    """Train a variant, or resume its training."""
    cases = dataset.split("train").cases, dataset.split("validation").cases
    options = {**VARIANTS[name], "minutes": minutes}
    folder = out / name.replace(" ", "-")
    return MODEL.train(dataset, *cases, folder, preset="demo", device="cpu", resume=True, options=options)


def task_accuracies(dataset: Dataset, predictor: DeepNatPredictor) -> dict[str, float]:
    """Return the share of validation voxels that each task classifies as the reference does."""
    codes = tuple(dataset.labels.values())
    heads = [
        head
        for case in dataset.split("validation")
        for head in deepnat_heads(case, common_reference(case), codes, DEMO)
    ]
    right, counted = 0.0, 0.0
    for batch in DeepNatRecipe(DEMO, heads, heads, (False,) * len(codes)).validation_batches():
        with torch.inference_mode():
            agrees = predictor.network(batch.image).argmax(dim=1) == batch.target
        right = right + (agrees & batch.counted).sum((0, 2, 3, 4))
        counted = counted + batch.counted.sum((0, 2, 3, 4))
    shares = (right / counted).tolist()
    return {str(offset): share for offset, share in zip(task_offsets(len(shares)), shares, strict=True)}


def draw_filters(network: PatchNetwork, path: Path) -> None:
    """Draw every filter of the first layer as its seven slices, one below the other, as the paper's Figure 11."""
    from PIL import Image

    filters = network.conv1.weight.detach().numpy()[:, 0]
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    shades = (127.5 * (1 + filters / np.where(largest > 0, largest, 1))).astype(np.uint8)
    framed = np.pad(shades, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=255)
    columns = framed.reshape(len(filters), -1, framed.shape[-1])
    Image.fromarray(np.kron(np.concatenate(list(columns), axis=1), np.ones((8, 8), np.uint8))).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", help=f"of {', '.join(VARIANTS)}; default: all")
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes of training for each variant")
    parser.add_argument("--out", type=Path, default=Path("trained/deepnat-figure4"))
    given = parser.parse_args(arguments)
    if unknown := set(given.variants) - set(VARIANTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(VARIANTS)}")
    dataset = load_dataset("phantom-anatomy")
    rows, accuracies = [], {}
    RESULTS.mkdir(exist_ok=True)
    for name in given.variants or VARIANTS:
        weights = str(trained(name, dataset, given.out, given.minutes))
        predictors: dict[str, DeepNatPredictor] = {name: deepnat(weights=weights, device="cpu")}
        if name == "deepnat":
            predictors["with the random field"] = deepnat_crf(weights=weights, device="cpu")
            accuracies = task_accuracies(dataset, predictors[name])
            draw_filters(predictors[name].network.structures, RESULTS / "deepnat-filters.png")
        for called, predictor in predictors.items():
            values = dice(dataset, predictor)
            rows.append({"variant": called, "median_dice": values.median(), "mean_dice": values.mean()})
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1), flush=True)
    if accuracies:
        print("accuracy by task (offset z, y, x)", pd.Series(accuracies).round(3).to_string(), sep="\n")
    facts = {"minutes": given.minutes, "rows": rows, "task_accuracies": accuracies}
    (RESULTS / "deepnat_figure4.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
