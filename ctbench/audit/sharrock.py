"""Audit of Sharrock et al. 2020: subgroups against the whole, failures against minima, sign of volume differences."""

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
