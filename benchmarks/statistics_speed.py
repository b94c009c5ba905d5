"""Time of all statistics of a large benchmark on one core: 20 raters x 500 cases x 11 structures x 12 metrics.

OMP_NUM_THREADS=1 python benchmarks/statistics_speed.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from ctbench.statistics import (
    categorical_regression,
    describe,
    overall,
    paired_tests,
    rank,
)

METRICS = (
    *("dice", "jaccard", "sensitivity", "precision", "nsd", "hd", "hd95", "assd", "masd"),
    *("volume_difference_absolute_ml", "rvd_absolute", "nsd_voxel"),
)


def scores(raters: int, cases: int, structures: int, seed: int = 0) -> pd.DataFrame:
    """Make tidy scores of every rater, case, structure and metric."""
    names = {
        "case": [f"case{i}" for i in range(cases)],
        "rater": [f"rater{i}" for i in range(raters)],
        "label": [f"structure{i}" for i in range(structures)],
        "metric": METRICS,
    }
    table = pd.MultiIndex.from_product(names.values(), names=list(names)).to_frame(index=False)
    value = np.random.default_rng(seed).beta(8, 2, len(table))
    constant = {"dataset": "made up", "rater_kind": "model", "reference": "majority", "unit": "1", "status": "ok"}
    return table.assign(value=value, detail="", **constant)


def main() -> None:
    """Time each step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=20)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--structures", type=int, default=11)
    arguments = parser.parse_args()
    table = scores(arguments.raters, arguments.cases, arguments.structures)
    by = ("metric", "label")
    steps: dict[str, Callable[[], pd.DataFrame]] = {
        "means, quartiles, counts": lambda: describe(table),
        "means over structures": lambda: overall(table, labels=sorted(table["label"].unique())),
        "OLS against one baseline": lambda: categorical_regression(table, baseline="rater0", by=by),
        "Wilcoxon, Holm, BH": lambda: paired_tests(table, baseline="rater0", by=by),
        "paired t": lambda: paired_tests(table, baseline="rater0", test="t", by=by),
        "mean-then-rank, 1,000 resamples": lambda: rank(table, by=by),
        "rank-then-mean, 1,000 resamples": lambda: rank(table, by=by, method="rank-then-mean"),
    }
    print(f"{len(table):,} scores")
    total = 0.0
    for name, step in steps.items():
        start = time.process_time()
        step()
        seconds = time.process_time() - start
        total += seconds
        print(f"{name:34} {seconds:6.2f} s")
    print(f"{'together':34} {total:6.2f} s")


if __name__ == "__main__":
    main()
