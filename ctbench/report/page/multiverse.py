"""Which conclusions survive: the share of admissible choices in which one rater is better than another."""

from __future__ import annotations

from collections.abc import Callable

from ctbench.report import explanations
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesions import LesionTables
from ctbench.report.frames.multiverse import (
    better_first,
    closest_pair,
    conclusions,
    specifications,
    summary_of,
)
from ctbench.report.page.cells import captioned, count_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.page.page_figures import choices_of_pair
from ctbench.report.wording import percent

__all__ = ["surviving_conclusions"]


def surviving_conclusions(results: ComparableRuns, scored: Callable[[], LesionTables] | None) -> Html:
    """Show for each pair in which share of the choices the first is better, and the choices of the closest pair.

    Args:
        results: Runs on one dataset, for which ``can_turn`` is true.
        scored: Returns the tables of ``compared_lesions``, whose protocols are choices too; None: there are none.
    """
    ranked = specifications([results], lesions=[] if scored is None else [scored().cases])
    found = conclusions(ranked)
    upper = found[better_first(found)]
    columns = [
        Column.text("First"),
        Column.text("Second"),
        Column("Combinations", hint="in which both are ranked"),
        Column("First is better", "%", hint="of these combinations; equal values count half"),
        Column.text("Turned by", hint="the choice whose options differ most in that share"),
        Column.text("Options", hint="share of combinations in which the first is better, by option"),
    ]
    rows = [
        [
            Cell.text(row["first"]),
            Cell.text(row["second"]),
            count_cell(row["combinations"]),
            Cell(percent(row["share"]).removesuffix(" %"), row["share"]),
            Cell(row["turned_by"]),
            Cell(row["options"]),
        ]
        for row in upper.to_dict("records")
    ]
    first, second = closest_pair(found)
    legend = (
        "A column for each combination, in the order of the difference; the squares below say which options it is "
        "made of."
    )
    caption = "Pairs of raters; the first is better in at least half of the combinations"
    return join(
        [
            how_to_read(explanations.MULTIVERSE),
            paragraph(summary_of(found)),
            details("All pairs", table(columns, rows, caption)),
            details(
                f"{first} or {second}: every combination",
                captioned(choices_of_pair(results, ranked, first, second).svg, legend),
            ),
        ]
    )
