"""The vocabulary of the scores table: columns, statuses, kinds of rater, names of leave-one-out references.

A row is one score: the value of one metric for one case, rater, reference and structure. Everything that reads or
writes scores uses the names of this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "COLUMNS",
    "KEYS",
    "LOST",
    "NEGATIVE",
    "NO_OVERLAP",
    "OUTCOMES",
    "PENALISED",
    "PENALTY",
    "POSITIVE",
    "SCORE_COLUMNS",
    "STATUSES",
    "UNDEFINED",
    "UNSCORED",
    "VALUE_COLUMNS",
    "Column",
    "RaterKind",
    "Status",
    "is_leave_one_out",
    "joint_status",
    "leave_one_out_rows",
    "left_out",
    "outcomes",
    "without",
]


@dataclass(frozen=True)
class Column:
    """What a column of a table holds.

    Args:
        name: Name of the column.
        type: ``text``, ``number``, ``integer`` or ``boolean``.
        unit: Unit of the values; empty if they have none.
        meaning: One sentence.
    """

    name: str
    type: Literal["text", "number", "integer", "boolean"]
    unit: str
    meaning: str


COLUMNS = (
    Column("dataset", "text", "", "Name of the dataset."),
    Column("case", "text", "", "Id of the case, one scan of one patient."),
    Column("rater", "text", "", "Name of the model or of the reader."),
    Column("rater_kind", "text", "", "model or reader."),
    Column("reference", "text", "", "What the rater is scored against: the consensus rule and the reader left out."),
    Column("label", "text", "", "Structure: a label or a group of the dataset."),
    Column("metric", "text", "", "Name of the metric; ctbench metrics METRIC shows its definition."),
    Column("value", "number", "in the column unit", "The score; null where it is undefined, see status."),
    Column("unit", "text", "", "Unit of the value: mm, mL, or 1 for a number without unit."),
    Column("status", "text", "", "Why the value is what it is."),
    Column("detail", "text", "", "A sentence for a person; else empty."),
)
"""The columns of ``scores.parquet`` in their order; the first five say of which case and rater, against what."""

SCORE_COLUMNS = tuple(column.name for column in COLUMNS)
"""The names of all columns."""

VALUE_COLUMNS = SCORE_COLUMNS[SCORE_COLUMNS.index("label") :]
"""The columns that say what was measured; ``value`` is a float, null where undefined, the others are texts."""

KEYS = ("case", "rater", "reference", "label", "metric")
"""The columns that name a row of one dataset; the rows of ``scores.parquet`` are sorted by them."""


class RaterKind(StrEnum):
    """Whether a rater is a model or a human reader."""

    MODEL = "model"
    READER = "reader"


class Status(StrEnum):
    """Why a value is what it is."""

    OK = "ok"
    BOTH_EMPTY = "both_empty"
    """Neither the reference nor the prediction holds the structure."""
    PREDICTION_EMPTY = "prediction_empty"
    """Only the reference holds it."""
    REFERENCE_EMPTY = "reference_empty"
    """Only the prediction holds it."""
    NOT_SAMPLED = "not_sampled"
    """No surface element is left outside the voxels that do not count."""
    NOT_ASSESSED = "not_assessed"
    """Nobody could identify the structure in this case."""
    UNSUPPORTED = "unsupported"
    """The predictor does not claim the structure."""
    MISSING = "missing"
    """The predictor returned nothing for this case."""
    FAILED = "failed"
    """The predictor raised an error in this case."""


OUTCOMES: Mapping[str, str] = {
    Status.OK: "scored",
    Status.BOTH_EMPTY: "rightly nothing",
    Status.PREDICTION_EMPTY: "missed",
    Status.REFERENCE_EMPTY: "false alarm",
    Status.NOT_SAMPLED: "nothing left to sample",
    Status.NOT_ASSESSED: "not assessed",
    Status.UNSUPPORTED: "not claimed by the predictor",
    Status.MISSING: "no prediction",
    Status.FAILED: "failed",
}
"""Status -> the outcome in the words that people read; an overlap of 0 with status ``ok`` is ``NO_OVERLAP``."""

NO_OVERLAP, PENALTY = "no overlap", " (penalty)"
_OVERLAPS = ("dice", "jaccard", "sensitivity", "precision")


def _group(*statuses: Status) -> frozenset[str]:
    return frozenset(status.value for status in statuses)


LOST = _group(Status.MISSING, Status.FAILED)
"""There is no prediction: the case counts with the worst value."""

UNDEFINED = _group(Status.BOTH_EMPTY, Status.PREDICTION_EMPTY, Status.REFERENCE_EMPTY, Status.NOT_SAMPLED)
"""The formula cannot be evaluated; the value is null, or a penalty where only one of the two is empty."""

PENALISED = UNDEFINED - _group(Status.BOTH_EMPTY)
"""Statuses of ``UNDEFINED`` that may come with a penalty as value."""

POSITIVE = _group(Status.OK, Status.PREDICTION_EMPTY, Status.NOT_SAMPLED)
"""The reference holds the structure."""

NEGATIVE = _group(Status.BOTH_EMPTY, Status.REFERENCE_EMPTY)
"""The reference was judged and does not hold the structure."""

UNSCORED = _group(Status.NOT_ASSESSED, Status.UNSUPPORTED)
"""Never a value, and never a penalty."""

STATUSES = _group(*Status)
"""Every status that a score may have."""

_WITHOUT = "-without-"


def joint_status(statuses: Sequence[str], tally: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return the status of means of several scores: ``ok`` where any score has it, else the most frequent one.

    So a failed case remains failed.

    Args:
        statuses: Names of statuses; of equally frequent ones the first counts.
        tally: status,... numbers of scores.

    Returns:
        The remaining axes of ``tally``, index into ``statuses``.
    """
    found: NDArray[np.intp] = tally.argmax(axis=0)
    if Status.OK in statuses:
        place = list(statuses).index(Status.OK)
        found[tally[place] > 0] = place
    return found


def outcomes(scores: pd.DataFrame) -> pd.Series:
    """Return what happened to each score, in the words of ``OUTCOMES``, marked where the value is a penalty.

    Args:
        scores: Tidy scores.

    Returns:
        Words with the index of ``scores``: "missed (penalty)" where a value stands for nothing drawn, "missed" where
        there is no value.

    Example:
        >>> import pandas as pd
        >>> rows = {"metric": ["dice"] * 3, "value": [0.0, 0.0, 0.9], "status": ["prediction_empty", "ok", "ok"]}
        >>> outcomes(pd.DataFrame(rows)).tolist()
        ['missed (penalty)', 'no overlap', 'scored']
    """
    status = scores["status"].astype(str)
    valued = scores["value"].notna()
    apart = (status == Status.OK) & scores["metric"].isin(_OVERLAPS) & (scores["value"] == 0)
    penalty = valued & status.isin(PENALISED | LOST)
    words = status.map({str(name): words for name, words in OUTCOMES.items()}).mask(apart, NO_OVERLAP)
    return words.mask(penalty, words + PENALTY)


def without(method: str, reader: str) -> str:
    """Return the name of the reference that a consensus rule makes of all readers but one.

    Example:
        >>> without("majority", "reader2")
        'majority-without-reader2'
    """
    return f"{method}{_WITHOUT}{reader}"


def left_out(reference: str) -> str | None:
    """Return the reader that a reference, by its name, was made without; None for a reference of all readers.

    Example:
        >>> left_out("majority-without-reader2")
        'reader2'
    """
    _, without_one, reader = reference.partition(_WITHOUT)
    return reader if without_one else None


def is_leave_one_out(reference: str) -> bool:
    """Return whether a reference, by its name, was made without one of the readers."""
    return left_out(reference) is not None


def leave_one_out_rows(references: pd.Series) -> pd.Series:
    """Return, for each reference name of a column, whether the reference was made without one of the readers."""
    return references.str.contains(_WITHOUT, regex=False)
