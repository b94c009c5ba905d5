"""Cases of a rater sorted from the worst, and the scores of one case, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.metric_descriptions import CHIEF_METRICS
from ctbench.report.wording import metric_heading
from ctbench.scores import OUTCOMES, PENALTY, Status, outcomes
from ctbench.statistics import Direction, direction_of, overall

__all__ = ["case_outcomes", "case_scores", "worst_first"]


def worst_first(scores: pd.DataFrame, over: Sequence[str]) -> pd.DataFrame:
    """Sort the cases of one rater by its score, the worst first.

    Args:
        scores: tidy scores of one rater and metric, against one reference or several, which are averaged.
        over: the structures that a case's score is the mean of.

    Returns:
        Columns case, value (null where none of the structures has one), outcome (``ctbench.scores.outcomes`` of the
        structures that were not simply scored, else "scored"), detail. A metric without a better direction sorts by
        name; cases without a value come last.
    """
    own = scores[scores["label"].isin(list(over))]
    if own.empty:
        return pd.DataFrame({"case": [], "value": [], "outcome": [], "detail": []})
    means = overall(own, labels=[name for name in over if name in set(own["label"])])
    value = means.groupby("case")["value"].mean()
    details = _listed(_unusual(own), "case", "detail")
    table = value.reset_index().sort_values("case", kind="stable")
    table = table.assign(
        outcome=case_outcomes(scores, over, table["case"]),
        detail=[details.get(case, "") for case in table["case"]],
    )
    direction = direction_of(str(own["metric"].iloc[0]))
    if direction is not Direction.NEITHER:
        up = direction is Direction.HIGHER
        table = table.sort_values("value", ascending=up, na_position="last", kind="stable")
    return table.reset_index(drop=True)


def case_outcomes(scores: pd.DataFrame, over: Sequence[str], cases: pd.Series) -> pd.Series:
    """Return what happened to one rater in each of some cases, in words.

    Args:
        scores: As for ``worst_first``.
        over: As there.
        cases: Ids of cases.

    Returns:
        Words as in the column ``outcome`` of ``worst_first``, with the index of ``cases``.
    """
    said = _listed(_unusual(scores[scores["label"].isin(list(over))]), "case", "outcome")
    return cases.map(lambda case: said.get(case, OUTCOMES[Status.OK]))


def _unusual(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with another outcome than "scored", and the column ``outcome``."""
    named = scores.assign(outcome=outcomes(scores))
    return named[named["outcome"] != OUTCOMES[Status.OK]]


def _listed(rows: pd.DataFrame, by: str, column: str) -> dict[str, str]:
    """Return for each name the distinct values of a column, joined by commas; of outcomes the one with a penalty."""
    found = {}
    for name, words in rows.groupby(by)[column]:
        distinct = dict.fromkeys(filter(None, map(str, words)))
        found[str(name)] = ", ".join(word for word in distinct if f"{word}{PENALTY}" not in distinct)
    return found


def case_scores(scores: pd.DataFrame, structures: Sequence[str]) -> pd.DataFrame:
    """Return the scores of one case: a row for each structure, a column for each metric, the chief ones first.

    Args:
        scores: tidy scores of one case and rater against one reference.
        structures: Names of the structures to keep, in the order of the rows.

    Returns:
        Columns structure, those of the metrics with their units in the names, and outcome: as for ``worst_first``.
    """
    own = scores[scores["label"].isin(list(structures))]
    metrics = dict(zip(own["metric"], own["unit"], strict=True))
    order = [*(name for name in CHIEF_METRICS if name in metrics), *sorted(metrics)]
    wide = own.pivot_table(index="label", columns="metric", values="value", dropna=False)
    wide = wide.reindex([name for name in structures if name in wide.index])[list(dict.fromkeys(order))]
    unusual = _listed(_unusual(own), "label", "outcome")
    outcome = [unusual.get(name, OUTCOMES[Status.OK]) for name in wide.index]
    wide.columns = [metric_heading(name, metrics[name]) for name in wide.columns]
    return wide.assign(outcome=outcome).reset_index(names="structure")
