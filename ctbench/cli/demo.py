"""`ctbench demo`: score models and readers on two generated phantom datasets, and write a report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Jobs, chosen_split
from ctbench.cli.output import note, note_lost_cases, print_summary, show_progress
from ctbench.extras import expect_extra

__all__ = ["DEMO", "WITH_PROBABILITIES", "demo"]

DEMO = {
    "phantom-anatomy": ("atlas", "cai-unet-demo", "deepnat-demo"),
    "phantom-hemorrhage": ("threshold", "deepbleed-128-demo", "cascade-unet-demo", "hybrid-mask-rcnn-demo"),
}
"""Dataset -> its predictors: a baseline, and small networks of the papers' kind that learnt on phantoms."""

WITH_PROBABILITIES = ("cascade-unet-demo",)
"""Predictors whose probabilities are kept, so that the report has a part about uncertainty."""


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of runs and report.")] = Path("demo"),
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Generate two phantom datasets, score models and readers on them, and write a report.

    Example: `ctbench demo`
    """
    from ctbench.datasets import dataset_root, find_entry, is_built, load_dataset
    from ctbench.report import build_report
    from ctbench.runs import READERS, run

    expect_extra("torch", "ctbench demo")
    start = time.perf_counter()
    datasets, runs = {}, []
    for name, predictors in DEMO.items():
        built = is_built(found := find_entry(name), dataset_root(found))
        note(f"{name}: {'reused from' if built else 'made in'} {dataset_root(found)}")
        datasets[name] = load_dataset(name)
        split = chosen_split(datasets[name], None)
        for spec in (*predictors, READERS):
            result = run(
                datasets[name],
                spec,
                out / name / spec,
                split=split,
                jobs=jobs,
                progress=show_progress,
                keep_probabilities=spec in WITH_PROBABILITIES,
            )
            note_lost_cases(result)
            runs.append(result)
    page = build_report(runs, out / "report.html", datasets=datasets, command="ctbench demo", progress=show_progress)
    print_summary(runs, as_json=as_json, as_csv=as_csv)
    note("models called -demo are small networks that learnt on simulated heads: for phantoms only")
    note(f"report: {page.resolve()}\nruns:   {out.resolve()}\n{time.perf_counter() - start:.0f} s")
