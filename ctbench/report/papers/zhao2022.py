"""Tables and figures of Zhao et al. 2022, cascade U-Net for hemorrhage."""

from __future__ import annotations

import pandas as pd

from ctbench.report.drawings.picture_grid import error_tiles, picture_grid
from ctbench.report.frames.bleed_scores import bleed_dice, case_dice
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.papers.hemorrhage import expect_model_of_bleed
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table
from ctbench.report.wording import fixed, metric_heading
from ctbench.statistics import Population, describe

__all__ = ["PARTS"]

_METRICS = ("dice", "hd", "rvd_absolute", "nsd")
"""As in the columns of Table 1: DSC, HD, RVD, NSD."""

_CONVENTIONS: dict[Population, str] = {
    "full-marks": "all cases, an empty structure that is rightly left out counts as Dice 1 (INSTANCE)",
    "positives": "cases whose reference holds hemorrhage (ctbench)",
}


def _table_1(material: Material) -> Result:
    results = material.one()
    label, scored = expect_model_of_bleed(results), [name for name in _METRICS if name in results.metrics]
    if "dice" not in scored:
        msg = f"needs the metric dice; the runs on {results.dataset} have {', '.join(results.metrics)}"
        raise NotAvailableError(msg)
    rows = results.scores[
        (results.scores["reference"] == results.common)
        & (results.scores["label"] == label)
        & results.scores["rater"].isin(results.models)
        & results.scores["metric"].isin(scored)
    ]
    frame = pd.concat(
        [describe(rows, by="rater", population=population).assign(population=population) for population in _CONVENTIONS]
    )
    frame = frame[["population", "rater", "metric", "unit", "n", "mean", "sd", "low", "high", "failed"]]
    means = {
        (row["population"], row["rater"], row["metric"]): (row["mean"], row["unit"], row["n"])
        for row in frame.to_dict("records")
    }
    lines = []
    for population, said in _CONVENTIONS.items():
        for model in results.models:
            own = {name: means[population, model, name] for name in scored}
            cells = {metric_heading(name, unit): fixed(mean, unit) for name, (mean, unit, _) in own.items()}
            lines.append({"Model": model, **cells, "n": own["dice"][2], "Cases": said})
    notes = [
        f"NSD at a tolerance of {_tolerance(results)}; INSTANCE's is 0.42 mm, the pixel of its scans.",
        "The paper prints no tolerance, and does not say that its RVD is an absolute one, nor how empty cases count.",
    ]
    lacking = [name for name in _METRICS if name not in scored]
    if lacking:
        notes.append(f"Not scored in these runs: {', '.join(lacking)}.")
    caption = f"Mean over cases of {label} on {results.dataset}, against {results.common}."
    return Result({"": Table(frame, caption, pd.DataFrame(lines))}, notes=notes)


def _tolerance(results: ComparableRuns) -> str:
    stated = results.manifest.tolerance_mm
    if isinstance(stated, dict):
        return ", ".join(f"{own:g} mm ({name})" for name, own in stated.items())
    return f"{stated:g} mm"


def _figure_3(material: Material) -> Result:
    results = material.one()
    label, dataset = expect_model_of_bleed(results), material.dataset(results)
    rows, dice, tiles = bleed_dice(results, label), case_dice(results, label), []
    for model in results.models:
        own = rows.loc[rows["rater"] == model].dropna(subset="value").sort_values(["value", "case"])["case"].astype(str)
        chosen = dict.fromkeys([own.iloc[-1], own.iloc[0]]) if len(own) else {}
        tiles += [tile for case in chosen for tile in error_tiles(results, dataset[case], [model], label, dice)]
    if not tiles:
        msg = "needs predictions of cases with hemorrhage, which the runs do not hold"
        raise NotAvailableError(msg)
    described = (
        f"{label}: the case of highest and of lowest Dice of each model. Green: true positive; red: false positive; "
        "blue: false negative; grey hatches do not count"
    )
    notes = ["The paper shows prediction and truth in red, side by side, in two cases of its choice."]
    return Result(figures={"": Figure(picture_grid(tiles, columns=2), described)}, notes=notes)


PARTS: tuple[Part, ...] = (
    Part("table-1", "Table 1: model evaluation", _table_1),
    Part("figure-3", "Figure 3: segmentations that are close and that are not", _figure_3),
)
