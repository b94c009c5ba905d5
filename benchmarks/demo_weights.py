"""What the weights that come with the package reach on the phantoms' test heads: ``python benchmarks/demo_weights.py``.

Every model and both baselines are run and scored by ctbench, against the consensus of all readers. Anatomy: the mean
Dice over structures and cases. Hemorrhage: the mean Dice of bleeds above 5 mL, the failures (a Dice below .1) among
those above 25 mL, the mean of all, and the heads without blood in which some was found.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctbench.datasets import load_dataset
from ctbench.report.tables import common_reference
from ctbench.runs import run
from reference_models.hemorrhage import LABEL

ANATOMY = ("atlas", "cai-unet", "deepnat", "deepnat-crf")
HEMORRHAGE = (
    "threshold",
    *(f"deepbleed-{edge}" for edge in (512, 128, 64, 32)),
    "cascade-unet",
    "hybrid-mask-rcnn",
)
LARGE_ML, HUGE_ML, FAILURE = 5.0, 25.0, 0.1


def scored(dataset: str, model: str, out: Path, jobs: int) -> pd.DataFrame:
    """Run a model on the test heads of a phantom, or take its run from ``out``: its rows on the common reference."""
    metrics = ["dice", "volume_ml", "reference_volume_ml"]
    scores = run(load_dataset(dataset).split("test"), model, out / dataset / model, metrics=metrics, jobs=jobs).scores
    return scores[scores["reference"] == common_reference(scores)]


def anatomy(rows: pd.DataFrame) -> dict[str, float]:
    """Sum up the Dice of all structures, and of the one that is worst."""
    dice = rows[(rows["metric"] == "dice") & rows["label"].isin(load_dataset("phantom-anatomy").labels.codes)]
    by_structure = dice.groupby("label", observed=True)["value"].mean()
    return {"dice": by_structure.mean(), "worst_structure": by_structure.min(), "structures": len(by_structure)}


def hemorrhage(rows: pd.DataFrame) -> dict[str, float]:
    """Sum up the Dice by the size of the bleed, and what was found where there is none."""
    cases = rows[rows["label"] == LABEL].pivot_table(index="case", columns="metric", values="value", observed=True)
    true, found = cases["reference_volume_ml"], cases["volume_ml"]
    dice = {least: cases["dice"][true > least] for least in (0, LARGE_ML, HUGE_ML)}
    return {
        "dice_large": dice[LARGE_ML].mean(),
        "large": len(dice[LARGE_ML]),
        "failures_huge": (dice[HUGE_ML] < FAILURE).sum(),
        "huge": len(dice[HUGE_ML]),
        "dice_all": dice[0].mean(),
        "bleeds": len(dice[0]),
        "false_alarms": (found[true == 0] > 0).sum(),
        "without": (true == 0).sum(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print both tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo-weights"))
    parser.add_argument("--jobs", type=int, default=-1)
    given = parser.parse_args(arguments)
    results = Path(__file__).parent / "results"
    for dataset, models, summed in (
        ("phantom-anatomy", ANATOMY, anatomy),
        ("phantom-hemorrhage", HEMORRHAGE, hemorrhage),
    ):
        rows = {model: summed(scored(dataset, model, given.out, given.jobs)) for model in models}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model").reset_index()
        print(table.round(3).to_string(index=False))
        kept = results / f"{dataset}.json"
        kept.write_text(table.to_json(orient="records", indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
