"""What commands print: tables, JSON, CSV, notes on standard error, and progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ctbench.printable import printable
from ctbench.scores import LOST

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.runs import Run

__all__ = ["note", "note_lost_cases", "print_frame", "print_summary", "show_progress"]


def print_frame(frame: pd.DataFrame, *, as_json: bool = False, as_csv: bool = False, title: str = "") -> None:
    """Print a table.

    Args:
        frame: The rows.
        as_json: Print a JSON list of objects, with null for a missing value.
        as_csv: Print comma-separated values.
        title: Heading of the table; not printed as JSON or CSV.
    """
    if as_json:
        rows = json.loads(frame.to_json(orient="records", double_precision=15))
        text = json.dumps(rows, indent=1, ensure_ascii=False)
        print("".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text))
    elif as_csv:
        from ctbench.spreadsheet import as_csv as csv_of

        sys.stdout.write(printable(csv_of(frame, line_end="\n").decode(), keep="\n"))
    else:
        _print_for_people(frame, title)


def print_summary(runs: Sequence[Run], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print the mean scores of the raters of some runs, and note the folders of the runs."""
    from ctbench.report import summary_table

    frame = summary_table(runs)
    if not (as_json or as_csv):
        spreads = [name for name in frame.columns if f"{name}_sd" in frame.columns]
        for name in spreads:
            frame[name] = [
                f"{_cell(mean)} ± {_cell(sd)}" for mean, sd in zip(frame[name], frame[f"{name}_sd"], strict=True)
            ]
        for count, n in (("misses", "positives"), ("false_alarms", "negatives")):
            frame[count] = [f"{k} of {of}" for k, of in zip(frame[count], frame[n], strict=True)]
        hidden = [f"{name}_sd" for name in spreads] + [name for name in _BESIDE if name in frame.columns]
        frame = frame.drop(columns=hidden)
    print_frame(frame, as_json=as_json, as_csv=as_csv)
    for run in runs:
        note(f"{'reused' if run.reused else 'run'}: {run.folder}")


_BESIDE = ("undefined", "penalised", "positives", "negatives", "specificity", "specificity_low", "specificity_high")
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


def _print_for_people(frame: pd.DataFrame, title: str) -> None:
    from rich.box import SIMPLE_HEAD  # as above
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heading = Text(printable(title)) if title else None
    table = Table(box=SIMPLE_HEAD, title=heading, title_justify="left", title_style="bold")
    for name in frame.columns:
        is_number = frame[name].dtype.kind in "iuf"
        heading = Text(printable(str(name)).replace("_", " "))
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        # Text, not markup: names come from users.
        table.add_row(*(Text(_cell(value)) for value in row))
    # If standard output is no terminal, nothing is cut to its width.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else printable(" ".join(str(value).splitlines()))
