"""Audit of Cai et al. 2020: asterisks of Tables 2 to 4, their last columns and overall rows, the text, parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ctbench.audit.findings import Finding, Printed, claimed, followed
from ctbench.audit.rounding import Cell, Range, asterisks
from ctbench.statistics import OVERALL

__all__ = ["audit_cai"]

_PAPER = "Cai 2020"
_OBSERVERS = ("observer1", "observer2", "observer3")
_TABLES = {"Table 2": "lower", "Table 3": "higher"}
_COMPARISONS = (("inph", "primary-test"), ("rsna", "ground-truth-masks"))

# Structures that the text calls different from the model in no, one, two or three observers, by table.
_DIFFERENT_FROM = {
    "Table 2": {
        0: (
            "brainstem_cerebrum",
            "insular_cortex",
            "dural_folds_sinuses",
            "lentiform",
            "septum_pellucidum",
            "ventricles",
        ),
        1: ("internal_capsule", "cerebellum", "caudate", "subarachnoid_space"),
        2: ("central_sulcus",),
    },
    "Table 3": {
        1: (
            *("cerebellum", "insular_cortex", "dural_folds_sinuses", "lentiform", "septum_pellucidum"),
            *("subarachnoid_space", "ventricles"),
        ),
        2: ("brainstem_cerebrum", "internal_capsule"),
        3: ("caudate", "central_sulcus"),
    },
}
_SAME_OF_ELEVEN = {"inph": 10, "rsna": 7}

_VALIDATION_SD = "0.06"
"""The standard deviation of all overall Dice coefficients that the text prints for the validation split."""
_VALIDATION = (
    ("Effect of class weighting", "balanced weights", "0.78", "improved slightly to 0.80", True),
    ("Effect of class weighting", "no weights", "0.79", "comparable to the performance of model 3", False),
    ("Effect of normalization", "batch normalization", "0.79", "0.80, 0.79 and 0.80, called similar", False),
    ("Effect of normalization", "batch renormalization", "0.80", "0.80, 0.79 and 0.80, called similar", False),
)
"""Section, model, its overall Dice, what the text says of it and model 3, and whether model 3 is said to be better."""
_CHOSEN = "0.80"
"""Overall Dice of model 3 on the validation split, printed in both sections."""

_PARAMETERS = "31042499"
_CLASSES, _WIDTH, _POOLINGS = 12, 64, 4


def audit_cai(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Cai et al.

    n is the number of scans: the text draws four to six slices from each of 12 scans for the ground truth masks, and
    Table 2 prints volumes for each examination.

    Args:
        published: Rows of ``ctbench.datasets.published("cai2020")``.
    """
    means = published[published["statistic"].eq("mean") & published["metric"].ne("reference_volume_ml")]
    for table, direction in _TABLES.items():
        rows = means[means["table"].eq(table)]
        yield from _asterisks(rows[rows["label"].ne(OVERALL)], table, direction)
        yield from _overall(rows, table)
        yield from _marks_in_text(rows, table)
        yield from _last_columns(published[published["table"].eq(table)], table)
    yield from _table_4(means[means["table"].eq("Table 4")])
    yield _voxel_shares()
    yield from _validation()
    yield from _parameters()


def _cell(row: pd.Series, name: str) -> Cell:
    return Cell(row[name], Printed.of(row).range, Printed.of(row, "sd").range, int(row["n"]), row["mark"] == "*")


def _asterisks(rows: pd.DataFrame, table: str, direction: str) -> Iterator[Finding]:
    for label, group in rows.groupby("label", sort=False):
        cells = [_cell(row, "rater") for _, row in group.iterrows()]
        yield from _judged(cells, "model", direction, table, str(label), "observers against the model, n = 12 scans")


def _judged(
    cells: list[Cell], baseline: str, direction: str, table: str, label: str, detail: str, quantity: str = "asterisk"
) -> Iterator[Finding]:
    for row in asterisks(cells, baseline=baseline, direction=direction).to_dict("records"):
        mark = "*" if row.pop("marked") else ""
        fields = {str(name): value for name, value in row.items()}
        yield Finding(paper=_PAPER, table=table, label=label, quantity=quantity, printed=mark, detail=detail, **fields)


def _overall(rows: pd.DataFrame, table: str) -> Iterator[Finding]:
    """The overall row: its mean is that of the structures, and its SD turns out to be the mean of theirs."""
    for rater, group in rows.groupby("rater", sort=False):
        structures, row = group[group["label"].ne(OVERALL)], group[group["label"].eq(OVERALL)].iloc[0]
        for column, name in (("value", "mean"), ("sd", "sd")):
            parts = [Printed.of(part, column).range for _, part in structures.iterrows()]
            detail = "mean over the 11 structures"
            detail += ": a mean of SDs, not the SD over scans of their mean" if column == "sd" else ""
            yield followed(
                Printed.of(row, column),
                sum(parts, Range.exactly(0)) / len(parts),
                float(structures[column].mean()),
                paper=_PAPER,
                table=table,
                label=OVERALL,
                rater=str(rater),
                quantity=name,
                detail=detail,
            )


def _marks_in_text(rows: pd.DataFrame, table: str) -> Iterator[Finding]:
    marks = rows[rows["mark"].eq("*")].groupby("label")["rater"].count()
    for count, labels in _DIFFERENT_FROM[table].items():
        for label in labels:
            found = int(marks.get(label, 0))
            yield claimed(
                str(count),
                holds=found == count,
                paper=_PAPER,
                table="Primary Test Dataset",
                label=label,
                quantity=f"observers who differ from the model in {table}",
                detail=f"{table} has {found} asterisks in this row",
            )


def _last_columns(rows: pd.DataFrame, table: str) -> Iterator[Finding]:
    """Yield the findings on observers minus model, printed without a sign, and on its share of the reference volume."""
    for _, group in rows.groupby("label", sort=False):
        means = group[group["statistic"].eq("mean")].set_index("rater")
        ranges = {name: Printed.of(row).range for name, row in means.iterrows()}
        difference = group[group["statistic"].eq("observers_minus_model")].iloc[0]
        minus = abs(sum((ranges[name] for name in _OBSERVERS), Range.exactly(0)) / 3 - ranges["model"])
        expected = abs(float(means["value"][list(_OBSERVERS)].mean()) - float(means["value"]["model"]))
        yield _last(difference, minus, expected, table, "mean of the three observers minus the model, without its sign")
        for _, row in group[group["statistic"].eq("observers_minus_model_share")].iterrows():
            if "" in ranges:
                share, volume = 100 * Printed.of(difference).range / ranges[""], float(means["value"][""])
                detail = "the printed difference over the printed mean volume"
                yield _last(row, share, 100 * difference["value"] / volume, table, detail)
    yield from _overall_share(rows, table)


def _last(row: pd.Series, follows: Range, expected: float, table: str, detail: str) -> Finding:
    where = {"paper": _PAPER, "table": table, "label": row["label"], "rater": "observers", "detail": detail}
    return followed(Printed.of(row), follows, expected, quantity=row["statistic"], **where)


def _overall_share(rows: pd.DataFrame, table: str) -> Iterator[Finding]:
    shares = rows[rows["statistic"].eq("observers_minus_model_share")]
    structures = shares[shares["label"].ne(OVERALL)]
    for _, row in shares[shares["label"].eq(OVERALL)].iterrows():
        parts = [Printed.of(part).range for _, part in structures.iterrows()]
        follows = sum(parts, Range.exactly(0)) / len(parts)
        yield _last(row, follows, float(structures["value"].mean()), table, "mean of the printed shares")


def _table_4(rows: pd.DataFrame) -> Iterator[Finding]:
    for first, second in _COMPARISONS:
        pair = rows[rows["subset"].isin([first, second])]
        structures = pair[pair["label"].ne(OVERALL)]
        for label, group in structures.groupby("label", sort=False):
            cells = [_cell(row, "subset") for _, row in group.iterrows()]
            for baseline in (second, first):
                detail = (
                    f"against {baseline}, n as printed in the text ({', '.join(str(cell.n) for cell in cells)} scans)"
                )
                yield from _judged(cells, baseline, "higher", "Table 4", str(label), detail)
            if (first, label) == ("inph", "central_sulcus"):
                yield from _sulcus_readings(cells, str(label))
        marked = int(structures["mark"].eq("*").sum())
        yield claimed(
            f"{_SAME_OF_ELEVEN[first]} of 11",
            holds=11 - marked == _SAME_OF_ELEVEN[first],
            paper=_PAPER,
            table="Secondary Test Datasets",
            rater=first,
            quantity="structures without a difference",
            detail=f"Table 4 has {marked} asterisks in this comparison",
        )


def _sulcus_readings(cells: list[Cell], label: str) -> Iterator[Finding]:
    """Two iNPH scans without a central sulcus were left out of the tests: out of the mean too, or not?"""
    inph, primary = cells
    mean, sd = inph.mean, inph.sd
    kept = Cell(inph.rater, mean, sd, 10, inph.marked)
    detail = "against inph; two of its scans left out of the test and of the printed mean (10 scans)"
    quantity = "asterisk, two scans left out of mean and test"
    yield from _judged([kept, primary], inph.rater, "higher", "Table 4", label, detail, quantity)
    # Two values of 0 among 12: the other 10 have the mean 12 m / 10 and squares 11 s^2 + 12 m^2 - 10 (12 m / 10)^2.
    squares = 11 * sd.squared() - 2.4 * mean.squared()
    others = Cell(
        inph.rater, 1.2 * mean, Range(math.sqrt(squares.low / 9), math.sqrt(squares.high / 9)), 10, inph.marked
    )
    detail = "against inph; two of its scans, with Dice 0, left out of the test and not of the printed mean"
    quantity = "asterisk, two scans left out of the test only"
    yield from _judged([others, primary], inph.rater, "higher", "Table 4", label, detail, quantity)


def _voxel_shares() -> Finding:
    large = [Printed(text).range for text in ("10.8", "2.3", "1.3", "0.6")]
    least, most = Printed("0.01").range, Printed("0.28").range
    small = Range(least.low + most.low + 5 * least.low, least.high + most.high + 5 * most.high)  # seven small classes
    follows = 100 - sum(large, Range.exactly(0)) - small
    return followed(
        Printed("85.5"),
        follows,
        (follows.low + follows.high) / 2,
        paper=_PAPER,
        table="Terminology",
        label="background",
        quantity="share of voxels, %",
        detail="100 less 10.8, 2.3, 1.3 and 0.6 for the large, and 0.01 to 0.28 for each of the seven small classes",
    )


def _validation() -> Iterator[Finding]:
    """Compare the overall Dice coefficients of the validation split, which stand in the text alone, with model 3's."""
    chosen, sd = Printed(_CHOSEN), Printed(_VALIDATION_SD)
    for section, model, text, claim, is_better in _VALIDATION:
        gain = chosen.range - Printed(text).range
        where: dict[str, Any] = {"paper": _PAPER, "table": section, "label": OVERALL, "rater": model}
        yield Finding(
            **where,
            quantity="model 3 minus this model, within one SD",
            printed=claim,
            verdict="reproduced" if abs(gain).high < sd.range.low else "contradicted",
            value_low=gain.low,
            value_high=gain.high,
            detail=f"{_CHOSEN} less {text}, SD {_VALIDATION_SD}: 10 scans, no test is printed",
        )
        if is_better:
            verdict = "reproduced" if gain.low > 0 else "undecidable"
            detail = f"{_CHOSEN} less {text}, within their rounding"
            yield Finding(
                **where,
                quantity="model 3 is better",
                printed=claim,
                verdict=verdict,
                value_low=gain.low,
                value_high=gain.high,
                detail=detail,
            )


def _parameters() -> Iterator[Finding]:
    """Count the parameters of the network that the text describes, with and without those of layer normalization."""
    for classes, normalized in ((_CLASSES, True), (_CLASSES, False), (3, True)):
        total = _trainable(classes, normalized=normalized)
        gains = "a gain and an offset for each channel" if normalized else "no parameters, as the Discussion says"
        own = "with" if normalized else "without"
        detail = (
            f"four poolings, {_WIDTH} channels in the first stage, 2 x 2 convolutions upwards, {classes} classes, "
            f"layer normalization with {gains}"
        )
        yield followed(
            Printed(_PARAMETERS),
            Range.exactly(total),
            total,
            paper=_PAPER,
            table="U-Net architecture",
            rater="model",
            quantity=f"trainable parameters, {classes} classes, layer normalization {own} its own",
            detail=detail,
        )


def _trainable(classes: int, *, normalized: bool) -> int:
    """Return the number of weights and biases of the U-Net, and of gains and offsets after its 3 x 3 convolutions."""
    widths = [_WIDTH * 2**level for level in range(_POOLINGS + 1)]
    total = sum(
        _convolution(3, before, after) + _convolution(3, after, after)
        for before, after in zip([1, *widths], widths, strict=False)
    )
    for width in widths[:-1]:
        total += _convolution(2, 2 * width, width) + _convolution(3, 2 * width, width) + _convolution(3, width, width)
    gains = 2 * (2 * sum(widths) + 2 * sum(widths[:-1])) if normalized else 0
    return total + gains + _convolution(1, _WIDTH, classes)


def _convolution(side: int, before: int, after: int) -> int:
    return side**2 * before * after + after
