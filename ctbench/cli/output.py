"""What commands print: tables, JSON, CSV, notes on standard error, and progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctbench.cli.tables import print_table
from ctbench.printable import printable
from ctbench.scores import LOST

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.runs import Run

__all__ = [
    "note",
    "note_lost_cases",
    "print_frame",
    "print_record",
    "print_rows",
    "print_summary",
    "show_progress",
    "with_interval",
    "with_sd",
]


def print_frame(
    frame: pd.DataFrame,
    *,
    as_json: bool = False,
    as_csv: bool = False,
    title: str = "",
    columns: Sequence[str] | None = None,
) -> None:
    """Print a table.

    Args:
        frame: The rows.
        as_json: Print a JSON list of objects, with null for a missing value.
        as_csv: Print comma-separated values.
        title: Heading of the table; not printed as JSON or CSV.
        columns: Names of the columns that people see; JSON and CSV have all. None: all.
    """
    if as_json:
        rows = json.loads(frame.to_json(orient="records", double_precision=15))
        text = json.dumps(rows, indent=1, ensure_ascii=False)
        print("".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text))
    elif as_csv:
        from ctbench.spreadsheet import as_csv as csv_of

        sys.stdout.write(printable(csv_of(frame, line_end="\n").decode(), keep="\n"))
    else:
        shown = frame if columns is None else frame[list(columns)]
        print_table({str(name): values.tolist() for name, values in shown.items()}, title)


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print rows with equal keys, as ``print_frame`` does, without pandas where people read them."""
    if as_json or as_csv:
        import pandas as pd

        print_frame(pd.DataFrame(list(rows)), as_json=as_json, as_csv=as_csv)
    elif rows:
        print_table({name: [row[name] for row in rows] for name in rows[0]})


def print_record(row: Mapping[str, Any], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print one row: for people as one line for each field, without empty ones."""
    if as_json or as_csv:
        print_rows([row], as_json=as_json, as_csv=as_csv)
        return
    facts = {name.replace("_", " "): str(value) for name, value in row.items() if value not in ("", None)}
    print_table({"field": list(facts), "value": list(facts.values())})


def print_summary(runs: Sequence[Run], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print the mean scores of the raters of some runs, a table for each dataset, and note the folders of the runs."""
    from ctbench.report import summary_table

    frame = summary_table(runs)
    if as_json or as_csv:
        print_frame(frame, as_json=as_json, as_csv=as_csv)
    else:
        for _, own in frame.groupby("dataset", sort=False):
            print_frame(_summary(own))
    for run in runs:
        note(f"{'reused' if run.reused else 'run'}: {run.folder}")


def _summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return mean ± SD and k of n as text, without the columns that people find in the report."""
    spreads = [name for name in frame.columns if f"{name}_sd" in frame.columns]
    shown = frame.assign(
        **{name: with_sd(frame[name], frame[f"{name}_sd"]) for name in spreads},
        **{count: _of(frame[count], frame[n]) for count, n in _COUNTED},
    )
    hidden = [f"{name}_sd" for name in spreads] + [name for name in _BESIDE if name in frame.columns]
    rater = ["rater", *(name for name in shown.columns if name != "rater")]
    return shown[rater].drop(columns=hidden)


def with_sd(means: Iterable[float], spreads: Iterable[float]) -> list[str]:
    """Return means ± SD as text: a mean of one value alone, and a dash where there is none."""
    from ctbench.report.wording import mean_sd

    return [mean_sd(mean, sd, digits=3).translate(_TYPED) for mean, sd in zip(means, spreads, strict=True)]


def with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """Return a number and its interval as text: a number without one alone, and a dash where there is none."""
    from ctbench.report import wording

    return wording.with_interval(value, low, high, digits=digits).translate(_TYPED)


_TYPED = str.maketrans("−–", "--")
"""Terminals print the signs of a keyboard for a minus and for nothing, so that numbers can be copied."""


def _of(counts: Iterable[int], totals: Iterable[int]) -> list[str]:
    return [f"{k} of {n}" if n else "-" for k, n in zip(counts, totals, strict=True)]


_COUNTED = (("misses", "positives"), ("false_alarms", "negatives"))

_BESIDE = (
    *("rater_kind", "undefined", "penalised", "positives", "negatives"),
    *("specificity", "specificity_low", "specificity_high"),
)
"""Columns of a summary that people find in the report, and programs in JSON and CSV."""


def note(message: str) -> None:
    """Print a message on standard error, so that standard output holds the table only."""
    print(printable(message, keep="\n"), file=sys.stderr)


def note_lost_cases(run: Run) -> int:
    """Note the cases that have no prediction, and return the exit code of the command.

    0: none, or some but not all; 1: all; 2: the predictor broke the contract of predictors.
    """
    lost = run.scores[run.scores["status"].isin(LOST)].drop_duplicates("case")
    if lost.empty:
        return 0
    for row in lost.head(5).itertuples():
        note(f"ctbench: case {row.case} {row.status}: {row.detail}")
    if len(lost) > 5:
        note(f"ctbench: and {len(lost) - 5} more; see {run.folder / 'log.jsonl'}")
    kept = [str(message["refused"]) for message in run.messages() if message.get("refused")]
    if kept:
        note(f"ctbench: what the predictor wrote is kept for you to look at: {Path(kept[-1]).parent}")
    note(f"ctbench: {len(lost)} of {len(run.manifest.cases)} cases have no prediction and are penalised")
    if any(message.get("broken_contract") and message["case"] in set(lost["case"]) for message in run.messages()):
        return 2
    return 1 if len(lost) == len(run.manifest.cases) else 0


def show_progress(name: str, steps: Iterable[Any], total: int) -> Iterator[Any]:
    """Yield ``steps`` while a progress bar is shown on standard error, if that is a terminal."""
    from rich.console import Console  # 50 ms that --help does not need
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal or not total) as progress:
        yield from progress.track(steps, total=total, description=printable(name))
