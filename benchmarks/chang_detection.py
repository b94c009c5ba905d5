"""Detection and quantification as in Chang et al. 2018, on simulated heads: ``python benchmarks/chang_detection.py``.

Prints the paper's Table 2 (by size class and by type of the hemorrhage that a study has first, as if half of the
studies were positive), the Dice and the volumes by type, and the volume that ABC/2 gives of the intraparenchymal
hemorrhages. The figures that the paper printed for its own test cohort stand beside each.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from demo_weights import unseen_heads

from ctbench.datasets import Case, Dataset, load_dataset, published
from ctbench.metrics import score
from ctbench.reference import Reference
from ctbench.references import common_reference
from ctbench.statistics import detection_table, volume_agreement
from reference_models.hemorrhage import LABEL, hemorrhage_codes
from reference_models.hybrid_mask_rcnn.predictor import ChangPredictor, hybrid_mask_rcnn

SIZES, TYPES = ("large", "medium", "small"), ("iph", "ivh", "edh_sdh", "sah")
SHARES = {
    "balanced_accuracy": "accuracy",
    "auc": "auc",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "balanced_ppv": "ppv",
    "balanced_npv": "npv",
}
"""Column of ours -> metric of the paper's table."""


def measured(case: Case, reference: Reference, predictor: ChangPredictor, dataset: Dataset) -> dict[str, Any]:
    """Predict one study and return its score, volumes, and Dice as one class and by type."""
    image = case.image()
    prediction = predictor.predict(image)
    codes = predictor.info.labels
    moved = np.zeros_like(reference.labels)
    for name, code in codes.items():
        moved[prediction.labels == code] = dataset.labels[name]
    rows = score(
        reference,
        moved,
        spacing_mm=image.spacing_mm,
        labels={LABEL: hemorrhage_codes(dataset.labels), **dataset.labels.codes},
        metrics=["dice", "volume_ml", "reference_volume_ml", "reference_abc2_ml"],
    )
    values = {(row.label, row.metric): row.value for row in rows.itertuples()}
    first = case.subgroups["type"]
    found = first != "normal"
    return {
        "case": case.id,
        "truth": values[LABEL, "reference_volume_ml"] > 0,
        "score": prediction.score,
        "boxes": len(prediction.findings),
        "type": first if found else None,
        "size": case.subgroups["size_class"] if found else None,
        "dice": values[LABEL, "dice"],
        "volume_ml": values[LABEL, "volume_ml"],
        "reference_ml": values[LABEL, "reference_volume_ml"],
        **{f"{name}_dice": values[name, "dice"] for name in TYPES},
        "iph_ml": values["iph", "volume_ml"],
        "iph_reference_ml": values["iph", "reference_volume_ml"],
        "iph_abc2_ml": values["iph", "reference_abc2_ml"],
    }


def table_2(studies: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of Table 2 with the paper's figure, from 0 to 1, beside each of ours."""
    positive = studies["truth"]
    pairs = [("all", "all"), *(("all", size) for size in SIZES)]
    pairs += [(kind, size) for kind in TYPES for size in ("all", *SIZES)]
    paper = _printed()
    rows = []
    for kind, size in pairs:
        chosen = positive & (studies["type"].eq(kind) | (kind == "all")) & (studies["size"].eq(size) | (size == "all"))
        if not chosen.any():
            continue
        own = studies[chosen | ~positive]
        stratum = f"{kind}, {size}"
        (row,) = detection_table(own.assign(stratum=np.where(own["truth"], stratum, None)), by="stratum").to_dict(
            "records"
        )
        shares = {
            name + ending: value
            for ours, name in SHARES.items()
            for ending, value in (("", row[ours]), ("_paper", paper.get((kind, size, name), math.nan)))
        }
        rows.append({"type": kind, "size": size, "positive": row["positive"], **shares})
    return pd.DataFrame(rows)


def _printed() -> dict[tuple[str, str, str], float]:
    rows = published("chang2018")
    rows = rows[(rows["table"] == "Table 2") & (rows["subset"] == "test")]
    kinds, metrics = rows["label"].replace({LABEL: "all"}), rows["metric"].str.removeprefix("detection_")
    return dict(zip(zip(kinds, rows["size"], metrics, strict=True), rows["value"], strict=True))


def quantified(studies: pd.DataFrame) -> pd.DataFrame:
    """Return Dice and volumes by type of the study, then those of the intraparenchymal hemorrhages alone, and ABC/2."""
    rows = []
    for kind in ("all", *TYPES):
        own = studies[studies["truth"] & (studies["type"].eq(kind) | (kind == "all"))]
        agreement = volume_agreement(own["reference_ml"], own["volume_ml"])
        typed = math.nan if kind == "all" else own[f"{kind}_dice"].mean()
        rows.append(_agreement(f"studies with {kind}", agreement, own["dice"].mean(), typed))
    iph = studies[studies["iph_reference_ml"] > 0]
    for name, column in (("iph, typed", "iph_ml"), ("iph, ABC/2 of the reference", "iph_abc2_ml")):
        rows.append(_agreement(name, volume_agreement(iph["iph_reference_ml"], iph[column]), math.nan, math.nan))
    return pd.DataFrame(rows)


def _agreement(name: str, found: Any, dice: float, typed: float) -> dict[str, Any]:
    return {
        "what": name,
        "n": found.n,
        "dice": dice,
        "typed_dice": typed,
        "volume_r": found.pearson_r,
        "mean_relative_difference": found.mean_relative_difference,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict a split, print the tables, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dataset", help="default: the heads of benchmarks/demo_weights.py, which were not used to choose anything"
    )
    parser.add_argument("--split", default="test")
    parser.add_argument("--weights", help="default: those that come with the package")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    dataset = load_dataset(given.dataset) if given.dataset else unseen_heads("phantom-hemorrhage")
    predictor = hybrid_mask_rcnn(weights=given.weights, device=given.device, types=True)
    studies = pd.DataFrame(
        [measured(case, common_reference(case), predictor, dataset) for case in dataset.split(given.split)]
    )
    tables = {"studies": studies, "table_2": table_2(studies), "quantified": quantified(studies)}
    for name, table in tables.items():
        print(f"\n{name}\n{table.round(3).to_string(index=False)}")
    results = Path(__file__).parent / "results" / "chang-detection.json"
    content = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
    results.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
