"""Summaries of lesions among readers: agreement on presence by size, k-of-R counts, and who finds what others miss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ctbench.agreement.lesions import LesionStudy
from ctbench.datasets import ALL_SIZES, SIZE_CLASSES
from ctbench.statistics import PresenceAgreement, clustered_proportion, gwet_ac, presence_agreement

__all__ = ["found_and_missed", "lesion_counts", "lesion_numbers", "lesion_presence", "lesion_readers"]

_STATISTICS = ("kappa", "ac1", "positive")


def lesion_presence(study: LesionStudy) -> pd.DataFrame:
    """Return how far readers agree on presence, by structure: of it in a case, and of each lesion by size class.

    Returns:
        Columns label, unit (``cases``; ``lesions``: candidates), size_class (``all``, then the classes that occur;
        cases have ``all`` only), n (units with two readers or more), left_out (units with one), by_all (units that
        every reader found), by_one (that one reader found), and kappa, ac1 and positive with ``_low`` and ``_high``:
        see ``ctbench.statistics.presence_agreement``; intervals are over patients.
    """
    rows = []
    for label, own in study.cases.groupby("label", sort=False):
        cases = own.groupby(["case", "patient"], sort=False)["lesions"].agg(
            found=lambda lesions: (lesions > 0).sum(), read="size"
        )
        rows.append({"label": label, "unit": "cases", "size_class": ALL_SIZES, **_agreement(cases.reset_index())})
        lesions = study.lesions[study.lesions["label"] == label]
        for size, held in _by_size(lesions):
            rows.append({"label": label, "unit": "lesions", "size_class": size, **_agreement(held)})
    columns = ["label", "unit", "size_class", "n", "left_out", "by_all", "by_one"]
    columns += [f"{name}{end}" for name in _STATISTICS for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


def _agreement(units: pd.DataFrame) -> dict[str, Any]:
    found: PresenceAgreement = presence_agreement(units["found"], units["read"], units["patient"])
    several = units[units["read"] > 1]
    row: dict[str, Any] = {
        "n": found.kappa.n,
        "left_out": found.kappa.left_out,
        "by_all": int((several["found"] == several["read"]).sum()),
        "by_one": int((several["found"] == 1).sum()),
    }
    for name, estimate in zip(_STATISTICS, found, strict=True):
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


_MANY = 5
"""From this number of lesions in a case on, one more or less is no disagreement."""


def lesion_numbers(study: LesionStudy) -> pd.DataFrame:
    """Return how far readers agree on the number of lesions in a case, by structure: Gwet's AC2 with linear weights.

    The categories are 0, 1, 2, 3, 4, and 5 or more lesions that a reader found. A reader who counts one more than
    another one disagrees less than one who counts three more, which AC1 and kappa do not know.

    Returns:
        Columns label, n (cases with a reader), fewest and most (the smallest and largest mean number of lesions in a
        case of a reader), ac2 with low and high (clustered by patient), reason (why a number is NaN).
    """
    rows = []
    for label, own in study.cases.groupby("label", sort=False):
        numbers = own.pivot_table("lesions", ["case", "patient"], "reader", sort=False)
        if numbers.shape[1] < 2:
            continue
        patients = numbers.index.get_level_values("patient").to_numpy()
        found = gwet_ac(numbers.clip(upper=_MANY), weights="linear", clusters=patients)
        means = numbers.mean()
        row = {"label": label, "n": found.n, "fewest": means.min(), "most": means.max(), "ac2": found.value}
        rows.append(row | {"low": found.low, "high": found.high, "reason": found.reason})
    return pd.DataFrame(rows, columns=["label", "n", "fewest", "most", "ac2", "low", "high", "reason"])


def lesion_counts(study: LesionStudy) -> pd.DataFrame:
    """Count the lesions that k or more readers found, of the readers who read the place.

    Returns:
        A row for each structure and k: label, least (k), lesions (candidates that at least k readers found), volume_ml
        (of these, the sum of their mean volumes), undecided (candidates that fewer than k readers found where fewer
        than k read the place).
    """
    rows = []
    for label, own in _by_label(study, study.lesions):
        for least in range(1, int(own["read"].max()) + 1):
            held = own["found"] >= least
            rows.append(
                {
                    "label": label,
                    "least": least,
                    "lesions": int(held.sum()),
                    "volume_ml": float(own.loc[held, "volume_ml"].sum()),
                    "undecided": int((~held & (own["read"] < least)).sum()),
                }
            )
    return pd.DataFrame(rows, columns=["label", "least", "lesions", "volume_ml", "undecided"])


def lesion_readers(study: LesionStudy) -> pd.DataFrame:
    """Return what each reader finds of the other readers' lesions, and how often the others confirm what he finds.

    A lesion of the others is a candidate that more than half of the other readers who read the place found; exactly
    half is undecided, and such a candidate counts neither way.

    Returns:
        A row for each structure, size class (``all``, then those that occur) and reader: label, size_class, reader,
        read (candidates whose place this reader and another one read), found; others_lesions (lesions of the others)
        and others_found (those of them that this reader found), sensitivity with low and high; confirmed and
        unconfirmed (found candidates that are, and are not, lesions of the others), precision with precision_low and
        precision_high; alone (found by nobody else), missed_alone (found by all others, two or more); splits and
        merges (as of ``Candidate``). Intervals are Wilson's for lesions that are clustered in patients.
    """
    every = study.readings[study.readings["others_read"] > 0]
    rows = []
    for label, own in _by_label(study, every):
        for size, held in _by_size(own):
            rows += [
                {"label": label, "size_class": size, "reader": reader, **_reader(readings)}
                for reader, readings in held.groupby("reader", sort=True)
            ]
    return pd.DataFrame(rows, columns=["label", "size_class", "reader", *_READER])


def _by_label(study: LesionStudy, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of each structure that has some, in the order of the dataset."""
    for label in study.cases["label"].unique():
        own = rows[rows["label"] == label]
        if len(own):
            yield str(label), own


def _by_size(lesions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield all lesions, then those of each size class, as far as there are some."""
    for size in (ALL_SIZES, *SIZE_CLASSES):
        held = lesions if size == ALL_SIZES else lesions[lesions["size_class"] == size]
        if len(held):
            yield size, held


_READER = (
    *("read", "found", "others_lesions", "others_found", "sensitivity", "low", "high"),
    *("confirmed", "unconfirmed", "precision", "precision_low", "precision_high"),
    *("alone", "missed_alone", "splits", "merges"),
)


def _reader(held: pd.DataFrame) -> dict[str, Any]:
    found, others, read = held["found"].astype(bool), held["others_found"], held["others_read"]
    theirs, undecided = 2 * others > read, 2 * others == read
    decided = found & ~undecided
    sensitivity = clustered_proportion(found[theirs].to_numpy(bool), held.loc[theirs, "patient"].to_numpy())
    precision = clustered_proportion(theirs[decided].to_numpy(bool), held.loc[decided, "patient"].to_numpy())
    return {
        "read": len(held),
        "found": int(found.sum()),
        "others_lesions": int(theirs.sum()),
        "others_found": int((theirs & found).sum()),
        "sensitivity": sensitivity.value,
        "low": sensitivity.low,
        "high": sensitivity.high,
        "confirmed": int((decided & theirs).sum()),
        "unconfirmed": int((decided & ~theirs).sum()),
        "precision": precision.value,
        "precision_low": precision.low,
        "precision_high": precision.high,
        "alone": int((found & (others == 0)).sum()),
        "missed_alone": int((~found & (others == read) & (read > 1)).sum()),
        "splits": int(held["splits"].sum()),
        "merges": int(held["merges"].sum()),
    }


def found_and_missed(study: LesionStudy) -> pd.DataFrame:
    """Count, for each pair of readers, the lesions that one found and the other missed, where both read the place.

    Returns:
        A row for each structure and ordered pair: label, reader, other, both (candidates that both found), missed
        (found by ``reader`` and missed by ``other``), missed_volume_ml (of these, as ``reader`` drew them).
    """
    rows = []
    for label, own in _by_label(study, study.readings):
        keys = ["case", "lesion"]
        pairs = own.merge(own[[*keys, "reader", "found"]], on=keys, suffixes=("", "_other"))
        pairs = pairs[pairs["reader"] != pairs["reader_other"]]
        for (reader, other), read in pairs.groupby(["reader", "reader_other"], sort=True):
            found = read[read["found"].astype(bool)]
            missed = ~found["found_other"].astype(bool)
            rows.append(
                {
                    "label": label,
                    "reader": reader,
                    "other": other,
                    "both": int((~missed).sum()),
                    "missed": int(missed.sum()),
                    "missed_volume_ml": float(found.loc[missed, "volume_ml"].sum()),
                }
            )
    return pd.DataFrame(rows, columns=["label", "reader", "other", "both", "missed", "missed_volume_ml"])
