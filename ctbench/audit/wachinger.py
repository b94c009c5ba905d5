"""Audit of Wachinger et al. 2018: the parameter table, and the text's claims on the tables under the figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from ctbench.audit.findings import Finding, Printed, followed
from ctbench.audit.rounding import Range

__all__ = ["audit_wachinger"]

_PAPER = "Wachinger 2018"
_TASKS = 7
_LAYERS = {  # layer: factors of the printed calculation, printed number of parameters
    "Convolution I": ((7, 7, 7, 1, 32), 10_976),
    "Convolution II": ((5, 5, 5, 32, 64), 256_000),
    "Convolution III": ((3, 3, 3, 64, 64), 110_592),
    "Inner Product I": ((3, 3, 3, 64, 1024), 1_769_472),
    "Inner Product II": ((1024 + 6, 512), 527_360),
    "Inner Product III": ((512, 25), 12_800),
}
_TOTAL = 2_687_200


def audit_wachinger(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Wachinger et al.

    Args:
        published: Rows of ``ctbench.datasets.published("oasis-multiatlas")``.
    """
    yield from _parameters()
    dice = published[published["label"].eq("overall")].set_index(["table", "rater"])
    crf, plain, picsl = "DeepNATcrf", "DeepNAT", "PICSL"
    detail = "difference of the two printed figures"
    for figure, second, printed, quantity in (
        ("Figure 5", plain, "0.01", "gain of the CRF in median Dice"),
        ("Figure 6", plain, "0.01", "gain of the CRF in mean Dice"),
        ("Figure 12", picsl, "0.007", "lead over PICSL in median Dice, 15 test scans"),
        ("Figure 13", picsl, "0.000", "lead over PICSL in mean Dice, 15 test scans"),
    ):
        best, other = (Printed.of(dice.loc[(figure, rater)]) for rater in (crf, second))
        follows, expected = best.range - other.range, best.value - other.value
        where = {"table": figure, "label": "overall", "rater": crf, "quantity": quantity, "detail": detail}
        yield followed(Printed(printed), follows, expected, paper=_PAPER, **where)


def _parameters() -> Iterator[Finding]:
    for layer, (factors, printed) in _LAYERS.items():
        yield _count(printed, math.prod(factors), layer, " x ".join(map(str, factors)))
    total = sum(math.prod(factors) for factors, _ in _LAYERS.values())
    yield _count(_TOTAL, total, "total", "sum of the layers, with one last layer of 25 classes")
    heads = total + (_TASKS - 1) * math.prod(_LAYERS["Inner Product III"][0])
    yield _count(_TOTAL, heads, f"total, with a last layer for each of {_TASKS} tasks", "the last layer is replicated")


def _count(printed: int, follows: int, what: str, detail: str) -> Finding:
    where = {"table": "Table 2", "rater": "DeepNAT", "quantity": f"parameters, {what}", "detail": detail}
    return followed(Printed(str(printed)), Range.exactly(follows), follows, paper=_PAPER, **where)
