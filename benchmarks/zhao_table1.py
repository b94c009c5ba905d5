"""Table 1 of Zhao et al. 2022 on the phantom: ``python benchmarks/zhao_table1.py --epochs 16 --folds 3``.

Asks what the paper asked: do three windows help, another loss, a second stage, an ensemble? The networks have demo
size. Each model learns from the splits train and validation in folds, over which the types of hemorrhage are spread,
and is scored by ctbench on those cases of the split test that have a hemorrhage, as all of the paper's have. A row is
the mean of the scores of a model's folds; "Ensemble" is the mean of the three models that predicted their held-out
cases best, each the mean of its folds. The paper does not say what "Baseline + BCE" is, since its loss has the
cross-entropy already: it is read as the cross-entropy once more, with the weight 2. The model without its second stage
was trained by the authors too, and has no row in their table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Case, Dataset, load_dataset
from ctbench.predictors import Predictor
from ctbench.predictors.folds import best_weights
from ctbench.report.frames.tables import common_reference
from ctbench.runs import cross_validate, run
from reference_models.cascade_unet import MODEL
from reference_models.cascade_unet.predictor import cascade_unet, cascade_unet_ensemble
from reference_models.hemorrhage import LABEL

MODELS: Mapping[str, Mapping[str, Any]] = {
    "Baseline": {},
    "Baseline (1 channel input)": {"windows_hu": None},
    "Baseline + BCE": {"bce_weight": 2.0},
    "Stage 1 alone": {"stages": 1},
}
COLUMNS = {"dice": "DSC", "hd": "HD", "rvd_absolute": "RVD", "nsd": "NSD"}
"""The paper's RVD has no sign: the smallest is the best."""
BEST = 3


def scored(name: str, predictor: Predictor, dataset: Dataset, out: Path) -> dict[str, object]:
    """Return the mean scores of a predictor on the test cases with hemorrhage, and the number of cases."""
    bleeding = [case.id for case in dataset.split("test") if case.subgroups["type"] != "normal"]
    scores = run(dataset.select(bleeding), predictor, out, metrics=list(COLUMNS), jobs=1).scores
    rows = scores[(scores["reference"] == common_reference(scores)) & (scores["label"] == LABEL)]
    means = rows.groupby("metric")["value"].agg(["mean", "count"])
    return {
        "model": name,
        **{title: float(means.loc[metric, "mean"]) for metric, title in COLUMNS.items()},
        "cases": int(means.loc["dice", "count"]),
    }


def table(dataset: Dataset, out: Path, options: Mapping[str, Any], folds: int, device: str) -> pd.DataFrame:
    """Train all models, or resume their trainings, and score them."""
    seen = dataset.select(case.id for case in dataset if case.split != "test")
    rows = []
    for name, more in MODELS.items():
        folder = out / _slug(name)
        _cross_validate(seen, folder, {**options, **more}, folds, device)
        each = [
            scored(name, cascade_unet(weights=file, device=device), dataset, out / "runs" / f"{_slug(name)}-{number}")
            for number, file in enumerate(best_weights(folder), 1)
        ]
        means = pd.DataFrame(each)[[*COLUMNS.values(), "cases"]].mean()
        rows.append({"model": name, **means.to_dict()})
    folders = [str(out / _slug(name)) for name in MODELS]
    ensemble = cascade_unet_ensemble(weights=folders, best=BEST, device=device)
    return pd.DataFrame([*rows, scored("Ensemble", ensemble, dataset, out / "runs" / "ensemble")])


def _cross_validate(seen: Dataset, folder: Path, options: Mapping[str, Any], folds: int, device: str) -> None:
    def learn(training: Sequence[Case], validation: Sequence[Case], out: Path) -> Path:
        return MODEL.train(seen, training, validation, out, preset="demo", device=device, resume=True, options=options)

    cross_validate(
        MODEL.name,
        learn,
        seen,
        seen.cases,
        folder,
        folds=folds,
        options={"device": device},
        consensus="majority",
        jobs=1,
        seed=0,
        stratum={case.id: case.subgroups["type"] for case in seen},
    )


def _slug(name: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=16, help="epochs of 20 steps for each training")
    parser.add_argument("--folds", type=int, default=3, help="folds of each of the four models")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("trained/zhao-table1"))
    given = parser.parse_args(arguments)
    options = {"epochs": given.epochs, "steps": 20}
    made = table(load_dataset("phantom-hemorrhage"), given.out, options, given.folds, given.device)
    print(made.round(4).to_string(index=False))
    results = Path(__file__).parent / "results" / "zhao_table1.json"
    results.write_text(
        made.assign(epochs=given.epochs, folds=given.folds).to_json(orient="records", indent=1) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
