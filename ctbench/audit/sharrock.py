"""Audit of Sharrock et al. 2020: subgroups, failures, abstract and text against the tables, sizes of the networks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ctbench.audit.findings import Finding, Printed, claimed, followed
from ctbench.audit.rounding import Range

__all__ = ["audit_sharrock"]

_PAPER = "Sharrock 2020"
_LIMIT = 0.5
_FAILED_IN_TEXT = {"3D VNET 32": 2}  # "no failures ... except for the 32 network with 2 failed scans"
_MEANS_IN_TEXT = {"3D VNET 64": "0.910", "3D VNET 128": "0.911"}  # "the 64 and 128 networks ... respectively"
_SUBGROUPS = {"ich-only": "55", "ich-ivh": "41", "ich-sdh": "3", "ich-ivh-sdh": "1"}  # printed per cent
_ABSTRACT = {
    "mean": "0.914",
    "median": "0.919",
    "pearson_r": "0.979",
    "mean_difference": "1.7",
    "rmse": "4.7",
}
"""Statistic of Tables 1 and 3 -> figure of the best network in the abstract; the volume difference without its sign."""
_SPANS_MM = {128: "196", 64: "96", 32: "48"}
"""Voxels along a cube -> "the real world spatial lengths of the networks" in mm, of cubes of 1.5 mm voxels."""
_VOXEL_MM = 1.5
_SHARES = (
    ("MISTIE II scans for testing", 12, 112, "11"),
    ("MISTIE II males", 77, 112, "69"),
    ("MISTIE II scans with gantry tilt", 88, 112, "79"),
    ("MISTIE II scans with variable slice thickness", 14, 112, "12"),
    ("MISTIE III males", 304, 500, "61"),
    ("MISTIE III scans with gantry tilt", 283, 500, "57"),
    ("MISTIE III scans with variable slice thickness", 32, 500, "7"),
)
"""Shares in the section Methods: what, part, whole, printed per cent."""
_SCANNERS = {"MISTIE II": (112, (46, 38, 20, 8)), "MISTIE III": (500, (185, 166, 72, 71, 5, 1))}


def audit_sharrock(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Sharrock et al.

    Args:
        published: Rows of ``ctbench.datasets.published("mistie-iii")``.
    """
    overall, groups = published[published["table"].eq("Table 1")], published[published["table"].eq("Table 2")]
    n = int(overall["n"].iloc[0])
    yield from _cohort(groups, n)
    for rater, rows in overall.groupby("rater", sort=False):
        shown = {str(statistic): Printed.of(row) for statistic, row in rows.set_index("statistic").iterrows()}
        yield from _failures(str(rater), shown, n)
        parts = groups[groups["rater"].eq(rater)]
        if len(parts):
            yield _mean_of_subgroups(str(rater), shown["mean"], parts)
        if rater in _MEANS_IN_TEXT:
            text, printed = _MEANS_IN_TEXT[str(rater)], shown["mean"].text
            detail = f"Table 1 prints {printed}: the text names the 64 and the 128 network in the other order"
            where = {
                "table": "Results",
                "label": "hemorrhage",
                "rater": str(rater),
                "quantity": "mean Dice in the text",
            }
            yield claimed(text, holds=text == printed, paper=_PAPER, detail=detail, **where)
    yield _highest_minimum(overall)
    yield from _abstract(published)
    yield from _spans()
    yield from _shares()
    yield from _signs(published[published["statistic"].eq("mean_difference")])


def _cohort(groups: pd.DataFrame, n: int) -> Iterator[Finding]:
    sizes = groups.groupby("subset", sort=False)["n"].first()
    total = int(sizes.sum())
    where = {"paper": _PAPER, "label": "hemorrhage"}
    for printed, table in ((str(n), "Results"), ("501", "Figure 2")):
        detail = "sum of the four subgroups"
        yield followed(
            Printed(printed), Range.exactly(total), total, table=table, quantity="scans", detail=detail, **where
        )
    for subset, printed in _SUBGROUPS.items():
        share = 100 * int(sizes[subset]) / n
        detail = f"{sizes[subset]} of {n}"
        quantity = f"share of {subset}, %"
        yield followed(
            Printed(printed), Range.exactly(share), share, table="Results", quantity=quantity, detail=detail, **where
        )
    for trial, (scans, scanners) in _SCANNERS.items():
        detail = f"sum over the scanner types of {trial}"
        follows = Range.exactly(sum(scanners))
        yield followed(
            Printed(str(scans)), follows, follows.low, table="Methods", quantity="scans", detail=detail, **where
        )


def _failures(rater: str, shown: dict[str, Printed], n: int) -> Iterator[Finding]:
    """A failure is a Dice below .5: the share of failures against the minimum, and against the number in the text."""
    where = {"paper": _PAPER, "table": "Table 1", "label": "hemorrhage", "rater": rater}
    share, minimum = shown["share_failed"], shown["min"]
    some = minimum.range.high <= _LIMIT
    least, most = (100 / n, 100.0) if some else (0.0, 0.0)
    if minimum.range.low < _LIMIT < minimum.range.high:
        least, most = 0.0, 100.0
    agrees = share.range.high > least and share.range.low <= most
    yield claimed(
        f"{share.text} %",
        holds=agrees,
        quantity="share of failures against the minimum Dice",
        detail=f"the minimum of {minimum.text} {'is' if some else 'is not'} a failure; one scan is {100 / n:g} %",
        **where,
    )
    failed = _FAILED_IN_TEXT.get(rater, 0)
    if rater.startswith(("2D", "3D")):
        yield followed(
            share,
            Range.exactly(100 * failed / n),
            100 * failed / n,
            quantity="share of failures against the text, %",
            detail=f"the text counts {failed} failed scans of {n}",
            **where,
        )


def _mean_of_subgroups(rater: str, mean: Printed, parts: pd.DataFrame) -> Finding:
    total = int(parts["n"].sum())
    follows = sum((Printed.of(row).range * int(row["n"]) for _, row in parts.iterrows()), Range.exactly(0)) / total
    expected = float((parts["value"] * parts["n"].astype(int)).sum() / total)
    detail = f"mean of the four subgroups of Table 2, weighted by their n ({total})"
    where = {"paper": _PAPER, "table": "Table 1", "label": "hemorrhage", "rater": rater, "quantity": "mean Dice"}
    return followed(mean, follows, expected, detail=detail, **where)


def _highest_minimum(overall: pd.DataFrame) -> Finding:
    minima = overall[overall["statistic"].eq("min")].set_index("rater")["value"]
    return claimed(
        "the 2D 512 model has a higher minimum DSC compared to other models",
        holds=minima.idxmax() == "2D VNET 512",
        paper=_PAPER,
        table="Table 1",
        label="hemorrhage",
        rater="2D VNET 512",
        quantity="highest minimum Dice",
        detail=f"its minimum is {minima['2D VNET 512']:.3f}; the highest is {minima.max():.3f} ({minima.idxmax()})",
    )


def _abstract(published: pd.DataFrame) -> Iterator[Finding]:
    """The abstract's figures of the best network against the best of Tables 1 and 3."""
    tables = published[published["table"].isin(["Table 1", "Table 3"])]
    for statistic, text in _ABSTRACT.items():
        rows = tables[tables["statistic"].eq(statistic)]
        sizes = rows["value"].abs()
        upwards = statistic in {"mean", "median", "pearson_r"}
        best = rows.iloc[int(sizes.argmax() if upwards else sizes.argmin())]
        printed = Printed.of(best)
        detail = f"the best of {best['table']} is {printed.text} ({best['rater']})"
        if statistic == "mean":
            detail += "; 0.914 is the mean of the 128 network over the scans with ICH only in Table 2"
        yield followed(
            Printed(text),
            abs(printed.range),
            abs(printed.value),
            paper=_PAPER,
            table="Abstract",
            label="hemorrhage",
            quantity=f"best {statistic.replace('_', ' ')}",
            detail=detail,
        )


def _spans() -> Iterator[Finding]:
    for edge, printed in _SPANS_MM.items():
        span = edge * _VOXEL_MM
        yield followed(
            Printed(printed),
            Range.exactly(span),
            span,
            paper=_PAPER,
            table="Methods",
            rater=f"3D VNET {edge}",
            quantity="side of the cube, mm",
            detail=f"{edge} voxels of {_VOXEL_MM} mm are {span:g} mm",
        )


def _shares() -> Iterator[Finding]:
    for what, part, whole, printed in _SHARES:
        share = 100 * part / whole
        yield followed(
            Printed(printed),
            Range.exactly(share),
            share,
            paper=_PAPER,
            table="Methods",
            quantity=f"share of {what}, %",
            detail=f"{part} of {whole}",
        )


def _signs(differences: pd.DataFrame) -> Iterator[Finding]:
    """Figure 6 says that negative values are too large automatic volumes; Table 3 and the text say the opposite."""
    negative = bool((differences["value"] < 0).all())
    for table, sentence, holds in (
        ("Volume Comparison", "the automated measurements underestimate the true volume by 2-4 mL", negative),
        ("Figure 6", "negative values refer to the automatic segmentation having a larger volume", not negative),
    ):
        yield claimed(
            sentence,
            holds=holds,
            paper=_PAPER,
            table=table,
            label="hemorrhage",
            quantity="sign of the volume difference",
            detail="Table 3 prints negative differences and calls them manual volumes larger than automated ones",
        )
