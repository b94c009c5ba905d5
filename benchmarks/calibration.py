"""Do the tests reject in 5 % of studies in which there is nothing to find, and do 95 % intervals cover in 95 %?

Every test and interval that a report, a board or the command line prints is here. Studies are simulated in which three
readers and a model are equally good, in two ways: as scores (skewed Dice values, in cases that differ or do not), and
as masks, which are fused and scored, on the common majority and on leave-one-out references. And do studies of readers
and cases that were planned for a power or a width reach it? Shares stand with the 95 % interval of the simulation. The
table is written to ``results/calibration.csv``; 300 studies take less than half an hour of one core.

    python benchmarks/calibration.py --studies 1000
    python benchmarks/calibration.py --studies 300 --sections intervals main_test
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from planned_studies import PLANNED
from scipy.special import stdtrit

from ctbench.consensus import fuse, leave_one_out
from ctbench.consensus.performance import reader_performance
from ctbench.metrics import score
from ctbench.reference import Reference
from ctbench.scores import without
from ctbench.statistics import (
    bland_altman,
    categorical_regression,
    cohen_kappa,
    describe,
    detection,
    equivalence,
    fleiss_kappa,
    icc,
    krippendorff_alpha,
    leave_one_out_regression,
    leave_one_out_tests,
    limits_with_mean,
    mrmc_cases_needed,
    paired_tests,
    pooled_wilcoxon,
    rank,
    roc_auc,
    volume_agreement,
    wilson,
)
from ctbench.statistics.multi_reader.analysis import Table, analyse, difference
from ctbench.statistics.rank_sets import compare_all, rank_sets

RESULTS = Path(__file__).parent / "results" / "calibration.csv"
RATERS = ("model", "reader1", "reader2", "reader3")
CENTRE = 1.9  # logit of the Dice of a usual case: .87
MARGIN = 0.03


def share(hits: Any, what: str, **where: Any) -> dict[str, Any]:
    """Return a row with the share of successes and the interval of the simulation."""
    hits = np.asarray(hits, dtype=bool)
    estimate = wilson(int(hits.sum()), hits.size)
    return {**where, "what": what, "share": estimate.value, "low": estimate.low, "high": estimate.high, "of": hits.size}


def dice(rng: np.random.Generator, shape: tuple[int, ...], case_sd: float, noise_sd: float = 0.4) -> np.ndarray:
    """Draw Dice values of equally good raters: skewed to the left, studies x cases x raters."""
    case = rng.normal(0, case_sd, (*shape[:-1], 1))
    return 1 / (1 + np.exp(-(CENTRE + case + rng.normal(0, noise_sd, shape))))


def tidy(values: np.ndarray, label: str = "study") -> pd.DataFrame:
    """Lay out studies x cases x raters as tidy scores, one label for each study."""
    studies, cases, raters = np.indices(values.shape).reshape(3, -1)
    names = np.array(RATERS)[raters]
    return pd.DataFrame(
        {
            "dataset": "simulated",
            "case": np.char.mod("case%d", cases),
            "rater": names,
            "rater_kind": np.where(names == "model", "model", "reader"),
            "reference": "majority",
            "label": np.char.mod(f"{label}%d", studies),
            "metric": "dice",
            "value": values.ravel(),
            "unit": "1",
            "status": "ok",
            "detail": "",
        }
    )


TESTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "OLS, pooled variance": lambda scores: categorical_regression(scores, baseline="model"),
    "OLS, clustered by case": lambda scores: categorical_regression(scores, baseline="model", variant="clustered"),
    "mixed model": lambda scores: categorical_regression(scores, baseline="model", variant="mixed"),
    "paired t": lambda scores: paired_tests(scores, baseline="model", test="t"),
    "Wilcoxon": lambda scores: paired_tests(scores, baseline="model"),
}


def score_level(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Tests and intervals of scores: equal raters, 12 and 50 cases of equal (case_sd 0) or different difficulty.

    Whichever of two equal raters comes second is called worse in 10 %: each of them is in 5 %, and "worse" includes
    "not better".
    """
    for cases in (12, 50):
        for case_sd in (0.0, 0.5):
            rng = np.random.default_rng(seed)
            scores = tidy(dice(rng, (studies, cases, len(RATERS)), case_sd))
            where = {"section": "scores", "cases": cases, "case_sd": case_sd}
            for name, test in TESTS.items():
                table = test(scores)
                yield share(table["p"] < 0.05, f"{name}: rejects", **where)
                if name != "Wilcoxon":
                    covered = (table["low"] <= 0) & (table["high"] >= 0)
                    yield share(covered, f"{name}: interval covers", **where)
            truth = dice(np.random.default_rng(seed + 1), (10, 100_000, 1), case_sd).mean()
            means = describe(scores)
            yield share((means["low"] <= truth) & (means["high"] >= truth), "mean: interval covers", **where)
            shifted = scores.assign(value=scores["value"] + MARGIN * scores["rater"].eq("model"))
            claims = equivalence(shifted, model="model", margin=MARGIN)["p_equivalence"] < 0.05
            yield share(claims, "equivalence claimed at the margin", **where)
            two = scores[scores["rater"].isin(["model", "reader1"])]
            table = rank(two, resamples=500)
            yield share(~table.loc[table["rank"].eq(2), "tied_with_first"], "ranking: second called worse", **where)


def pseudo_replication(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Wilcoxon over structures x subjects where a subject's structures are scored alike."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(studies):
        subject = rng.normal(0, 0.3, (1, 12, 2)) + rng.normal(0, 0.3, (11, 12, 2))
        values = 1 / (1 + np.exp(-(CENTRE + rng.normal(0, 0.5, (1, 12, 1)) + subject)))
        scores = tidy(values, label="structure")
        labels = [f"structure{i}" for i in range(11)]
        rows.append(pooled_wilcoxon(scores, baseline="model", labels=labels).set_index("unit")["p"])
    for unit, p in pd.DataFrame(rows).items():
        yield share(p < 0.05, f"Wilcoxon over {unit}: rejects", section="pooled", cases=12)


def intervals(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Coverage of the intervals of agreement and detection, in samples of a known population."""
    rng = np.random.default_rng(seed)
    hits: dict[str, list[bool]] = {}

    def note(name: str, low: float, truth: float, high: float) -> None:
        hits.setdefault(name, []).append(low <= truth <= high)

    for _ in range(studies):
        reference = rng.lognormal(3.2, 0.7, 30)
        limits = bland_altman(reference, reference + rng.normal(-2, 5, 30))
        note("Bland-Altman bias", limits.bias_low, -2, limits.bias_high)
        note("Bland-Altman upper limit", limits.upper_low, -2 + 1.959964 * 5, limits.upper_high)
        x, noise = rng.standard_normal((2, 30))
        found = volume_agreement(x, 0.9 * x + math.sqrt(0.19) * noise + 0.5)
        note("Pearson r", found.pearson_r_low, 0.9, found.pearson_r_high)
        note("Lin's concordance", found.concordance_low, 1.8 / 2.25, found.concordance_high)
        sensitivity = wilson(rng.binomial(82, 0.95), 82)
        note("Wilson, .95 of 82", sensitivity.low, 0.95, sensitivity.high)
        truth = np.repeat([1, 0], [40, 120])
        auc = roc_auc(truth, rng.normal(1.5 * truth, 1))
        note("Newcombe's AUC, 40 of 160", auc.low, 0.5 * (1 + math.erf(1.5 / 2)), auc.high)
        few = np.repeat([1, 0], [3, 21])
        auc = roc_auc(few, rng.normal(2.5 * few, 1))
        note("Newcombe's AUC, 3 of 24, true .96", auc.low, 0.5 * (1 + math.erf(2.5 / 2)), auc.high)
        share_of_12 = wilson(rng.binomial(12, 0.1), 12)
        note("Wilson, .1 of 12 (misses, false alarms)", share_of_12.low, 0.1, share_of_12.high)
        sick = np.repeat([1, 0], [12, 40])
        called = detection(sick, rng.binomial(1, np.where(sick == 1, 0.9, 0.2)))
        note("balanced accuracy, 12 of 52", called.balanced_accuracy_low, 0.85, called.balanced_accuracy_high)
        # Readers who see a balanced truth in 85 % agree in .745, by chance in .5: kappa and alpha are .49.
        calls = (rng.random((60, 4)) < 0.85) == (rng.random((60, 1)) < 0.5)
        kappa = cohen_kappa(calls[:, 0], calls[:, 1])
        note("Cohen's kappa, 60 cases", kappa.low, 0.49, kappa.high)
        fleiss = fleiss_kappa(np.stack([calls.sum(axis=1), (~calls).sum(axis=1)], axis=1))
        note("Fleiss' kappa, 60 cases", fleiss.low, 0.49, fleiss.high)
        alpha = krippendorff_alpha(calls.astype(int).T)
        note("Krippendorff's alpha, 60 cases", alpha.low, 0.49, alpha.high)
        ratings = rng.normal(0, 5, (30, 1)) + rng.normal(0, 0.5, (1, 4)) + rng.normal(0, 1, (30, 4))
        band = limits_with_mean(ratings)
        note("limits with the mean", band.low, 1.959964 * math.sqrt(0.75 * 1.25), band.high)
        many = rng.normal(0, 5, (30, 1)) + rng.normal(0, 0.5, (1, 4)) + rng.normal(0, 1, (30, 4))
        for form, truth in (("2,1", 25 / 26.25), ("3,1", 25 / 26)):
            reliability = icc(many, form)
            note(f"ICC({form})", reliability.low, truth, reliability.high)
    for name, covered in hits.items():
        yield share(covered, f"{name}: interval covers", section="intervals")


def performance(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Coverage of the intervals of readers' STAPLE sensitivities, whose errors are of voxels or of slices."""
    sensitivities = {"reader1": 0.9, "reader2": 0.8, "reader3": 0.95}
    for what, spread in (("voxels err alone", 0.0), ("slices differ", 0.5)):
        rng, hits = np.random.default_rng(seed), []
        for _ in range(studies):
            truth = np.zeros((20, 24, 24), bool)
            truth[2:18, 6:18, 6:18] = True
            maps = {}
            for reader, sensitivity in sensitivities.items():
                logit = math.log(sensitivity / (1 - sensitivity)) + rng.normal(0, spread, (20, 1, 1))
                seen = rng.random(truth.shape) < 1 / (1 + np.exp(-logit))
                maps[reader] = (np.where(truth, seen, rng.random(truth.shape) < 0.01)).astype(np.uint8)
            table = reader_performance(maps, {"lesion": 1}).set_index(["reader", "quantity"])
            logits = rng.normal(0, spread, 20_000)
            for reader, sensitivity in sensitivities.items():
                mean = (1 / (1 + np.exp(-math.log(sensitivity / (1 - sensitivity)) - logits))).mean()
                row = table.loc[(reader, "sensitivity")]
                hits.append(row["low"] <= mean <= row["high"])
        yield share(hits, f"STAPLE sensitivity, {what}: interval covers", section="performance", cases=20)


MEANS: dict[str, tuple[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]]] = {
    "Dice, beta(17, 3)": ("dice", lambda rng, shape: rng.beta(17, 3, shape)),
    "Dice near 1, beta(98, 2)": ("dice", lambda rng, shape: rng.beta(98, 2, shape)),
    "Dice, 30 % of 0": ("dice", lambda rng, shape: np.where(rng.random(shape) < 0.3, 0, rng.beta(8, 3, shape))),
    "HD95, lognormal": ("hd95", lambda rng, shape: rng.lognormal(2, 0.6, shape)),
}


def means(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Coverage of the intervals of means and medians, of skewed and bounded scores."""
    for name, (metric, draw) in MEANS.items():
        rng = np.random.default_rng(seed)
        population = draw(rng, (1, 1_000_000))
        for cases in (5, 8, 12, 24, 50):
            values = draw(rng, (studies, cases))[..., None]
            table = describe(tidy(np.broadcast_to(values, (*values.shape[:2], 1))).assign(metric=metric))
            where = {"section": "means", "cases": cases}
            for what, truth in (("", population.mean()), ("median_", np.median(population))):
                low, high = table[f"{what}low"], table[f"{what}high"]
                known = low.notna()
                if known.any():
                    covered = (low <= truth) & (high >= truth)
                    yield share(covered[known], f"{what or 'mean_'}interval of {name}: covers", **where)


def patients(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Coverage of intervals of means where patients have one to three scans, whose Dice are alike."""
    for number in (8, 12, 24, 50):
        rng = np.random.default_rng(seed)
        owner = np.repeat(np.arange(number), 1 + np.arange(number) % 3)
        scans = dice(rng, (studies * number, 3), case_sd=0.8).reshape(studies, number, 3)
        values = scans[:, owner, np.concatenate([np.arange(own) for own in np.bincount(owner)])]
        scores = tidy(values[..., None])
        scores["patient"] = np.broadcast_to(owner, values.shape).ravel()
        truth = float(dice(rng, (1_000_000, 1), case_sd=0.8).mean())
        for name, cluster in (("", None), (", clustered by patient", "patient")):
            table = describe(scores, cluster=cluster)
            covered = (table["low"] <= truth) & (table["high"] >= truth)
            where = {"section": "patients", "cases": len(owner)}
            yield share(covered, f"mean of 1 to 3 scans of {number} patients{name}: interval covers", **where)


def ranks(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Share of studies in which the sets of all raters hold their true ranks, for raters that nearly tie."""
    for cases, raters in ((8, 5), (12, 5), (12, 10), (50, 10), (50, 60)):
        rng = np.random.default_rng(seed)
        truth = np.linspace(0.02, 0, raters)
        hits, ruled_out = [], []
        for _ in range(studies if raters < 60 else max(studies // 10, 20)):
            values = 0.8 + truth + rng.normal(0, 0.1, (cases, 1)) + rng.normal(0, 0.05, (cases, raters))
            compared = compare_all(values, np.arange(cases))
            low, high = rank_sets(values, compared.pairs)
            ruled_out.append(compared.best[0] < 0.05)
            true_rank = np.arange(1, raters + 1)
            hits.append(((low <= true_rank) & (high >= true_rank)).all())
        yield share(hits, f"rank sets of {raters} raters hold all true ranks", section="ranks", cases=cases)
        yield share(ruled_out, f"the best of {raters} called worse than the first", section="ranks", cases=cases)


def main_test(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """The main test of readers and models under the null hypothesis, on scores of their own references."""
    readers = RATERS[1:]
    for what, patients, spreads in (
        ("equal spreads", 12, (0.4, 0.4)),
        ("spreads 2.5-fold", 12, (0.4, 1.0)),
        ("two scans a patient", 8, (0.4, 0.4)),
    ):
        rng, parts = np.random.default_rng(seed), []
        scans = 2 if what.startswith("two") else 1
        cases = patients * scans
        for reader in readers:
            logits = CENTRE + rng.normal(0, 0.5, (studies, cases, 1)) + rng.normal(0, spreads, (studies, cases, 2))
            if scans > 1:  # a patient's scans share the difference of the two raters
                logits += np.repeat(rng.normal(0, 0.4, (studies, patients, 2)), scans, axis=1)
            own = tidy(logits).assign(reference=without("majority", reader))
            own["rater"] = own["rater"].map({"model": "model", "reader1": reader})
            parts.append(own)
        scores = pd.concat(parts, ignore_index=True)
        scores["patient"] = scores["case"].str.removeprefix("case").astype(int) // scans
        table = leave_one_out_tests(scores, baseline="model", cluster="patient")
        yield share(table["p"] < 0.05, f"main test, {what}: one reader rejects", section="main test", cases=cases)
        covered = (table["low"] <= 0) & (table["high"] >= 0)
        yield share(covered, f"main test, {what}: interval covers", section="main test", cases=cases)
        any_reader = (table["p_holm"] < 0.05).groupby(table["label"]).any()
        yield share(any_reader, f"main test, {what}: some reader, after Holm", section="main test", cases=cases)


def disc(rng: np.random.Generator, centre: np.ndarray, radius: float) -> np.ndarray:
    """Draw a disc as one rater sees it: a slip of the whole border, and a ripple that is correlated along it."""
    size = 48
    y, x = np.mgrid[:size, :size] - centre[:, None, None]
    angle = np.arctan2(y, x)
    border = np.full_like(angle, radius + rng.normal(0, 0.6))
    for order in range(1, 7):
        a, b = rng.normal(0, 1.4 / order, 2)
        border += a * np.cos(order * angle) + b * np.sin(order * angle)
    return (np.hypot(x, y) < border)[None].astype(np.uint8)


def scored(
    reference: Reference, name: str, masks: dict[str, np.ndarray], case: int, study: int
) -> list[dict[str, Any]]:
    """Score some raters' masks on one reference."""
    rows = []
    for rater, mask in masks.items():
        row = score(reference, mask, spacing_mm=(1.0, 1.0, 1.0), labels={"disc": 1}, metrics=["dice"]).iloc[0]
        kind = "model" if rater == "model" else "reader"
        names = {"dataset": "simulated", "case": f"case{case}", "rater": rater, "rater_kind": kind, "reference": name}
        rows.append({**names, **row, "label": f"study{study}"})
    return rows


def mask_level(studies: int, cases: int = 12, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Masks of equal raters, fused and scored: readers look better on the majority that they made, and only there."""
    rng, rows = np.random.default_rng(seed), []
    for study in range(studies):
        for case in range(cases):
            centre, radius = 24 + rng.normal(0, 2, 2), rng.uniform(7, 14)
            masks = {rater: disc(rng, centre, radius) for rater in RATERS}
            readers = {rater: mask for rater, mask in masks.items() if rater != "model"}
            rows += scored(fuse(readers), "majority", masks, case, study)
            for reader, reference in leave_one_out(readers).items():
                pair = {"model": masks["model"], reader: masks[reader]}
                rows += scored(reference, without("majority", reader), pair, case, study)
    scores = pd.DataFrame(rows)
    common = scores[scores["reference"].eq("majority")]
    where = {"section": "masks", "cases": cases}
    for name, table in (("majority", common), ("leave-one-out", scores[scores["reference"].ne("majority")])):
        means = table.groupby("rater_kind")["value"].mean()
        for kind in ("reader", "model"):
            yield {**where, "what": f"mean Dice of {kind}s on {name}", "share": means[kind], "of": studies * cases}
    for variant in ("pooled", "clustered"):
        plain = categorical_regression(common, baseline="model", variant=variant)
        fair = leave_one_out_regression(scores, baseline="model", variant=variant)
        yield share(plain["p"] < 0.05, f"OLS, {variant}, on the common majority: rejects", **where)
        yield share(fair["p"] < 0.05, f"OLS, {variant}, on leave-one-out references: rejects", **where)
    main = leave_one_out_tests(scores, baseline="model")
    yield share(main["p"] < 0.05, "main test on leave-one-out references: rejects", **where)


def population(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """A model that is as good as readers are on average, against readers of different skill.

    The model's own error in a case is as large as a reader's, a third of it, or twice as large.
    """
    settings = itertools.product((3, 4, 5, 8), (8, 12, 50, 200), (0.0, 0.01, 0.02, 0.05), (0.01, 0.03, 0.06))
    for readers, cases, skill, error in settings:
        rng, tests, pooled = np.random.default_rng(seed), [], []
        for _ in range(studies):
            values = rng.normal(0, 0.05, cases) + rng.normal(0, 0.01, (2, readers, cases))
            values[0] += rng.normal(0, error, cases)  # one model: its scores on all references are nearly equal
            values[1] += rng.normal(0, skill, (readers, 1)) + rng.normal(0, 0.03, (readers, cases))
            found = np.cov(values.reshape(2 * readers, cases)) / cases  # as ``mrmc_of_scores``, without its tables
            table = Table(values.mean(axis=2), found, sampled=cases)
            tests.append(difference(table, 0, 1, "random readers and cases").p)
            minus = (values[0] - values[1]).ravel()
            pooled.append(math.sqrt(minus.size) * abs(minus.mean()) / minus.std(ddof=1))
        where = {"section": "population", "cases": cases}
        what = f"{readers} readers, SD of skill {skill:g}, of the model's error {error:g}"
        yield share(np.array(tests) < 0.05, f"model against readers as a population, {what}: rejects", **where)
        limit = stdtrit(readers * cases - 1, 0.975)
        yield share(np.array(pooled) > limit, f"t test of all pairs of scores, {what}: rejects", **where)


def nested(studies: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Equal conditions, each with readers of its own, as many or not; readers differ little, or more."""
    settings = itertools.product(((7, 7), (5, 12), (2, 8), (3, 4, 8)), (40, 200), (0.05, 0.15))
    for sizes, cases, skill in settings:
        rng, rejects, condition = np.random.default_rng(seed), [], np.repeat(np.arange(len(sizes)), sizes)
        places = np.arange(max(sizes)) < np.array(sizes)[:, None]
        for _ in range(studies):
            values = rng.normal(0, 1, cases) + rng.normal(0, 0.5, (len(sizes), cases))[condition]
            values += rng.normal(0, skill, (sum(sizes), 1)) + rng.normal(0, 0.7, values.shape)
            figures = np.full(places.shape, math.nan)
            figures[places] = values.mean(axis=1)
            table = Table(figures, np.cov(values) / cases, "readers nested")
            rejects.append(analyse(table, "random readers and cases").p < 0.05)
        what = f"nested readers, {' and '.join(map(str, sizes))}, SD of skill {skill:g}: rejects"
        yield share(rejects, what, section="nested", cases=cases)


def planning(studies: int, seed: int = 0, asked: tuple[int, ...] = (5, 10)) -> Iterator[dict[str, Any]]:
    """Studies of 5 or 10 readers, as many cases as planned for a power of .8: what they find, and how wide it is."""
    for name, readings in PLANNED.items():
        rng, truth = np.random.default_rng(seed), readings.true_difference
        plan = mrmc_cases_needed(readings.pilot(rng), difference=truth, readers=asked).dropna(subset="cases")
        for readers, cases, half_width in plan[["readers", "cases", "half_width"]].itertuples(index=False):
            made = [readings.study(rng, readers, cases).differences for _ in range(studies)]
            rows = pd.concat(made).query("analysis == 'random readers and cases'")
            where = {"section": "planning", "cases": cases}
            what = f"{name}, {readers} readers"
            yield share(rows["p"] < 0.05, f"{what}: power .8 planned, found", **where)
            yield share((rows["low"] <= truth) & (truth <= rows["high"]), f"{what}: interval covers", **where)
            ratios = (rows["high"] - rows["low"]) / 2 / half_width
            error = 1.96 * ratios.std() / math.sqrt(studies)
            numbers = {"share": ratios.mean(), "low": ratios.mean() - error, "high": ratios.mean() + error}
            yield {**where, "what": f"{what}: half-width over the planned one", **numbers, "of": studies}


SECTIONS: dict[str, tuple[Callable[[int], Iterator[dict[str, Any]]], int]] = {
    "intervals": (intervals, 1),
    "performance": (performance, 4),
    "means": (means, 1),
    "patients": (patients, 1),
    "main_test": (main_test, 1),
    "ranks": (ranks, 2),
    "mask_level": (mask_level, 4),
    "pseudo_replication": (pseudo_replication, 4),
    "score_level": (score_level, 1),
    "planning": (planning, 1),
    "population": (population, 1),
    "nested": (nested, 1),
}
"""Section -> its simulation, and by what the number of studies is divided."""


def main() -> None:
    """Run the simulations, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies of each kind")
    parser.add_argument("--sections", nargs="+", default=list(SECTIONS), choices=SECTIONS)
    parser.add_argument("--csv", type=Path, default=RESULTS, help="file of the table")
    arguments = parser.parse_args()
    tables = []
    for name in arguments.sections:
        simulation, divisor = SECTIONS[name]
        start = time.process_time()
        tables.append(pd.DataFrame(simulation(max(arguments.studies // divisor, 2))))
        print(f"{name}: {time.process_time() - start:.0f} s")
        print(tables[-1].round(3).to_string(index=False, na_rep=""), flush=True)
        pd.concat(tables).to_csv(arguments.csv, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
