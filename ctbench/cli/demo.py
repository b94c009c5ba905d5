"""``ctbench demo``: the whole way from readers to a report, on phantoms that make themselves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.data import Jobs, chosen_split
from ctbench.cli.output import AsCsv, AsJson, note, print_summary, show_progress
from ctbench.cli.scoring import failure_note

__all__ = ["DEMO", "register"]

DEMO = {
    "phantom-anatomy": ("atlas", "cai-unet", "deepnat"),
    "phantom-hemorrhage": ("threshold", "deepbleed-128", "cascade-unet", "hybrid-mask-rcnn"),
}
"""Dataset -> a baseline, and the papers' models with weights for phantoms."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for runs and report.")] = Path("demo"),
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Make both phantom datasets, score models and readers on them, and write a report.

    Example: `ctbench demo`
    """
    from ctbench.datasets import dataset_root, find_entry, is_built, load_dataset
    from ctbench.report import build_report
    from ctbench.runs import READERS, run

    start = time.perf_counter()
    datasets, runs = {}, []
    for name, predictors in DEMO.items():
        built = is_built(found := find_entry(name), dataset_root(found))
        note(f"{name}: {'reused from' if built else 'made in'} {dataset_root(found)}")
        datasets[name] = load_dataset(name)
        split = chosen_split(datasets[name], None)
        for spec in (*predictors, READERS):
            result = run(datasets[name], spec, out / name / spec, split=split, jobs=jobs, progress=show_progress)
            failure_note(result)
            runs.append(result)
    page = build_report(runs, out / "report.html", datasets=datasets, command="ctbench demo", progress=show_progress)
    print_summary(runs, as_json=as_json, as_csv=as_csv)
    note(f"report: {page.resolve()}\nruns:   {out.resolve()}\n{time.perf_counter() - start:.0f} s")
