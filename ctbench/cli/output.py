"""What commands print: tables for people, JSON and CSV for programs, progress for the impatient."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.runs import Run

__all__ = ["AsCsv", "AsJson", "note", "print_frame", "print_summary", "show_progress"]

AsJson = Annotated[bool, typer.Option("--json", help="Print the rows as a JSON list of objects.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")]


def print_frame(frame: pd.DataFrame, *, as_json: bool = False, as_csv: bool = False, title: str = "") -> None:
    """Print a table.

    Args:
        frame: its rows.
        as_json: as a JSON list of objects, null where a value is missing.
        as_csv: as comma-separated values.
        title: stands above the table; only people see it.
    """
    if as_json:
        rows = json.loads(frame.to_json(orient="records", double_precision=15))
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif as_csv:
        sys.stdout.write(frame.to_csv(index=False))
    else:
        _print_for_people(frame, title)


def print_summary(runs: Sequence[Run], *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print where the raters of some runs stand, and say where the runs are."""
    from ctbench.report import summary_table

    frame = summary_table(runs)
    if not (as_json or as_csv):
        spreads = [name for name in frame.columns if f"{name}_sd" in frame.columns]
        for name in spreads:
            frame[name] = [
                f"{_cell(mean)} ± {_cell(sd)}" for mean, sd in zip(frame[name], frame[f"{name}_sd"], strict=True)
            ]
        frame = frame.drop(columns=[f"{name}_sd" for name in spreads])
    print_frame(frame, as_json=as_json, as_csv=as_csv)
    for run in runs:
        note(f"{'reused' if run.reused else 'run'}: {run.folder}")


def note(message: str) -> None:
    """Tell a person something beside the table: on standard error, so that pipes stay clean."""
    print(message, file=sys.stderr)


def show_progress(name: str, steps: Iterable[Any], total: int) -> Iterator[Any]:
    """Pass steps on while a bar on standard error shows how far they are; silent where that is no terminal."""
    from rich.console import Console  # 50 ms that --help does not need
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal or not total) as progress:
        yield from progress.track(steps, total=total, description=name)


def _print_for_people(frame: pd.DataFrame, title: str) -> None:
    from rich.box import SIMPLE_HEAD  # as above
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", title_style="bold")
    for name in frame.columns:
        is_number = frame[name].dtype.kind in "iuf"
        heading = Text(str(name).replace("_", " "))
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        # Text, not markup: names come from users.
        table.add_row(*(Text(_cell(value)) for value in row))
    # Not a terminal: nothing is cut, whatever reads it has its own width.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
