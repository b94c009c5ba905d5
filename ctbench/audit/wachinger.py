"""Audit of Wachinger et al. 2018: parameters, patches, p-values, and the text's claims on the tables under figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from ctbench.audit.findings import Finding, Printed, claimed, followed
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
_STRUCTURES, _DOUBLED = 25, 8
"""Structures, of which those of gray and white matter of cerebrum and cerebellum get twice as many patches."""


def audit_wachinger(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Wachinger et al.

    Args:
        published: Rows of ``ctbench.datasets.published("oasis-multiatlas")``.
    """
    yield from _parameters()
    yield from _patches()
    yield from _p_values(published[published["statistic"].isin(["p", "p_below"])])
    printed_dice = published[published["statistic"].isin(["mean", "median"])]
    yield from _caudate(printed_dice)
    dice = printed_dice[printed_dice["label"].eq("overall")].set_index(["table", "rater"])
    yield from _decrease(dice["value"])
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


def _patches() -> Iterator[Finding]:
    where = {"table": "Results", "rater": "DeepNAT", "quantity": "training patches of the first network"}
    detail = "20 scans with 30,000 patches of the foreground and of the background each"
    total = 20 * 2 * 30_000 / 1e6
    yield followed(Printed("1.2"), Range.exactly(total), total, paper=_PAPER, detail=detail, **where)
    where["quantity"] = "training patches of the second network"
    most = 20 * (_STRUCTURES + _DOUBLED) * 3_000 / 1e6
    detail = f"at most 20 scans x 3,000 x ({_STRUCTURES} structures + {_DOUBLED} doubled ones) = {most:g} million"
    yield followed(Printed("1.1"), Range(0, most), most, paper=_PAPER, detail=detail, **where)


def _p_values(printed: pd.DataFrame) -> Iterator[Finding]:
    """Compare each p-value with the smallest one that a two-sided signed-rank test of so many pairs can reach."""
    for row in printed.to_dict("records"):
        subjects, whole = int(row["n"]), row["label"] == "overall"
        readings = {"the subjects": subjects}
        if whole:
            readings = {
                "structures x subjects": _STRUCTURES * subjects,
                "each subject's mean over structures": subjects,
            }
        for pairs, n in readings.items():
            smallest = 2.0 ** (1 - n)
            below = row["statistic"] == "p_below"
            possible = smallest < row["value"]
            yield Finding(
                paper=_PAPER,
                table="Results",
                label=row["label"],
                rater=row["rater"],
                quantity=f"p against {row['compared_with']}, {row['subset']} scans, over {pairs}",
                printed=f"{'< ' if below else ''}{Printed.of(row).text}",
                verdict="undecidable" if possible else "contradicted",
                p_low=smallest,
                p_high=1.0,
                detail=f"a signed-rank test of {n} pairs reaches 2^{1 - n} at the lowest; the scores are not printed",
            )


def _caudate(printed: pd.DataFrame) -> Iterator[Finding]:
    """Check that who is said to be better in the caudate has the higher printed median."""
    median = printed[printed["table"] == "Figure 7"].set_index(["label", "rater"])["value"]
    for label, better, other in (
        ("left_caudate", "DeepNATcrf", "PICSL"),
        ("right_caudate", "PICSL", "DeepNATcrf"),
    ):
        high, low = median[label, better], median[label, other]
        detail = f"printed medians: {better} {high:.3f}, {other} {low:.3f}"
        where = {"table": "Figure 7", "label": label, "rater": better, "quantity": f"higher Dice than {other}"}
        yield claimed("yes", holds=bool(high > low), paper=_PAPER, detail=detail, **where)


def _decrease(dice: pd.Series) -> Iterator[Finding]:
    """Check that all methods lose with 15 instead of 20 training scans, as the text says."""
    for before, after, what in (("Figure 5", "Figure 12", "median"), ("Figure 6", "Figure 13", "mean")):
        change = dice.loc[after] - dice.loc[before]
        detail = f"{after} minus {before}: " + ", ".join(f"{name} {value:.3f}" for name, value in change.items())
        where = {"table": after, "label": "overall", "quantity": f"decrease of the {what} Dice across all methods"}
        yield claimed("yes", holds=bool((change < 0).all()), paper=_PAPER, detail=detail, **where)


def _count(printed: int, follows: int, what: str, detail: str) -> Finding:
    where = {"table": "Table 2", "rater": "DeepNAT", "quantity": f"parameters, {what}", "detail": detail}
    return followed(Printed(str(printed)), Range.exactly(follows), follows, paper=_PAPER, **where)
