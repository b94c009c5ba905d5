"""Page Compare: two raters case by case, and paired tests of up to thirty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ctbench.metric_descriptions import VOLUME
from ctbench.report import explanations
from ctbench.report.drawings import charts
from ctbench.report.drawings.colours import palette
from ctbench.report.frames import tables
from ctbench.report.frames.case_order import case_outcomes
from ctbench.report.frames.contestants import contestants, structure_rows
from ctbench.report.frames.two_raters import TIE_MARGINS, duel, side_by_side
from ctbench.report.wording import fixed, interval, metric_title, p_sign, p_value, shortened, unit_title
from ctbench.scores import RaterKind
from ctbench.statistics import OVERALL, Direction, direction_of, rank, rank_stability, significance_matrix
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection

__all__ = ["show"]

_MOST = 30
_AT_FIRST = 10
_TESTS = {"wilcoxon": "Wilcoxon signed-rank", "t": "paired t"}


def show(selection: Selection) -> None:
    """Draw the page."""
    names = selection.raters()
    if len(names) < 2:
        layout.text("Comparing takes two raters", "title")
        layout.text(
            f"Only {', '.join(names) or 'nobody'} was scored on {selection.runs.dataset} against this reference."
        )
        return
    _two(selection, names)
    _many(selection, names)


def _two(selection: Selection, names: Sequence[str]) -> None:
    # On a large board a ranking takes seconds: it is made only while its best two are needed.
    best = list(names) if controls.are_chosen("first", "second") else _best_first(selection, names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = controls.choice("First rater", names, "first", default=best[0])
        second = controls.choice("Second rater", names, "second", default=best[1])
        margin = controls.choice(
            "A tie is up to", TIE_MARGINS.get(selection.unit(), (0.0,)), "tie", shown="{:g}".format
        )
        test = controls.choice("Paired test", list(_TESTS), "test", shown=_TESTS.__getitem__)
    layout.text(f"{shortened(second, 60)} against {shortened(first, 60)}", "title")
    if first == second:
        layout.text("These are one and the same; choose another second rater.")
        return
    rows = _pair(selection, first, second)
    pairs = side_by_side(rows[rows["label"] == OVERALL], first=first, second=second)
    if pairs.empty:
        layout.text(
            "They share no reference and case with values of both. Two readers can be compared on the common "
            "reference, to which both contribute; on references without one of them each stands alone."
        )
        return
    _figures(selection, pairs, first, second)
    _tested(selection, rows, first, second, margin, test)
    _cases(selection, pairs, first, second)
    _volumes(selection, first, second)


def _best_first(selection: Selection, names: Sequence[str]) -> list[str]:
    ranked = selection.standings().dropna(subset="rank")["rater"]
    return list(dict.fromkeys([*(name for name in ranked if name in names), *names]))


@reading.cached(16)
def _pair(selection: Selection, first: str, second: str) -> pd.DataFrame:
    over, name_of = selection.structure.over, selection.runs.name_of
    two = selection.grids(), (first, second), over, selection.metric
    whole = contestants(*two, name_of=name_of)
    each = structure_rows(*two, name_of=name_of) if len(over) > 1 else whole.assign(label=over[0])
    return pd.concat([whole, each], ignore_index=True)


def _figures(selection: Selection, pairs: pd.DataFrame, first: str, second: str) -> None:
    chosen = (first, second, selection.metric, selection.unit())
    left, right = st.columns(2)
    with left:
        layout.chart(
            charts.scatter_chart(pairs, *chosen),
            f"Each dot is a case (n = {len(pairs)}); on the dashed line both are equal.",
        )
    with right:
        layout.chart(
            charts.difference_chart(pairs, *chosen, palette(selection.runs)),
            f"Second minus first, case by case (n = {len(pairs)}), in order.",
        )


def _tested(selection: Selection, rows: pd.DataFrame, first: str, second: str, margin: float, test: Any) -> None:
    structures = [OVERALL, *selection.structure.over] if selection.structure.overall else [selection.structure.over[0]]
    table = duel(rows, first=first, second=second, structures=structures, margin=margin, test=test)
    row = table.iloc[0]
    unit = selection.unit()
    in_unit = f" {unit_title(unit)}" if unit_title(unit) else ""
    known = f", {p_value(row['p_holm'])} after Holm's correction over the structures" if len(structures) > 1 else ""
    score = (
        ""
        if pd.isna(row["wins"])
        else f" Of the cases it wins {row['wins']:.0f}, ties {row['ties']:.0f} and loses {row['losses']:.0f}."
    )
    layout.text("Paired tests", "subtitle")
    spread = f"95 % from {interval(row['low'], row['high'], unit)}; n = {row['n']:.0f}; P {p_sign(row['p'])}{known}"
    layout.text(
        f"{shortened(second, 60)} differs by {fixed(row['difference'], unit)}{in_unit} on average ({spread}).{score}"
    )
    layout.table(table, f"compare-{selection.runs.dataset}-{selection.metric}", columns=_number_columns(unit))
    layout.text(
        f"First: {first}. Second: {second}. Difference: second minus first. P: {_TESTS[test]}; P Holm: adjusted over "
        f"the rows. Wins, ties and losses are those of the second; a difference of at most {margin:g} is a tie.",
        "muted",
    )


def _number_columns(unit: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    digits = "%.3f" if unit == "1" else "%.2f"
    head = f", {unit_title(unit)}" if unit_title(unit) else ""
    values = {name: number(f"{name}{head}", format=digits) for name in ("first", "second", "difference", "low", "high")}
    return values | {"p": number("P"), "p_holm": number("P Holm")}


def _cases(selection: Selection, pairs: pd.DataFrame, first: str, second: str) -> None:
    with layout.folded("Case by case"):
        layout.text(f"First: {first}. Second: {second}. What the second loses most comes first; a chosen row opens it.")
        shown = _with_outcomes(selection, pairs.drop(columns="label"), first, second)
        row = layout.table(shown, "cases", columns=_number_columns(selection.unit()), key="row")
    if row is not None:
        model = next((name for name in (second, first) if name in selection.runs.models), "")
        where = {"rater": model} if model else {}
        layout.link("case", "See the case", case=str(shown["case"].iloc[row]), **where)


def _with_outcomes(selection: Selection, pairs: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Add the outcome of both raters in each case, in words, on the references on which they are compared."""
    of_first, of_second = (_scores(selection, name) for name in (first, second))
    shared = set(of_first["reference"]) & set(of_second["reference"])
    said = {
        f"outcome_of_{place}": case_outcomes(
            own[own["reference"].isin(shared)], selection.structure.over, pairs["case"]
        )
        for place, own in (("first", of_first), ("second", of_second))
    }
    return pairs.assign(**said)


@reading.cached(16)
def _scores(selection: Selection, name: str) -> pd.DataFrame:
    return selection.scores(raters=selection.readers() if name == tables.ALL_READERS else [name])


def _volumes(selection: Selection, first: str, second: str) -> None:
    if VOLUME not in selection.runs.metrics:
        return
    layout.text("Volumes", "subtitle")
    known = (*selection.runs.labels, *selection.runs.groups)
    at = selection.structure.over[0]
    label = (
        controls.choice("Structure of the volumes", known, "volume", default=at) if selection.structure.overall else at
    )
    rows = _volume_pairs(selection, label, first, second)
    pairs = side_by_side(rows, first=first, second=second)
    if pairs.empty:
        layout.text(f"No case has volumes of {label} by both.")
        return
    chart = charts.agreement_chart(pairs, first, second)
    layout.chart(
        chart,
        f"Bland-Altman plot of the volumes of {label} by both (n = {len(pairs)} cases). {explanations.BLAND_ALTMAN} "
        f"{explanations.DIFFERENCE_LINES}",
    )


@reading.cached(16)
def _volume_pairs(selection: Selection, label: str, first: str, second: str) -> pd.DataFrame:
    volumes, name_of = selection.grids(VOLUME), selection.runs.name_of
    return contestants(volumes, (first, second), (label,), VOLUME, name_of=name_of)


def _many(selection: Selection, names: Sequence[str]) -> None:
    layout.text("Who is better than whom", "title")
    if direction_of(selection.metric) is Direction.NEITHER:
        layout.text(f"{metric_title(selection.metric)} has no better direction: nobody is better.")
        return
    alone = set(selection.runs.readers) if selection.reference == tables.LEAVE_ONE_OUT else set()
    usual = [name for name in names if name not in alone][:_AT_FIRST]
    chosen = controls.choices(f"Raters, at most {_MOST}", names, "raters", default=usual, most=_MOST)
    if len(chosen) < 2:
        layout.text("Choose two raters or more.")
        return
    rows = _chosen(selection, tuple(chosen))
    if rows["value"].notna().sum() == 0:
        layout.text(
            "They share no reference and case with values of all. Single readers stand on references of their own; "
            "choose all readers, or the common reference."
        )
        return
    if selection.reference != tables.LEAVE_ONE_OUT and (rows["rater_kind"] == RaterKind.READER).any():
        layout.text(explanations.CONTRIBUTE_EFFECT, "muted")
    p, ranked, stable = _tests(selection, tuple(chosen))
    counted = f"n = {stable['n']} cases on which all have a value"
    layout.chart(
        charts.significance_chart(p),
        f"One-sided signed-rank tests of all pairs, P after Holm's correction; {counted}.",
    )
    layout.table(p.rename_axis("rater").reset_index(), "significance", p_values=list(p.columns))
    layout.text("How stable the ranks are", "subtitle")
    layout.text(explanations.stability(stable))
    layout.chart(charts.rank_chart(ranked, palette(selection.runs)), f"{counted}.")


@reading.cached(16)
def _chosen(selection: Selection, names: tuple[str, ...]) -> pd.DataFrame:
    asked = selection.grids(), names, selection.structure.over, selection.metric
    return contestants(*asked, patients=selection.patients(), name_of=selection.runs.name_of)


@reading.cached(16)
def _tests(selection: Selection, names: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame, dict[Any, Any]]:
    rows = _chosen(selection, names)
    stable = rank_stability(rows, cluster="patient").iloc[0].to_dict()
    return significance_matrix(rows), rank(rows, cluster="patient"), stable
