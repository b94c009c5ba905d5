"""Tables and figures of Cai et al. 2020, U-Net for structures of head CT."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ctbench.errors import UsageError
from ctbench.metric_descriptions import REFERENCE_VOLUME, VOLUME_DIFFERENCE_ABSOLUTE
from ctbench.report.drawings.heatmaps import heat_chart
from ctbench.report.frames import tables
from ctbench.report.frames.cohort_description import cohort_description, voxel_shares
from ctbench.report.frames.cohorts import (
    PRINTED_OVERALL,
    Cohort,
    cohort_scores,
    cohort_table,
    cohorts_of,
    comparable_models,
    printed_overall,
    shared_models,
    subgroup_cohorts,
)
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.confusion import confusion_table
from ctbench.report.frames.models_vs_readers import compared_with_readers, gaps_to_readers
from ctbench.report.frames.subgroups import subgroup_columns, subgroup_table
from ctbench.report.page.cohorts import cohort_figure
from ctbench.report.page.page_figures import box_plots
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table
from ctbench.report.wording import MISSING, fixed, mean_sd, metric_title
from ctbench.statistics import OVERALL, describe

__all__ = ["PARTS"]

_DIGITS = 2
"""Of a Dice or a volume, as the paper prints them."""
_mean_sd = partial(mean_sd, digits=_DIGITS)
_COMMON = (
    "The reference is the one to which the readers contribute, as in the paper; they score higher on it than "
    "equals who did not. `ctbench report` has the fair comparison on references without the reader."
)
_OVERALL = (
    f"The row {PRINTED_OVERALL!r} is the paper's: the mean of the structures' means, and of their SDs. The row "
    f"{OVERALL!r} is ours: each case's mean over the structures that its reference holds, with the SD over cases."
)
_POSITIVES = (
    "Means and tests are over the cases whose reference holds the structure; the paper does not say its own rule."
)


def _table_2(material: Material) -> Result:
    return _against_readers(material, VOLUME_DIFFERENCE_ABSOLUTE)


def _table_3(material: Material) -> Result:
    return _against_readers(material, "dice")


def _against_readers(material: Material, metric: str) -> Result:
    """Return Table 2 or 3 for each model, with the paper's regression."""
    results = _with_readers(material, metric)
    unit = " (cm³)" if metric == VOLUME_DIFFERENCE_ABSOLUTE else ""
    made = {}
    for model in results.models:
        frame = compared_with_readers(results, model, results.common, [metric])[metric]
        gaps = gaps_to_readers(results, model, results.common, [metric])[metric]
        printed = _printed_readers(results, model, metric, frame, gaps)
        frame = frame.merge(gaps.rename(columns={"difference": "readers_minus_model"}), on="label", how="left")
        caption = (
            f"{metric_title(metric)}{unit} of {model} and the readers against "
            f"{results.common} on {results.dataset}, {len(results.cases)} cases, mean ± SD. * the reader is better "
            "than the model (P < .05, categorical linear regression)."
        )
        made[_key(results.models, model)] = Table(frame, caption, printed)
    return Result(made, notes=(_COMMON, _OVERALL, _POSITIVES))


def _printed_readers(
    results: ComparableRuns, model: str, metric: str, frame: pd.DataFrame, gaps: pd.DataFrame
) -> pd.DataFrame:
    volume = metric == VOLUME_DIFFERENCE_ABSOLUTE
    shares = gaps.set_index("label").to_dict("index")
    sizes = _reference_sizes(results, model)
    rows = []
    for label, own in frame.groupby("label", sort=False):
        first = own.iloc[0]
        row = {"Structure": str(label), f"{model} vs reference": _mean_sd(first["model_mean"], first["model_sd"])}
        for reader in own.to_dict("records"):
            mark = "*" if reader["reader_better"] else ""
            row[f"{reader['rater']} vs reference"] = _mean_sd(reader["mean"], reader["sd"]) + mark
        gap = shares[label]
        if volume:
            row["Average total volume in the reference"] = sizes.get(str(label), "NA")
        share = f" ({fixed(gap['share_percent'], digits=_DIGITS)} %)" if volume else ""
        row["Mean of readers − model"] = fixed(gap["difference"], digits=_DIGITS) + share
        rows.append(row)
    single = frame[frame["label"] != OVERALL]
    means = single.groupby("rater", sort=False)[["mean", "sd"]].mean()
    models = single.drop_duplicates("label")[["model_mean", "model_sd"]].mean()
    overall = {"Structure": PRINTED_OVERALL, f"{model} vs reference": _mean_sd(models.iloc[0], models.iloc[1])}
    overall |= {f"{name} vs reference": _mean_sd(own["mean"], own["sd"]) for name, own in means.iterrows()}
    return pd.DataFrame([*rows, overall]).fillna(MISSING)


def _reference_sizes(results: ComparableRuns, model: str) -> dict[str, str]:
    scores = results.positive_scores
    own = scores[
        (scores["rater"] == model) & (scores["reference"] == results.common) & (scores["metric"] == REFERENCE_VOLUME)
    ]
    if own.empty:
        return {}
    return {str(row["label"]): _mean_sd(row["mean"], row["sd"]) for row in describe(own, by="label").to_dict("records")}


def _matrix(counted: pd.DataFrame) -> pd.DataFrame:
    """Return the confusion as the paper draws it: a row for each structure of the reference."""
    names = list(counted["reference"].drop_duplicates())
    percent = counted.pivot_table(index="reference", columns="prediction", values="percent", sort=False)
    shown = percent.reindex(index=names, columns=names).map(lambda share: fixed(share, digits=1))
    return shown.rename_axis(index="Reference", columns=None).reset_index()


def _figure_3(material: Material) -> Result:
    results = _with_models(material)
    dataset = material.dataset(results)
    figures, made = {}, {}
    for model in results.models:
        over = results.averaged(model)
        if len(over) < 2:
            continue
        try:
            counted = confusion_table(results.open_run(model), dataset, over)
        except UsageError:
            continue
        key = _key(results.models, model)
        words = f"How {model} called the voxels of each structure of {results.common}, in percent of the structure"
        made[key] = Table(counted, f"{words}; n = {counted['cases'].iloc[0]} cases.", _matrix(counted))
        chart = heat_chart(
            counted,
            rows="reference",
            columns="prediction",
            value="percent",
            title="percent of the structure",
            digits=1,
            domain=(0.0, 100.0),
            titles=("in the reference", "called"),
        )
        figures[key] = Figure(chart, f"{words}.")
    if not made:
        msg = "needs a model of two structures or more, in a run that keeps its predictions"
        raise NotAvailableError(msg)
    return Result(
        made, figures, ("Voxels that the readers could not agree on, and slices that nobody drew, are left out.",)
    )


def _figure_5(material: Material) -> Result:
    results = _with_readers(material, "dice")
    figures = {}
    for model in results.models:
        compared = compared_with_readers(results, model, results.common, ["dice"])["dice"]
        drawn = box_plots(results, compared, model, results.common)
        figures[_key(results.models, model)] = Figure(
            drawn.chart, f"{drawn.description}; * the reader is better, † the model is better (P < .05)."
        )
    return Result(
        {}, figures, (_COMMON, "Panels A to H are pictures of slices: `ctbench report` shows those of any case.")
    )


def _table_4(material: Material) -> Result:
    cohorts = _cohorts(material)
    made = {}
    for model in _models_of(cohorts):
        _, frame = _compared(cohorts, model)
        names = [f"{one.name}: {one.size} cases against {one.results.common}" for one in cohorts]
        caption = (
            f"Dice of {model}, mean ± SD; {'; '.join(names)}. * higher (P < .05, categorical linear regression, the "
            "paper's test); § higher by Welch's test (P < .05)."
        )
        made[_key(shared_models(cohorts), model)] = Table(frame, caption, _printed_cohorts(frame, cohorts))
    welch = "The paper pools the variances of the two cohorts; Welch's test does not, and stands beside it."
    absent = (
        "A structure that nobody can identify in a case (not_assessed) is in neither mean nor test; the paper leaves "
        "it out of the test, and what its printed mean counts is not said."
    )
    return Result(made, notes=(welch, absent, _OVERALL))


def _printed_cohorts(frame: pd.DataFrame, cohorts: tuple[Cohort, ...]) -> pd.DataFrame:
    better = {(row["label"], row["better_regression"]): "*" for row in frame.to_dict("records")}
    welch = {(row["label"], row["better"]): "§" for row in frame.to_dict("records")}
    rows: dict[str, dict[str, str]] = {}
    for row in [*frame.to_dict("records"), *printed_overall(frame).to_dict("records")]:
        place = (row["label"], row["cohort"])
        cell = _mean_sd(row["mean"], row["sd"]) + better.get(place, "") + welch.get(place, "")
        rows.setdefault(str(row["label"]), {})[str(row["cohort"])] = cell
    heads = [one.name for one in cohorts]
    return pd.DataFrame(
        [{"Structure": label} | {name: own.get(name, MISSING) for name in heads} for label, own in rows.items()]
    )


def _figure_6(material: Material) -> Result:
    cohorts = _cohorts(material)
    figures = {}
    for model in _models_of(cohorts):
        drawn = cohort_figure(*_compared(cohorts, model), model)
        figures[_key(shared_models(cohorts), model)] = Figure(drawn.chart, f"{drawn.description}.")
    return Result(
        {}, figures, ("The pictures at the top of the figure are slices: `ctbench report` shows those of any case.",)
    )


def _table_e1(material: Material) -> Result:
    made, notes = {}, []
    for results in material.results:
        if results.dataset not in material.datasets:
            notes.append(f"{results.dataset} is not described: name its YAML file with --catalog FILE.")
            continue
        cases = tuple(material.dataset(results).select(results.cases))
        name = next(one.name for one in cohorts_of(material.results) if one.results is results)
        key = "" if len(material.results) == 1 else name
        made[key] = Table(cohort_description(cases), f"The {len(cases)} cases of {name}.")
        made["-".join(filter(None, (key, "voxels")))] = Table(
            voxel_shares(results, cases), f"Share of the voxels by class in {results.common} of {name}, in percent."
        )
    if not made:
        raise NotAvailableError(" ".join(notes))
    notes.append(
        "A fact that neither the files' headers nor the case table state is left out, with the number of cases."
    )
    return Result(made, notes=notes)


def _appendix_e1(material: Material) -> Result:
    results = _with_models(material)
    dataset = material.dataset(results)
    made = {}
    for column in subgroup_columns(subgroup_table(dataset, results.cases)):
        cohorts = subgroup_cohorts(results, dataset, column)
        frames = [_compared(cohorts, model)[1].assign(model=model) for model in results.models]
        whole = pd.concat(frames, ignore_index=True)
        printed = [
            {
                "Model": row["model"],
                "Structure": row["label"],
                column: row["cohort"],
                "n": str(row["n"]),
                "Dice": _mean_sd(row["mean"], row["sd"]),
            }
            for row in whole.to_dict("records")
        ]
        made[f"by-{column}"] = Table(whole, f"Dice by {column} on {results.dataset}, mean ± SD.", pd.DataFrame(printed))
    if not made:
        msg = "needs a column of the case table (such as manufacturer) that splits the cases into 2 to 8 groups"
        raise NotAvailableError(msg)
    return Result(made, notes=("The paper trains anew on one manufacturer: `ctbench train --only manufacturer=NAME`.",))


def _table_e2(material: Material) -> Result:
    results = _with_models(material)
    scores = results.positive_scores
    frames = []
    for model in results.models:
        own = scores[(scores["rater"] == model) & (scores["reference"] == results.common)]
        own = tables.with_overall(own, results.compared(model), results.averaged(model), "dice")
        frames.append(describe(own, by=("label", "rater")))
    frame = pd.concat(frames, ignore_index=True)
    rows: dict[str, dict[str, str]] = {}
    for row in frame.to_dict("records"):
        rows.setdefault(str(row["label"]), {})[str(row["rater"])] = _mean_sd(row["mean"], row["sd"])
    printed = pd.DataFrame([{"Structure": label} | own for label, own in rows.items()]).fillna(MISSING)
    caption = f"Dice of every model against {results.common} on {results.dataset}, mean ± SD over cases."
    note = "The paper's are on its validation split (`ctbench run --split validation`); Figure 2c has them as bars."
    return Result({"": Table(frame, caption, printed)}, notes=(note,))


def _curves(_: Material) -> Result:
    msg = "needs a training, not runs: `ctbench train` writes curves.csv and curves.svg, by structure"
    raise NotAvailableError(msg)


def _with_models(material: Material) -> ComparableRuns:
    results = material.one()
    if not results.models or "dice" not in results.metrics:
        msg = f"needs runs of models with the metric dice; the runs on {results.dataset} have none"
        raise NotAvailableError(msg)
    return results


def _with_readers(material: Material, metric: str) -> ComparableRuns:
    """Return the only group of runs with readers and models, and the metric."""
    able = [one for one in material.results if one.readers and one.models and metric in one.metrics]
    if len(able) != 1:
        names = "; ".join(f"{one.dataset}, {one.title}" for one in able) or "none"
        msg = f"needs runs of models and of the readers on one dataset, with the metric {metric}; such runs: {names}"
        raise NotAvailableError(msg)
    return able[0]


def _cohorts(material: Material) -> tuple[Cohort, ...]:
    cohorts = cohorts_of(material.results)
    if len(cohorts) < 2:
        msg = f"needs runs of one model on two datasets or splits, got {cohorts[0].name}"
        raise NotAvailableError(msg)
    if not all("dice" in one.results.metrics for one in cohorts):
        msg = "needs the metric dice on every cohort"
        raise NotAvailableError(msg)
    return cohorts


def _compared(cohorts: tuple[Cohort, ...], model: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of a model on cohorts, and the table that compares them."""
    try:
        scores = cohort_scores(cohorts, model, "dice")
        return scores, cohort_table(scores, baseline=cohorts[0].name)
    except UsageError as error:
        raise NotAvailableError(str(error)) from error


def _models_of(cohorts: tuple[Cohort, ...]) -> tuple[str, ...]:
    able = comparable_models(cohorts)
    if not able:
        msg = f"needs one model on all of {'; '.join(one.name for one in cohorts)}"
        raise NotAvailableError(msg)
    return able


def _key(models: tuple[str, ...], model: str) -> str:
    return "" if len(models) == 1 else model


PARTS: tuple[Part, ...] = (
    Part("figure-2", "Figures 2 and 4A: training and validation curves", _curves),
    Part("figure-3", "Figure 3: confusion matrices", _figure_3),
    Part("table-2", "Table 2: absolute differences of volumes", _table_2),
    Part("table-3", "Table 3: Dice of model and observers", _table_3),
    Part("figure-5", "Figure 5: box plots of Dice of model and observers", _figure_5),
    Part("table-4", "Table 4: one model on two cohorts", _table_4),
    Part("figure-6", "Figure 6: box plots of one model on two cohorts", _figure_6),
    Part("table-e1", "Table E1: description of the cohorts", _table_e1),
    Part("table-e2", "Table E2: Dice of all configurations", _table_e2),
    Part("appendix-e1", "Appendix E1: results by subgroup (manufacturer)", _appendix_e1),
)
