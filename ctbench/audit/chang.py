"""Audit of Chang et al. 2018: counts, prevalences, and detection figures that follow from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pandas as pd

from ctbench.audit.findings import Finding, Printed, claimed, followed
from ctbench.audit.rounding import Range
from ctbench.statistics import predictive_values

__all__ = ["audit_chang"]

_PAPER = "Chang 2018"
_TYPES = ("iph", "edh_sdh", "sah")
_SUBSETS = {"validation": "cross-validation cohort", "test": "prospective test set"}

# Prevalences of the text and the abstract: subset, section, hemorrhages, examinations, printed per cent, remark.
_PREVALENCES = (
    ("validation", "Patient Selection", 901, 10159, "8.9", "901 of 10,159"),
    ("validation", "Abstract", 901, 10159, "8.1", "901 of 10,159"),
    ("validation", "Patient Selection", 358, 10159, "3.5", "IPH, 358 of 10,159"),
    ("validation", "Patient Selection", 319, 10159, "3.1", "EDH/SDH, 319 of 10,159"),
    ("validation", "Patient Selection", 224, 10159, "2.2", "SAH, 224 of 10,159"),
    ("test", "Abstract", 82, 862, "12", "82 of the 862 examinations of the abstract"),
    ("test", "Abstract", 82, 682, "12", "82 of the 682 examinations of the text"),
    ("test", "Patient Selection", 82, 682, "12.0", "82 of 682"),
    ("test", "Patient Selection", 23, 682, "3.4", "IPH, 23 of 682"),
    ("test", "Patient Selection", 38, 682, "5.6", "EDH/SDH, 38 of 682"),
    ("test", "Patient Selection", 21, 682, "3.1", "SAH, 21 of 682"),
    ("both", "Discussion", 56, 10841, "0.5", "punctate hemorrhages, 56 of 10,841"),
)


def audit_chang(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Chang et al.

    Args:
        published: Rows of ``ctbench.datasets.published("chang2018")``.
    """
    counted = published[published["metric"].eq("hemorrhages")]
    counts = counted.set_index(["subset", "label", "size"])["value"].sort_index().astype(int)
    sizes = published[published["metric"].eq("examinations")].set_index("subset")["value"].astype(int)
    yield from _totals(counts)
    for subset, section, part, whole, printed, detail in _PREVALENCES:
        share = 100 * part / whole
        where = {"table": section, "rater": _SUBSETS.get(subset, subset), "quantity": "prevalence, %"}
        yield followed(Printed(printed), Range.exactly(share), share, paper=_PAPER, detail=detail, **where)
    yield from _missed(published, counts)
    detection = published[published["metric"].str.startswith("detection_")]
    balanced = detection[detection["table"].eq("Table 2")]
    full = detection[detection["label"].eq("hemorrhage") & detection["table"].ne("Table 2")]
    for subset in _SUBSETS:
        positive = int(counts[subset, "hemorrhage", "all"])
        shown = full[full["subset"].eq(subset)].set_index("metric")
        yield from _full(shown, subset, positive, int(sizes[subset]), "")
        if subset == "test":
            yield from _full(shown, subset, positive, 862, ", with the 862 examinations of the abstract")
        rows = balanced[balanced["subset"].eq(subset) & balanced["value"].notna()]
        for (label, size), group in rows.groupby(["label", "size"], sort=False):
            labels = _TYPES if label == "hemorrhage" else (str(label),)
            n = int(np.sum([counts[subset, name, str(size)] for name in labels]))
            yield from _balanced(group, n, subset, Printed.of(shown.loc["detection_npv"]))


def _totals(counts: pd.Series) -> Iterator[Finding]:
    """Table 1: sizes sum to the totals of the types, types to the number of hemorrhages."""
    for subset, rater in _SUBSETS.items():
        for label in _TYPES:
            parts = counts[subset, label].drop("all")
            yield _sum(counts[subset, label, "all"], parts, "Table 1", label, rater, "sum over the sizes")
        types = counts[subset].xs("all", level="size")[list(_TYPES)]
        yield _sum(
            counts[subset, "hemorrhage", "all"], types, "Patient Selection", "hemorrhage", rater, "sum over the types"
        )


def _sum(total: float, parts: pd.Series, table: str, label: str, rater: str, detail: str) -> Finding:
    where = {"table": table, "label": label, "rater": rater, "quantity": "hemorrhages", "detail": detail}
    follows = float(parts.sum())
    return followed(Printed(f"{total:.0f}"), Range.exactly(follows), follows, paper=_PAPER, **where)


def _missed(published: pd.DataFrame, counts: pd.Series) -> Iterator[Finding]:
    """How many were missed, of how many: "26/901" and "4/81", against the types' own counts."""
    rows = published[published["metric"].eq("missed_hemorrhages")].set_index("subset")
    by_type = published[published["metric"].eq("detection_sensitivity") & published["table"].eq("ICH Detection")]
    for subset, rater in _SUBSETS.items():
        row, where = (
            rows.loc[subset],
            {"paper": _PAPER, "table": "ICH Detection", "label": "hemorrhage", "rater": rater},
        )
        types = by_type[by_type["subset"].eq(subset) & by_type["label"].isin(_TYPES)]
        missed = sum(int(part["n"]) - int(part["detail"].split(" of ")[0]) for _, part in types.iterrows())
        yield followed(
            Printed(f"{row['value']:.0f}"),
            Range.exactly(missed),
            missed,
            quantity="missed hemorrhages",
            detail="sum over the types",
            **where,
        )
        total = float(counts[subset, "hemorrhage", "all"])
        yield followed(
            Printed(str(row["n"])),
            Range.exactly(total),
            total,
            quantity="hemorrhages that the missed are a share of",
            detail="the number of hemorrhages printed elsewhere",
            **where,
        )


def _full(shown: pd.DataFrame, subset: str, positive: int, n: int, reading: str) -> Iterator[Finding]:
    """Accuracy, PPV and NPV of the full set, from the numbers of cases that round to sensitivity and specificity."""
    negative = n - positive
    hits = _numbers(Printed.of(shown.loc["detection_sensitivity"]), positive)
    quiets = _numbers(Printed.of(shown.loc["detection_specificity"]), negative)
    where = {"paper": _PAPER, "table": "ICH Detection", "label": "hemorrhage", "rater": f"mask-rcnn ({subset})"}
    formulas: dict[str, Callable[[int, int], float]] = {
        "detection_accuracy": lambda hit, quiet: (hit + quiet) / n,
        "detection_ppv": lambda hit, quiet: hit / (hit + negative - quiet),
        "detection_npv": lambda hit, quiet: quiet / (quiet + positive - hit),
    }
    for metric, formula in formulas.items():
        values = sorted(formula(hit, quiet) for hit, quiet in product(hits, quiets))
        if not values:
            continue
        yield followed(
            Printed.of(shown.loc[metric]),
            Range(values[0], values[-1]),
            values[len(values) // 2],
            quantity=metric + reading,
            detail=(
                f"{_listed(hits)} of {positive} positive and {_listed(quiets)} of {negative} negative cases "
                "round to the sensitivity and specificity"
            ),
            **where,
        )


def _numbers(share: Printed, n: int) -> list[int]:
    """The whole numbers of n cases whose share rounds to the printed one."""
    return [count for count in range(n + 1) if share.range.meets(Range.exactly(count / n))]


def _listed(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _balanced(group: pd.DataFrame, n: int, subset: str, full_npv: Printed) -> Iterator[Finding]:
    """One row of Table 2: sensitivity is a number of n cases; accuracy, PPV and NPV follow at a prevalence of 1/2."""
    shown = {str(metric): Printed.of(row) for metric, row in group.set_index("metric").iterrows()}
    if "detection_sensitivity" not in shown:
        return
    label, size = group["label"].iloc[0], group["size"].iloc[0]
    name = label if size == "all" else f"{label}, {size}"
    where = {"paper": _PAPER, "table": "Table 2", "label": name, "rater": f"mask-rcnn ({subset})"}
    sensitivity, specificity = shown["detection_sensitivity"], shown["detection_specificity"].value
    hits = _numbers(sensitivity, n)
    detail = f"{_listed(hits)} of the {n} hemorrhages of Table 1" if hits else f"no number of {n} rounds to it"
    quantity = "sensitivity, a share of whole cases"
    yield claimed(sensitivity.text, holds=bool(hits), quantity=quantity, detail=detail, **where)
    hit = Range(hits[0] / n, hits[-1] / n) if hits else sensitivity.range.at_most(1)
    expected = (hit.low + hit.high) / 2
    quiet = shown["detection_specificity"].range.at_most(1)
    ppv, npv = predictive_values(expected, specificity, prevalence=0.5)
    detail = "from sensitivity (whole cases) and specificity, at a prevalence of one half"
    for quantity, metric, follows, value in (
        ("balanced accuracy", "detection_accuracy", (hit + quiet) / 2, (expected + specificity) / 2),
        ("balanced PPV", "detection_ppv", 1 / (1 + (1 - quiet) / hit), ppv),
        ("balanced NPV", "detection_npv", 1 / (1 + (1 - hit) / quiet), npv),
    ):
        yield followed(shown[metric], follows, value, quantity=quantity, detail=detail, **where)
    yield followed(
        shown["detection_accuracy"],
        (hit + full_npv.range) / 2,
        (expected + full_npv.value) / 2,
        quantity="balanced accuracy, with the full set's NPV for the specificity",
        detail=f"mean of the sensitivity and of {full_npv.text}, the NPV of the full set",
        **where,
    )
