"""Cells of tables and captions of figures, as markup; the colours of raters."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from ctbench.report import explanations
from ctbench.report.drawings.colours import MODEL_COLOURS, READER_COLOURS, palette
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.page.markup import Cell, Column, Html, element, join
from ctbench.report.wording import MISSING, fixed, interval

__all__ = [
    "CONTRIBUTE",
    "calls_cells",
    "calls_columns",
    "captioned",
    "count_cell",
    "interval_cell",
    "lined_cell",
    "mean_cell",
    "mean_sd",
    "model_fold",
    "number_cell",
    "of_cell",
    "rater_cell",
    "shaded_cell",
    "when_fewer",
]

CONTRIBUTE = element("span", explanations.CONTRIBUTE, class_="badge warn")
"""Badge beside scores of readers on a reference that was made from their own label maps."""


def rater_cell(name: str, kind: str, palette: Mapping[str, str], reference: str = "") -> Cell:
    """Show a rater with its colour; below it, its kind and the reference, where one is given."""
    swatch = element("i", class_="swatch", style=f"background:{palette.get(name, READER_COLOURS[0])}")
    below = element("small", f"{kind}, {reference}", class_="line") if reference else None
    return Cell(join((swatch, name, below)), name, kind=f"rater {kind}")


def mean_sd(mean: float, sd: float, unit: str = "1") -> Html:
    """Return mean ± SD as markup, without the SD if it is undefined (a single case)."""
    if not math.isfinite(mean):
        return Html(MISSING)
    spread = element("span", f" ± {fixed(sd, unit)}", class_="sd") if math.isfinite(sd) else None
    return join((fixed(mean, unit), spread))


def mean_cell(mean: float, sd: float, unit: str, *, mark: str = "", kind: str = "", below: Html | None = None) -> Cell:
    """Show mean ± SD with an asterisk or dagger, sorted by the mean."""
    return Cell(join((mean_sd(mean, sd, unit), element("sup", mark, class_="mark"), below)), mean, kind)


def when_fewer(n: int, cases: int) -> Html | None:
    """Return the number of cases that a mean counts, or None if these are all cases."""
    return None if n == cases else element("small", f"n = {n}", class_="line")


def number_cell(value: float, unit: str) -> Cell:
    """Show a number with the digits of its unit."""
    return Cell(fixed(value, unit), value)


def lined_cell(shown: object, below: str, order: float | str | None) -> Cell:
    """Show something over a small line; an empty line, or one that is a dash, is left out."""
    line = None if below in ("", MISSING) else element("small", below, class_="line")
    return Cell(join((shown, line)), order)


def interval_cell(value: float, low: float, high: float, unit: str = "1", digits: int | None = None) -> Cell:
    """Show a number over its interval, where it has one; arguments as for ``fixed``."""
    return lined_cell(fixed(value, unit, digits), interval(low, high, unit, digits), float(value))


def count_cell(value: float, *, quiet: bool = False) -> Cell:
    """Show a count; a quiet zero is pale, so that other counts stand out."""
    return Cell(str(int(value)), float(value), "zero" if quiet and value == 0 else "")


def calls_columns() -> tuple[Column, ...]:
    """Return the columns of what stands beside a mean over positives, see ``calls_cells``."""
    return (
        Column("misses", hint=explanations.MISSES),
        Column("false alarms", hint=explanations.FALSE_ALARMS),
        Column("specificity", hint=f"{explanations.SPECIFICITY}, with its 95 % interval"),
        Column("false volume", "mL", hint=explanations.FALSE_VOLUME),
    )


def calls_cells(row: Mapping[Any, Any]) -> tuple[Cell, ...]:
    """Show misses and false alarms as k of n, specificity with its interval, and the volume drawn in a negative."""
    return (
        of_cell(row["misses"], row["positives"]),
        of_cell(row["false_alarms"], row["negatives"]),
        interval_cell(row["specificity"], row["specificity_low"], row["specificity_high"]),
        number_cell(row["false_ml"], "mL"),
    )


def model_fold(results: ComparableRuns, model: str, *content: object, focus: Collection[str] = ()) -> Html:
    """Fold what belongs to one model away under its name and colour; it is open for a model in focus."""
    swatch = element("i", class_="swatch", style=f"background:{palette(results).get(model, READER_COLOURS[0])}")
    is_open = "" if model in focus else None
    return element("details", element("summary", swatch, model), *content, class_="model", open=is_open)


def shaded_cell(value: float, unit: str, depth: float, colour: str = MODEL_COLOURS[0]) -> Cell:
    """Show a number on a colour that deepens with it, in light and in dark.

    Args:
        value: The number.
        unit: Its unit.
        depth: How deep the colour is, from 0 to 1.
        colour: The deepest colour.
    """
    if math.isnan(value):
        return Cell(MISSING)
    shade = f"background: color-mix(in srgb, {colour} {70 * min(max(depth, 0), 1):.0f}%, transparent)"
    return Cell(element("span", fixed(value, unit), class_="shade", style=shade), value)


def of_cell(count: float, n: float, *, quiet: bool = True) -> Cell:
    """Show a count as ``k of n``, a dash where there are none to count; a quiet zero is pale."""
    if not n > 0:
        return Cell(MISSING, kind="zero")
    return Cell(f"{count:.0f} of {n:.0f}", float(count), "zero" if quiet and not count else "")


def captioned(content: Html, caption: str) -> Html:
    """Return a figure with its caption; on a narrow page the figure scrolls."""
    return element("figure", element("div", content, class_="scroll plot", tabindex=0), element("figcaption", caption))
