"""Ablation of DeepNAT's parts (Figure 4), at demo size on the phantom: ``python benchmarks/deepnat_figure4.py``.

The variants are those of Figure 4 of Wachinger et al. 2018 (coordinates, one step or two, number of tasks) and of its
text (learning rate, batch size, AdaGrad, jitter, random field). Each is trained on the training split, and its run on
the test split is kept; the figure is then that of ``ctbench paper wachinger2018``, in ``OUT/paper``. ``--option`` makes
the training smaller: equal epochs and blocks are equal work for all variants, whereas equal minutes depend on what else
the machine does. The training folders hold the accuracy of every task and the filters of the first layer.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Dataset, load_dataset
from ctbench.report.papers import PAPERS, write_paper
from ctbench.report.papers.part import Material
from ctbench.runs import Execution, Run, RunRequest, carry_out
from ctbench.statistics import populated
from reference_models.deepnat import MODEL
from reference_models.deepnat.presets import deepnat_plan

DEMO = deepnat_plan("demo", 11, {})
FIGURE_4: dict[str, dict[str, Any]] = {
    "deepnat": {},
    "no coordinates": {"coordinates": "none"},
    "cartesian": {"coordinates": "cartesian"},
    "spectral": {"coordinates": "spectral"},
    "one step": {"hierarchical": False},
    "1 task": {"tasks": 1},
    "27 tasks": {"tasks": 27},
}
"""Name -> what differs from the demo."""
VARIANTS: dict[str, dict[str, Any]] = {
    **FIGURE_4,
    "half the learning rate": {"learning_rate": DEMO.schedule.learning_rate / 2},
    "a quarter of the batch": {"batch_size": DEMO.batch_size // 4},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "adagrad": {"optimizer": "adagrad"},
    "jitter": {"jitter": 0.05},
}
"""The same with those of the text: the paper's 0.005 is half of its rate, its 512 a quarter of its batch."""
METRICS = ("dice", "reference_volume_ml")
RESULTS = Path(__file__).parent / "results" / "deepnat_figure4.json"


def trained(name: str, dataset: Dataset, out: Path, options: dict[str, Any]) -> Path:
    """Train a variant, or resume its training."""
    cases = dataset.split("train").cases, dataset.split("validation").cases
    folder = out / name.replace(" ", "-")
    return MODEL.train(
        dataset, *cases, folder, preset="demo", device="cpu", resume=True, options={**options, **VARIANTS[name]}
    )


def scored(spec: str, name: str, dataset: Dataset, weights: Path, out: Path) -> Run:
    """Run a trained variant on the test split."""
    request = RunRequest(
        dataset, spec, options={"weights": str(weights), "device": "cpu"}, split="test", metrics=METRICS
    )
    return carry_out(request, out / "runs" / name.replace(" ", "-"), Execution(jobs=1))


def row_of(name: str, run: Run, labels: Sequence[str]) -> dict[str, Any]:
    """Return the median and mean Dice over all structures of all cases."""
    dice = populated(run.scores)
    values = dice.loc[(dice["metric"] == "dice") & dice["label"].isin(list(labels)), ["reference", "value"]]
    values = values[~values["reference"].str.contains("-without-")]["value"].dropna()
    return {"variant": name, "n": len(values), "median_dice": values.median(), "mean_dice": values.mean()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, print the table, and write it with the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", help=f"of {', '.join(VARIANTS)}; default: all")
    parser.add_argument(
        "--option", "-o", action="append", default=[], metavar="KEY=VALUE", help="JSON; e.g. minutes=10"
    )
    parser.add_argument("--out", type=Path, default=Path("trained/deepnat-figure4"))
    given = parser.parse_args(arguments)
    if unknown := set(given.variants) - set(VARIANTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(VARIANTS)}")
    options = {key: json.loads(value) for key, _, value in (text.partition("=") for text in given.option)}
    dataset = load_dataset("phantom-anatomy")
    rows, runs = [], []
    for name in given.variants or VARIANTS:
        weights = trained(name, dataset, given.out, options)
        specs = {name: "deepnat", **({"with the random field": "deepnat-crf"} if name == "deepnat" else {})}
        for called, spec in specs.items():
            run = scored(spec, called, dataset, weights, given.out)
            runs += [run] if called in FIGURE_4 else []
            rows.append(row_of(called, run, list(dataset.labels)))
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1), flush=True)
    (figure,) = (part for part in PAPERS["wachinger2018"] if part.name == "figure-4")
    made = write_paper("Figure 4", [figure], Material.of(runs, {}), given.out / "paper")
    print(made.to_string(index=False))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"options": options, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
