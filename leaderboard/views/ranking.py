"""Page Ranking: ranks with intervals, and the raters without a rank with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from ctbench.errors import DataError
from ctbench.report import explanations
from ctbench.report.drawings.charts import standing_chart
from ctbench.report.drawings.colours import palette
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns, broken_runs
from ctbench.report.frames.local_datasets import is_phantom
from ctbench.report.frames.published import published_rows
from ctbench.report.frames.standings import STANDING_COLUMNS
from ctbench.report.frames.subgroups import subgroup_columns, subgroup_table
from ctbench.report.frames.verdict import rank_in_words, verdicts
from ctbench.report.wording import counted, fixed, metric_title, unit_title
from ctbench.scores import RaterKind
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show"]

_DRAWN = 30
_USUAL = (
    *("rank", "rank_low", "rank_high", "p_first", "rater", "rater_kind", "mean", "low", "high", "median", "n"),
    "undefined",
    *(
        "misses",
        "false_alarms",
        "negatives",
        "specificity",
        "false_ml",
        "failed",
        "seconds",
        "version",
        "date",
        "checked",
        "trained_here",
        "reason",
    ),
)
_SHADES = {RaterKind.READER.value: "#eef0f2", tables.ALL_READERS_KIND: "#e3e6e9", "published": "#fdf1e7"}
_MINE = "#fff3bf"
_EVERYBODY, _NOBODY = "all cases", "none"


def show(selection: Selection) -> None:
    """Draw the page: the answer first, its controls below."""
    answer = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cases = _ask_subgroup(selection)
        wanted = controls.search("Find a rater", "find")
        mine = controls.choice("My model", [_NOBODY, *selection.runs.models], "mine", hint="is marked in the table")
    table = selection.standings(cases)
    printed = published_rows(
        selection.runs.dataset,
        selection.structure.over,
        selection.metric,
        reference=selection.reference,
        tolerance_mm=selection.runs.manifest.tolerance_mm,
    ).drop(columns="incomparable")
    table = pd.concat([table, printed.astype(object)], ignore_index=True) if len(printed) else table
    columns, order, down = _ask_columns()
    found = table[table["rater"].str.contains(wanted, case=False, regex=False)] if wanted else table
    found = found.sort_values(order, ascending=not down, na_position="last", kind="stable") if order else found
    unit = selection.unit()
    with answer:
        _lead(selection, table, cases)
        if mine != _NOBODY:
            _place(selection, table, mine)
        _draw(found, table.loc[table["rater_kind"] == RaterKind.READER, "mean"].dropna(), selection, unit)
        row = layout.table(
            found[columns if columns != list(_USUAL) else _filled(found)],
            f"ranking-{selection.runs.dataset}-{selection.metric}",
            columns=_column_config(unit),
            key="row",
            shade=found["rater_kind"].map(_SHADES).mask(found["rater"] == mine, _MINE),
        )
        _onwards(selection, found, row)
    layout.text(_how(selection), "muted")
    _others(selection)


def _filled(table: pd.DataFrame) -> list[str]:
    """Return the usual columns that say something: a column that is empty for every rater is left out."""
    empty = table.isna() | (table.astype(object) == "")
    return [name for name in _USUAL if not empty[name].all()]


def _place(selection: Selection, table: pd.DataFrame, mine: str) -> None:
    """Show where one model stands: the report's verdict where the report has one, else its rank."""
    runs, over = selection.runs, selection.structure.over
    told = (selection.metric, selection.reference) == (runs.chief_metrics[0], runs.fair)
    if told and mine in runs.scopes.get(over, ()):
        layout.text(_verdict(selection, mine))
        return
    row = {**table[table["rater"] == mine].iloc[0], "ranked": int(table["rank"].notna().sum())}
    layout.text(f"{mine}: {rank_in_words(row)}.")


@reading.cached(8)
def _verdict(selection: Selection, mine: str) -> str:
    known = replace(selection.runs, patients=selection.patients())
    rows = verdicts(known, models=[mine], over=selection.structure.over)
    return str(rows.loc[rows["rater"] == mine, "sentence"].iloc[0])


def _onwards(selection: Selection, found: pd.DataFrame, row: int | None) -> None:
    """Show links to the card, the worst case and a comparison of the rater in the chosen row."""
    if row is None:
        layout.text("Choose a row for its card, its worst case, and a comparison with the first.", "muted")
        return
    rater = str(found["rater"].iloc[row])
    shared = {"metric": metric_title(selection.metric), "reference": selection.reference}
    shared["structure"] = selection.structure.title
    layout.text(rater, "subtitle")
    with st.container(horizontal=True):
        if rater in selection.runs.models:
            layout.link("methods", "Its card", method=rater)
        if rater in (*selection.runs.models, *selection.readers()):
            layout.link("case", "Its worst case", rater=rater, **shared)
        others = [name for name in found.sort_values("rank", na_position="last")["rater"] if name != rater]
        known = [name for name in others if name in selection.raters()]
        if known and rater in selection.raters():
            layout.link("compare", "Case by case with the first", first=known[0], second=rater, **shared)


def _ask_subgroup(selection: Selection) -> tuple[str, ...] | None:
    """Show the subgroup control if the dataset with the subgroups is on this machine."""
    groups = _subgroups(selection.runs)
    options = [_EVERYBODY, *groups]
    chosen = controls.choice("Cases", options, "cases")
    return groups.get(chosen)


@reading.cached(8)
def _subgroups(runs: ComparableRuns) -> Mapping[str, tuple[str, ...]]:
    try:
        known = subgroup_table(dataset_of(runs), runs.manifest.cases)
    except DataError:
        return {}
    return {
        f"{column.replace('_', ' ')}: {value}": tuple(map(str, own.index))
        for column in subgroup_columns(known)
        for value, own in known.groupby(column)
    }


def _ask_columns() -> tuple[list[str], str, bool]:
    """Show the controls of columns and sort order; an empty order is that of the ranks."""
    with layout.folded("Columns and order"):
        columns = controls.choices("Columns", STANDING_COLUMNS, "columns", default=_USUAL) or ["rater"]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            order = controls.choice("Sort by", ["", *columns], "sort", shown=lambda name: name or "as ranked")
            down = controls.switch("Descending", "down")
    return columns, order, down


def _lead(selection: Selection, table: pd.DataFrame, cases: tuple[str, ...] | None) -> None:
    count = len(selection.runs.manifest.cases) if cases is None else len(cases)
    ranked = table[table["rank"].notna()]
    who = f"{len(ranked)} ranked"
    if len(ranked):
        first, tied = ranked.iloc[0], int(ranked["tied_with_first"].astype(bool).sum()) - 1
        also = f"; {tied} more cannot be separated from it" if tied else ""
        who += f", first {first['rater']} with {fixed(first['mean'], selection.unit())}{also}"
    title = f"{selection.structure.title}, {metric_title(selection.metric)} against {selection.reference}"
    layout.text(title, "title")
    layout.text(f"{selection.runs.dataset}: {count} cases, {who}.")


def _draw(found: pd.DataFrame, singles: pd.Series, selection: Selection, unit: str) -> None:
    whole = found[found["mean"].notna()]
    if whole.empty:
        return
    starts = range(0, len(whole), _DRAWN)
    start = 0
    if len(starts) > 1:
        start = controls.choice(
            "Raters in the figure", starts, "page", shown=lambda at: f"{at + 1} to {min(at + _DRAWN, len(whole))}"
        )
    drawn = whole.iloc[start : start + _DRAWN]
    first = f"{start + 1} to {start + len(drawn)} of {len(whole)} raters. " if len(starts) > 1 else ""
    band = explanations.READER_BAND if len(singles) else ""
    layout.chart(
        standing_chart(drawn, selection.metric, unit, singles, palette(selection.runs)),
        f"{first}{explanations.MEANS} {counted(drawn['n'], '')}. {band}",
    )


def _column_config(unit: str) -> dict[str, Any]:
    number, column = st.column_config.NumberColumn, st.column_config.Column
    digits = "%.3f" if unit == "1" else "%.2f"
    head = f", {unit_title(unit)}" if unit_title(unit) else ""
    return {
        "rank": number("rank", format="%d", pinned=True),
        "rank_low": number(
            "rank from",
            format="%d",
            help="all true ranks lie in their intervals at once (95 %): from here",
        ),
        "rank_high": number("rank to", format="%d", help="to here"),
        "rater": column("rater", width="medium", pinned=True),
        "rater_kind": column("kind"),
        "p_first": number("P first", help="P that nobody is better (Hsu); ≥ .05: tied with the first"),
        "tied_with_first": column("tied", help="not separable from the first: P ≥ .05 that it is the best itself"),
        **{
            name: number(f"{title}{head}", format=digits, help=help_)
            for name, title, help_ in (
                ("mean", "mean", "over cases"),
                ("low", "from", "95 % interval of the mean"),
                ("high", "to", "95 % interval of the mean"),
                ("median", "median", "over cases"),
                ("sd", "SD", "over cases"),
            )
        },
        "n": number("n", format="%d", help="cases that count in the mean: those whose reference holds a structure"),
        "undefined": number("undefined", format="%d", help="cases without a value, which are not in the mean"),
        "penalised": number("penalised", format="%d", help="structures of cases that count with the worst value"),
        "failed": number("failed", format="%d", help=explanations.LOST),
        "misses": number("misses", format="%d", help=explanations.MISSES),
        "positives": number("positives", format="%d", help="structures of cases that the reference holds"),
        "false_alarms": number("false alarms", format="%d", help=explanations.FALSE_ALARMS),
        "negatives": number("negatives", format="%d", help="structures of cases that the reference does not hold"),
        "specificity": number("specificity", format="%.3f", help=explanations.SPECIFICITY),
        "specificity_low": number("specificity from", format="%.3f", help="95 % interval (Wilson)"),
        "specificity_high": number("specificity to", format="%.3f", help="95 % interval (Wilson)"),
        "false_ml": number("false volume, mL", format="%.2f", help=explanations.FALSE_VOLUME),
        "seconds": number("s per case", format="%.2f", help="median time of a prediction"),
        "date": column("date", help="of the submission"),
        "checked": column("checked", help="whether the owner of this board has scored the predictions again"),
        "trained_here": column("trained here", help="the model was fitted on cases of this dataset"),
        "reason": column("why it has no rank", width="large"),
    }


def _how(selection: Selection) -> str:
    consensus = selection.runs.manifest.consensus
    what = (
        explanations.readers_as_one(consensus)
        if selection.reference == tables.LEAVE_ONE_OUT
        else f"The models compete on {selection.reference}. {explanations.CONTRIBUTE_EFFECT} They have no rank."
    )
    phantom = f"{explanations.PHANTOM} " if is_phantom(selection.runs.dataset) else ""
    said = f"{what} {explanations.POSITIVES} {explanations.RANK_INTERVALS}"
    return f"{phantom}{said} Results that papers printed are never ranked."


def _others(selection: Selection) -> None:
    """Show the runs that are not in the table, with the reasons."""
    refused, broken = selection.runs.refused, broken_runs(selection.board)
    if len(refused):
        with layout.folded(f"{len(refused)} runs on this dataset are not shown"):
            layout.table(refused, "not-shown")
    if len(broken):
        with layout.folded(f"{len(broken)} runs of this board cannot be read"):
            layout.table(broken, "broken")
