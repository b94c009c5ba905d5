"""Tables and figures of Wachinger et al. 2018, DeepNAT (doi 10.1016/j.neuroimage.2017.02.035)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import pandas as pd

from ctbench.metric_descriptions import DICE
from ctbench.report.drawings.colours import rater_colours
from ctbench.report.drawings.pooled_charts import bar_figure, box_row_figure, picture_figure
from ctbench.report.drawings.structure_charts import box_chart
from ctbench.report.frames.boxplots import box_table
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.deepnat_layers import Settings, architecture, parameters, settings_of, variant
from ctbench.report.frames.pooled import BY_CASE, POOLED, can_pool, pooled, pooled_labels, pooled_scores, usual_baseline
from ctbench.report.papers import wachinger2018_pictures as pictures
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table
from ctbench.report.wording import fixed, p_value
from ctbench.statistics import paired_tests

__all__ = ["PARTS"]

_BOX = (
    "The line is the median, the box reaches from the 25th to the 75th percentile, the whiskers to the most extreme "
    "values within 1.5 times that range; crosses are outliers."
)
_INDEPENDENCE = (
    "The paper tests, and takes the standard error, over structures x subjects as if they were independent; the rows "
    "over subjects use each subject's mean over the structures."
)


def _pooled_group(material: Material, number: int) -> ComparableRuns:
    """Return the runs of the paper's first (20/10) or second (15/15) division of the scans."""
    groups = [results for results in material.results if can_pool(results)]
    if len(groups) > number:
        return groups[number]
    if number:
        msg = (
            "needs a second group of runs, of models trained on another division of the cases and scored on its test "
            f"cases, got {len(groups)}"
        )
        raise NotAvailableError(msg)
    msg = "needs runs of two models or more with Dice of the same two structures or more"
    raise NotAvailableError(msg)


def _boxes(number: int) -> Callable[[Material], Result]:
    def make(material: Material) -> Result:
        results = _pooled_group(material, number)
        scores = pooled_scores(results)
        table = _pooled_table(results, scores)
        boxes = box_table(scores, by=("rater",))
        description = f"Dice of all structures of all subjects by method. {_BOX}"
        return Result(
            {"": table},
            {"": Figure(box_row_figure(boxes, DICE, results.unit(DICE)), description)},
            [_INDEPENDENCE],
        )

    return make


def _bars(number: int) -> Callable[[Material], Result]:
    def make(material: Material) -> Result:
        results = _pooled_group(material, number)
        scores = pooled_scores(results)
        frame = pooled(scores, baseline=usual_baseline(scores), labels=pooled_labels(results))
        frame = frame[["unit", "rater", "n", "mean", "se"]]
        printed = pd.DataFrame(
            {
                "Method": frame["rater"],
                "Sample": frame["unit"],
                "n": frame["n"],
                "Mean Dice ± SE": [
                    f"{fixed(mean)} ± {fixed(se)}" for mean, se in zip(frame["mean"], frame["se"], strict=True)
                ],
            }
        )
        own = frame[frame["unit"] == POOLED]
        description = "Mean Dice over all structures of all subjects; lines show the standard error."
        return Result(
            {"": Table(frame, _caption(results, "Mean Dice and standard error"), printed)},
            {"": Figure(bar_figure(own, DICE, results.unit(DICE)), description)},
            [_INDEPENDENCE],
        )

    return make


def _pooled_table(results: ComparableRuns, scores: pd.DataFrame) -> Table:
    baseline = usual_baseline(scores)
    frame = pooled(scores, baseline=baseline, labels=pooled_labels(results))
    return Table(frame, _caption(results, "Median Dice"), _medians(frame, baseline))


def _medians(frame: pd.DataFrame, baseline: str) -> pd.DataFrame:
    by_unit = {unit: frame[frame["unit"] == unit].set_index("rater") for unit in (POOLED, BY_CASE)}
    names = list(by_unit[POOLED].index)
    best = by_unit[POOLED]["median"].max()
    columns: dict[str, Sequence[str]] = {
        "Method": names,
        "Median Dice": [f"{fixed(value)}{' (best)' if value == best else ''}" for value in by_unit[POOLED]["median"]],
    }
    for unit, title in ((POOLED, "structures x subjects"), (BY_CASE, "subjects")):
        columns[f"p against {baseline}, {title}"] = [p_value(by_unit[unit].loc[name, "p"]) for name in names]
    return pd.DataFrame(columns)


def _caption(results: ComparableRuns, what: str) -> str:
    return (
        f"{what} over {len(pooled_labels(results))} structures of {len(results.cases)} subjects of {results.dataset}, "
        f"against the reference {results.common}; Wilcoxon signed-rank tests, two-sided, not adjusted."
    )


def _figure_4(material: Material) -> Result:
    """Draw the variants of DeepNAT, each of which differs in one thing."""
    found: dict[str, str] = {}
    for results in material.results:
        named = {name: variant(results, name) for name in results.models}
        found = {kind: name for name, kind in named.items() if kind}
        if len(found) > 1 and "DeepNAT" in found and can_pool(results):
            break
    else:
        msg = (
            "needs runs of deepnat as in the paper (7 tasks, both kinds of coordinates, two steps) and of variants: "
            "train them with -o coordinates=none, cartesian or spectral, -o hierarchical=false, -o tasks=1 or 27"
            f"; got {', '.join(found) or 'none'}"
        )
        raise NotAvailableError(msg)
    models = list(found.values())
    scores = pooled_scores(results, models=models)
    scores["rater"] = scores["rater"].map({name: kind for kind, name in found.items()})
    order = [kind for kind in _FIGURE_4 if kind in found]
    frame = pooled(scores, baseline="DeepNAT", labels=pooled_labels(results))
    places = {name: place for place, name in enumerate((POOLED, BY_CASE, *order))}
    frame = frame.sort_values(["unit", "rater"], key=lambda names: names.map(places), kind="stable")
    boxes = box_table(scores, by=("rater",)).set_index("rater").loc[order].reset_index()
    lacking = [kind for kind in _FIGURE_4 if kind not in found]
    notes = [_INDEPENDENCE, *([f"Without runs of: {', '.join(lacking)}."] if lacking else [])]
    return Result(
        {"": Table(frame, _caption(results, "Median Dice of variants"), _medians(frame, "DeepNAT"))},
        {"": Figure(box_row_figure(boxes, DICE, results.unit(DICE)), f"Dice by configuration of DeepNAT. {_BOX}")},
        notes,
    )


_FIGURE_4 = ("no coordinates", "Cartesian only", "spectral only", "one step", "1 task", "27 tasks", "DeepNAT")


def _figure_7(material: Material) -> Result:
    """Draw each structure by itself, with a test of each method against the first."""
    results = _pooled_group(material, 0)
    scores = pooled_scores(results)
    baseline = usual_baseline(scores)
    tests = paired_tests(scores, baseline=baseline)
    medians = box_table(scores, by=("label", "rater"))
    names = [baseline, *(name for name in scores["rater"].unique() if name != baseline)]
    marks = {(row["label"], row["rater"]): _mark(row["better"], row["rater"]) for row in tests.to_dict("records")}
    boxes = medians.assign(mark=[marks.get(key, "") for key in zip(medians["label"], medians["rater"], strict=True)])
    palette = {name: rater_colours(names)[name] for name in names}
    chart = box_chart(boxes, structures=pooled_labels(results), palette=palette, metric=DICE, unit=results.unit(DICE))
    frame = medians.drop(columns="outliers").merge(
        tests[["label", "rater", "difference", "low", "high", "p", "p_holm", "better"]].rename(
            columns={"low": "difference_low", "high": "difference_high"}
        ),
        on=["label", "rater"],
        how="left",
    )
    labels = pooled_labels(results)
    wide = {
        name: [f"{fixed(_median(medians, label, name))}{marks.get((label, name), '')}" for label in labels]
        for name in names
    }
    printed = pd.DataFrame({"Structure": list(labels), **wide})
    caption = (
        f"Median Dice by structure; * better than {baseline}, † worse, by the Wilcoxon signed-rank test over subjects "
        "(p < .05, not adjusted, as in the paper; the CSV has Holm's p)."
    )
    return Result(
        {"": Table(frame, caption, printed)},
        {"": Figure(chart, f"Dice by structure and method. {_BOX}")},
        ["The 3D renderings of the structures beside the figure are those of another author, and are not made."],
    )


def _mark(better: str, rater: str) -> str:
    return "" if not better else "*" if better == rater else "†"


def _median(boxes: pd.DataFrame, label: str, rater: str) -> float:
    own = boxes.loc[(boxes["label"] == label) & (boxes["rater"] == rater), "median"]
    return float(own.iloc[0]) if len(own) else float("nan")


def _settings(material: Material) -> Settings:
    for results in material.results:
        for model in results.models:
            card = results.card(model)
            settings = settings_of(card.info.parameters) if card else None
            if settings is not None:
                return settings
    msg = "needs a run of deepnat, whose card records the sizes of its networks"
    raise NotAvailableError(msg)


_NETWORK = (
    "The patch has 24 voxels a side, with pooling that rounds down, where the paper's 23 need pooling that rounds up; "
    "the sizes behind the pooling are the paper's."
)


def _table_1(material: Material) -> Result:
    frame = architecture(_settings(material))
    return Result({"": Table(frame, "Architecture of both networks of the run of deepnat.")}, notes=[_NETWORK])


def _table_2(material: Material) -> Result:
    frame = parameters(_settings(material))
    caption = "Weights of the second network of the run of deepnat, without biases and with the last layer of one task."
    return Result({"": Table(frame, caption)}, notes=[_NETWORK])


def _of_training(file: str) -> Callable[[Material], NoReturn]:
    def make(_: Material) -> NoReturn:
        msg = f"needs a training, not runs: `ctbench train deepnat` writes it as {file}"
        raise NotAvailableError(msg)

    return make


def _picture_part(make: Callable[[ComparableRuns, Material], pictures.Sheet]) -> Callable[[Material], Result]:
    def made(material: Material) -> Result:
        results = next((one for one in material.results if one.models), None)
        if results is None:
            msg = "needs a run of a model"
            raise NotAvailableError(msg)
        sheet = make(results, material)
        chart = picture_figure(sheet.pictures, sheet.columns)
        return Result(figures={"": Figure(chart, sheet.description)}, notes=sheet.notes)

    return made


PARTS: tuple[Part, ...] = (
    Part("figure-1", "Figure 1: hierarchical segmentation", _picture_part(pictures.hierarchy)),
    Part("figure-2", "Figure 2: eigenfunctions of four subjects", _of_training("eigenfunctions.png")),
    Part(
        "figure-3",
        "Figure 3: accuracy and loss during training",
        _of_training("curves.png and task-accuracies.png"),
    ),
    Part("figure-4", "Figure 4: configurations of DeepNAT", _figure_4),
    Part("figure-5", "Figure 5: Dice of all structures by method", _boxes(0)),
    Part("figure-6", "Figure 6: mean Dice and standard error by method", _bars(0)),
    Part("figure-7", "Figure 7: Dice by structure and method", _figure_7),
    Part("figure-8", "Figure 8: example segmentations", _picture_part(pictures.examples)),
    Part("figure-9", "Figure 9: enlarged structures that differ", _picture_part(pictures.enlarged)),
    Part("figure-10", "Figure 10: agreement in one structure", _picture_part(pictures.agreement)),
    Part("figure-11", "Figure 11: filters of the first layer", _of_training("filters.png")),
    Part("figure-12", "Figure 12: Dice by method, second division of the scans", _boxes(1)),
    Part("figure-13", "Figure 13: mean Dice and standard error, second division of the scans", _bars(1)),
    Part("table-1", "Table 1: architecture", _table_1),
    Part("table-2", "Table 2: parameters by layer", _table_2),
)
