"""The result of a reader study in one sentence for each structure, for the first line of a page or a paper."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ctbench.agreement.repeat_summaries import aided_effect, components, intra_and_inter
from ctbench.agreement.repeats import DIFFERENT_READERS, SAME_READER, ReadingStudy
from ctbench.agreement.study import ReaderStudy
from ctbench.agreement.summaries import pair_summary, reliability

__all__ = ["opening_sentences"]

_ICC = "icc(2,1)"


def opening_sentences(study: ReaderStudy | None = None, readings: ReadingStudy | None = None) -> dict[str, str]:
    """Return the result for each structure in numbers.

    Args:
        study: Agreement of the readers; None: the sentences go without the ICC of readers who read once.
        readings: Sessions, conditions and borders; None: the sentences are about single readings.

    Returns:
        Name of a structure -> one sentence; groups have one only without ``study``.
    """
    parts = _of_readers(study, with_pairs=readings is None) if study is not None else {}
    if readings is not None:
        for label, own in _of_readings(readings).items():
            if study is None or label in study.labels:
                parts[label] = parts.get(label, {}) | own
    nothing = "no two readings can be compared"
    return {
        label: f"{label}: {'; '.join(own[place] for place in _PLACES if place in own) or nothing}."
        for label, own in parts.items()
    }


_PLACES = ("pairs", "same", "icc", "borders", "aided", "time")

Parts = dict[str, dict[str, str]]


def _of_readers(study: ReaderStudy, *, with_pairs: bool) -> Parts:
    parts: Parts = {label: {} for label in study.labels}
    if with_pairs:
        pairs = pair_summary(study)
        for label, own in pairs[pairs["metric"] == "dice"].dropna(subset="mean").groupby("label", sort=False):
            if label in parts:
                parts[str(label)]["pairs"] = _pairs(own["mean"].min(), own["mean"].max())
    for row in _records(reliability(study)):
        if row["label"] in parts and row["statistic"] == _ICC and not math.isnan(row["value"]):
            parts[row["label"]]["icc"] = _icc(row["value"])
    return parts


def _of_readings(study: ReadingStudy) -> Parts:
    parts: Parts = {str(label): {} for label in dict.fromkeys(study.readings["label"])}
    for row in _records(intra_and_inter(study)):
        if (row["metric"], row["condition"]) == ("dice", study.voting):
            if row["kind"] == SAME_READER:
                parts[row["label"]]["same"] = f"the same reader twice {row['mean']:.2f}"
            if row["kind"] == DIFFERENT_READERS:
                parts[row["label"]]["pairs"] = _pairs(row["lowest"], row["highest"])
    for row in _records(components(study)):
        if not math.isnan(row["session_sd"]):
            name, words = ("icc", _icc(row["icc"])) if row["quantity"] == "volume_ml" else ("borders", _borders(row))
            parts[row["label"]][name] = words
    for row in _records(aided_effect(study)):
        if row["metric"] == "dice":
            words = f"{row['condition']} Dice {row['aided']:.2f} against {row['unaided']:.2f}"
            parts[row["label"]]["aided"] = _joined(parts[row["label"]].get("aided"), words)
        if row["metric"] == "seconds":
            of = f", {row['condition']}" if len(study.conditions) > 2 else ""
            for own in parts.values():
                own["time"] = _joined(own.get("time"), f"{100 * row['saved_share']:.0f} % of the time saved{of}")
    return parts


def _pairs(lowest: float, highest: float) -> str:
    lower, upper = f"{lowest:.2f}", f"{highest:.2f}"
    return f"pairwise Dice {lower}" if lower == upper else f"pairwise Dice {lower} to {upper}"


def _icc(value: float) -> str:
    return f"ICC of volume {value:.2f}"


def _borders(row: dict[Any, Any]) -> str:
    return f"borders of readers {row['reader_sd']:.2f} mm apart (SD), of sessions {row['session_sd']:.2f} mm"


def _joined(before: str | None, words: str) -> str:
    return f"{before}; {words}" if before else words


def _records(frame: pd.DataFrame) -> Iterable[dict[Any, Any]]:
    return frame.to_dict("records")
