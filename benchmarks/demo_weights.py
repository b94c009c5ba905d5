"""Dice and detection of the demo weights on new simulated heads: ``python benchmarks/demo_weights.py``.

The heads are made for this, from a seed of their own: no weights were fitted to them, and no setting was chosen by what
came out on them. Every model and both baselines are run and scored by ctbench, against the consensus of all readers.
Anatomy: the mean Dice over structures and cases. Hemorrhage: the mean Dice of bleeds above 5 mL with its 95 % interval,
by type too, the failures (a Dice below .1) among those above 25 mL, the mean of all, the heads without blood in which
some was found, and the AUC of the study score, or of the volume drawn where a model gives no score.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report.frames.tables import common_reference
from ctbench.runs import Run, run
from ctbench.statistics import describe, detection
from reference_models.demo_weights import simulated_heads
from reference_models.hemorrhage import LABEL

ANATOMY = ("atlas", "cai-unet-demo", "deepnat-demo", "deepnat-crf-demo")
HEMORRHAGE = (
    "threshold",
    "forest-demo",
    *(f"deepbleed-{edge}-demo" for edge in (512, 128, 64, 32)),
    "cascade-unet-demo",
    "hybrid-mask-rcnn-demo",
)
HEADS = {"phantom-anatomy": 24, "phantom-hemorrhage": 72}
"""Phantom -> number of new heads; three of each type and size of hemorrhage."""

SEED = 2026
LARGE_ML, HUGE_ML, FAILURE = 5.0, 25.0, 0.1


def unseen_heads(phantom: str) -> Dataset:
    """Return the test heads."""
    return simulated_heads(phantom, "unseen", SEED, train=0, validation=0, test=HEADS[phantom])


def tested(dataset: Dataset, model: str, out: Path, jobs: int) -> tuple[pd.DataFrame, Run]:
    """Run a model on heads, or take its run from ``out``: its rows on the common reference, and the run."""
    metrics = ["dice", "volume_ml", "reference_volume_ml"]
    done = run(dataset, model, out / dataset.name / model, metrics=metrics, jobs=jobs)
    return done.scores[done.scores["reference"] == common_reference(done.scores)], done


def anatomy(dataset: Dataset, rows: pd.DataFrame, _: Run) -> dict[str, float]:
    """Sum up the Dice of all structures, and of the one that is worst."""
    dice = rows[(rows["metric"] == "dice") & rows["label"].isin(dataset.labels.codes)]
    by_structure = dice.groupby("label", observed=True)["value"].mean()
    return {"dice": by_structure.mean(), "worst_structure": by_structure.min(), "structures": len(by_structure)}


def hemorrhage(dataset: Dataset, rows: pd.DataFrame, done: Run) -> dict[str, float]:
    """Sum up the Dice by the size of the bleed, and the false positives in heads without one."""
    own = rows[rows["label"] == LABEL]
    cases = own.pivot_table(index="case", columns="metric", values="value", observed=True)
    true, found = cases["reference_volume_ml"], cases["volume_ml"]
    scores = [done.findings(case)[0] for case in cases.index]
    kind = cases.index.map({case.id: case.subgroups["type"] for case in dataset})
    dice = {least: cases["dice"][true > least] for least in (0, LARGE_ML, HUGE_ML)}
    (large,) = describe(own[own["case"].isin(dice[LARGE_ML].index) & (own["metric"] == "dice")]).to_dict("records")
    return {
        "dice_large": large["mean"],
        "low": large["low"],
        "high": large["high"],
        "large": large["n"],
        **dice[LARGE_ML].groupby(kind[true > LARGE_ML]).mean().add_prefix("large_"),
        "failures_huge": (dice[HUGE_ML] < FAILURE).sum(),
        "huge": len(dice[HUGE_ML]),
        "dice_all": dice[0].mean(),
        "bleeds": len(dice[0]),
        "false_alarms": (found[true == 0] > 0).sum(),
        "without": (true == 0).sum(),
        "auc": detection(true > 0, found if None in scores else scores).auc,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print both tables, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo-weights"))
    parser.add_argument("--jobs", type=int, default=-1)
    given = parser.parse_args(arguments)
    results = Path(__file__).parent / "results"
    for phantom, models, summed in (
        ("phantom-anatomy", ANATOMY, anatomy),
        ("phantom-hemorrhage", HEMORRHAGE, hemorrhage),
    ):
        heads = unseen_heads(phantom)
        rows = {model: summed(heads, *tested(heads, model, given.out, given.jobs)) for model in models}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model").reset_index()
        print(table.round(3).to_string(index=False))
        kept = results / f"{phantom}.json"
        kept.write_text(table.to_json(orient="records", indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
