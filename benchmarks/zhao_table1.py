"""The four rows of Zhao et al. 2022, Table 1, on the phantom: ``python benchmarks/zhao_table1.py --minutes 5``.

Asks what the paper asked: do three windows help, another loss, an ensemble? The networks have demo size. They learn
from the splits train and validation in five folds, and are scored by ctbench on those cases of the split test that have
a hemorrhage, as all of the paper's have. "Baseline" is the model of the first fold; the two variants learn from the
same cases; "Ensemble" is the mean of the three folds that predicted their held-out cases best. The paper does not say
what "Baseline + BCE" is, since its loss has the cross-entropy already: it is read as the cross-entropy once more, with
the weight 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Case, Dataset, load_dataset
from ctbench.predictors import Predictor
from ctbench.report.frames.tables import common_reference
from ctbench.runs import cross_validate, run
from reference_models.cascade_unet import MODEL
from reference_models.cascade_unet.predictor import cascade_unet, cascade_unet_ensemble
from reference_models.hemorrhage import LABEL

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "Baseline (1 channel input)": {"windows_hu": None},
    "Baseline + BCE": {"bce_weight": 2.0},
}
COLUMNS = {"dice": "DSC", "hd": "HD", "rvd_absolute": "RVD", "nsd": "NSD"}
"""The paper's RVD has no sign: the smallest is the best."""
FOLDS, BEST = 5, 3


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


def table(dataset: Dataset, out: Path, options: Mapping[str, Any], device: str) -> pd.DataFrame:
    """Train all models, or resume their trainings, and score them."""
    seen = dataset.select(case.id for case in dataset if case.split != "test")
    splits: list[tuple[Sequence[Case], Sequence[Case]]] = []

    def learn(training: Sequence[Case], validation: Sequence[Case], folder: Path, **more: Any) -> Path:
        splits.append((training, validation))
        settings = {"preset": "demo", "device": device, "resume": True, "options": {**options, **more}}
        return MODEL.train(seen, training, validation, folder, **settings)

    folder = out / "folds"
    cross_validate(
        MODEL.name,
        learn,
        seen,
        seen.cases,
        folder,
        folds=FOLDS,
        options={"device": device},
        consensus="majority",
        jobs=1,
    )
    models: dict[str, Predictor] = {
        "Baseline": cascade_unet(weights=str(folder / "fold-1" / "weights.safetensors"), device=device)
    }
    for name, more in VARIANTS.items():
        weights = learn(*splits[0], out / _slug(name), **more)
        models[name] = cascade_unet(weights=str(weights), device=device)
    models["Ensemble"] = cascade_unet_ensemble(weights=str(folder), best=BEST, device=device)
    return pd.DataFrame([scored(name, model, dataset, out / "runs" / _slug(name)) for name, model in models.items()])


def _slug(name: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes for each of the seven trainings")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("trained/zhao-table1"))
    given = parser.parse_args(arguments)
    options = {"minutes": given.minutes, "epochs": 1000, "steps": 20}  # the rate falls with the minutes
    made = table(load_dataset("phantom-hemorrhage"), given.out, options, given.device)
    print(made.round(4).to_string(index=False))
    results = Path(__file__).parent / "results" / "zhao_table1.json"
    results.write_text(
        pd.concat([made], keys=[given.minutes], names=["minutes"])
        .reset_index("minutes")
        .to_json(orient="records", indent=1)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
