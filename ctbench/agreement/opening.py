"""The result of a reader study in a sentence, and in one for each structure, for the first line of a page or paper."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ctbench.agreement.repeat_summaries import aided_effect, components, intra_and_inter
from ctbench.agreement.repeats import DIFFERENT_READERS, SAME_READER, ReadingStudy
from ctbench.agreement.study import ReaderStudy
from ctbench.agreement.summaries import pair_summary, reliability
from ctbench.numerals import span

__all__ = ["opening_sentences", "opening_summary"]

_ICC = "icc(2,1)"
_FEW = 3
"""So many structures or fewer need no summary."""
_NOTHING = "no two readings can be compared"


def opening_sentences(study: ReaderStudy | None = None, readings: ReadingStudy | None = None) -> dict[str, str]:
    """Return the result for each structure in numbers.

    Args:
        study: Agreement of the readers; None: the sentences go without the ICC of readers who read once.
        readings: Sessions, conditions and borders; None: the sentences are about single readings.

    Returns:
        Name of a structure -> one sentence; groups have one only without ``study``.
    """
    return {
        label: f"{label}: {'; '.join(own[place].words for place in _PLACES if place in own) or _NOTHING}."
        for label, own in _parts(study, readings).items()
    }


def opening_summary(study: ReaderStudy | None = None, readings: ReadingStudy | None = None) -> str:
    """Return the range of the results over more than three structures, with the lowest and the highest of them.

    Args:
        study: As for ``opening_sentences``.
        readings: As for ``opening_sentences``.

    Returns:
        The sentence; empty if there are no more than three structures.
    """
    parts = _parts(study, readings)
    if len(parts) <= _FEW:
        return ""
    told = []
    for place in _PLACES:
        known = {label: own[place] for label, own in parts.items() if place in own}
        if not known:
            continue
        if place == "time":
            told.append(next(iter(known.values())).words)
            continue
        lowest, highest = min(known, key=lambda name: known[name].low), max(known, key=lambda name: known[name].high)
        between = f"{known[lowest].low:.2f} ({lowest}) to {known[highest].high:.2f} ({highest})"
        told.append(_RANGES[place].format(between))
    return f"{len(parts)} structures: {'; '.join(told) or _NOTHING}."


_PLACES = ("pairs", "same", "icc", "borders", "aided", "time")
_RANGES = {
    "pairs": "pairwise Dice {}",
    "same": "the same reader twice {}",
    "icc": "ICC of volume {}",
    "borders": "SD of readers' borders, mm, {}",
    "aided": "Dice gained by other conditions {}",
}


class _Part(NamedTuple):
    """What is said of a structure, and its numbers."""

    words: str
    low: float
    high: float


Parts = dict[str, dict[str, _Part]]


def _parts(study: ReaderStudy | None, readings: ReadingStudy | None) -> Parts:
    parts = _of_readers(study, with_pairs=readings is None) if study is not None else {}
    if readings is not None:
        for label, own in _of_readings(readings).items():
            if study is None or label in study.labels:
                parts[label] = parts.get(label, {}) | own
    return parts


def _of_readers(study: ReaderStudy, *, with_pairs: bool) -> Parts:
    parts: Parts = {label: {} for label in study.labels}
    if with_pairs:
        pairs = pair_summary(study)
        for label, own in pairs[pairs["metric"] == "dice"].dropna(subset="mean").groupby("label", sort=False):
            if label in parts:
                parts[str(label)]["pairs"] = _pairs(own["mean"].min(), own["mean"].max())
    for row in reliability(study).to_dict("records"):
        if row["label"] in parts and row["statistic"] == _ICC and not math.isnan(row["value"]):
            parts[row["label"]]["icc"] = _icc(row["value"])
    return parts


def _of_readings(study: ReadingStudy) -> Parts:
    parts: Parts = {str(label): {} for label in dict.fromkeys(study.readings["label"])}
    for row in intra_and_inter(study).to_dict("records"):
        if (row["metric"], row["condition"]) == ("dice", study.voting):
            if row["kind"] == SAME_READER:
                words = f"the same reader twice {row['mean']:.2f}"
                parts[row["label"]]["same"] = _Part(words, row["mean"], row["mean"])
            if row["kind"] == DIFFERENT_READERS:
                parts[row["label"]]["pairs"] = _pairs(row["lowest"], row["highest"])
    for row in components(study).to_dict("records"):
        if not math.isnan(row["session_sd"]):
            of_volume = row["quantity"] == "volume_ml"
            part = _icc(row["icc"], " over sessions") if of_volume else _borders(row)
            parts[row["label"]]["icc" if of_volume else "borders"] = part
    for row in aided_effect(study).to_dict("records"):
        if row["metric"] == "dice":
            words = f"{row['condition']} Dice {row['aided']:.2f} against {row['unaided']:.2f}"
            gained = row["aided"] - row["unaided"]
            own = parts[row["label"]]
            own["aided"] = _joined(own.get("aided"), _Part(words, gained, gained))
        if row["metric"] == "seconds":
            of = f", {row['condition']}" if len(study.conditions) > 2 else ""
            part = _Part(
                f"{100 * row['saved_share']:.0f} % of the time saved{of}", row["saved_share"], row["saved_share"]
            )
            for own in parts.values():
                own["time"] = _joined(own.get("time"), part)
    return parts


def _pairs(lowest: float, highest: float) -> _Part:
    return _Part(f"pairwise Dice {span(f'{lowest:.2f}', f'{highest:.2f}')}", lowest, highest)


def _icc(value: float, over: str = "") -> _Part:
    return _Part(f"ICC of volume{over} {value:.2f}", value, value)


def _borders(row: dict[Any, Any]) -> _Part:
    words = f"borders of readers {row['reader_sd']:.2f} mm apart (SD), of sessions {row['session_sd']:.2f} mm"
    return _Part(words, row["reader_sd"], row["reader_sd"])


def _joined(before: _Part | None, part: _Part) -> _Part:
    if before is None:
        return part
    return _Part(f"{before.words}; {part.words}", min(before.low, part.low), max(before.high, part.high))
