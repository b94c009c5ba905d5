"""Time of fusing five readers, with and without each of them, and of scoring a model on the six references.

References with indeterminate voxels cost more than plain ones: the model is also scored on the common labels alone, as
tools without indeterminate voxels do. Medians of processor time, in turn, so that a busy machine is busy for all.

    python benchmarks/references.py --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import workloads
from workloads import WORKLOADS

from ctbench.consensus import fuse, leave_one_out
from ctbench.metrics import score, score_by_reference


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", default="A", choices=WORKLOADS)
    parser.add_argument("--readers", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    workload = WORKLOADS[options.scene]
    truth, prediction = workloads.make(workload)
    drawn = workloads.readers(truth, workload, options.readers)
    labels = {f"label {code}": code for code in range(1, workload.labels + 1)}
    references = [fuse(drawn), *leave_one_out(drawn).values()]
    share = references[0].excluded.sum() / (references[0].excluded | (references[0].labels > 0)).sum()

    rules: dict[str, Any] = {"spacing_mm": workload.spacing_mm, "labels": labels}
    plain, named = references[0].labels, {reference.method: reference for reference in references}
    works: dict[str, Callable[[], object]] = {
        "fuse": lambda: fuse(drawn),
        "leave_one_out": lambda: leave_one_out(drawn),
        "score, labels alone": lambda: score(plain, prediction, **rules),
        "score, one reference": lambda: score(references[0], prediction, **rules),
        f"score, {len(references)} together": lambda: score_by_reference(named, prediction, **rules),
        f"score, {len(references)} in turn": lambda: [score(one, prediction, **rules) for one in references],
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(options.rounds + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if turn:  # the first compiles
                times[name].append(time.process_time() - start)
    print(f"{workload.shape}, {workload.labels} labels, {options.readers} readers, {100 * share:.1f} % indeterminate")
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, seconds in medians.items():
        print(f"{name:24} {seconds:.3f} s{seconds / medians['score, one reference']:7.2f} of one reference")


if __name__ == "__main__":
    main()
