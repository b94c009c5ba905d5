"""Division of cases by patient: folds of a cross-validation, shuffled and stratified, and a hold-out for validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ctbench.datasets import Case, Dataset
from ctbench.errors import UsageError
from ctbench.references import common_reference

__all__ = ["cases_for_folds", "divide", "expect_enough", "split_off_validation", "strata"]

_VALIDATION_PARTS = 5
"""Number of parts that the training patients are split into; one of them is used to choose the best epoch."""


def divide(
    cases: Sequence[Case], count: int, *, seed: int | None = None, stratum: Mapping[str, str] | None = None
) -> list[list[Case]]:
    """Divide cases into parts of equally many patients, within one; all cases of a patient are in one part.

    Args:
        cases: The cases.
        count: Number of parts, at least 1.
        seed: Random seed of the order in which patients are dealt to the parts; None (default): the order of the cases.
        stratum: Case id -> stratum; the patients of each stratum are spread evenly over the parts. A patient with cases
            of several strata is in a stratum of its own kind. None (default): one stratum.

    Returns:
        For each part its cases, in their own order.
    """
    kinds: dict[str, set[str]] = {}
    for case in cases:
        kinds.setdefault(_patient(case), set()).add(stratum[case.id] if stratum else "")
    patients = list(kinds)
    if seed is not None:
        patients = [patients[index] for index in np.random.default_rng(seed).permutation(len(patients))]
    # Dealt in one go over all strata, so that the parts differ by at most one patient.
    dealt = sorted(patients, key=lambda patient: sorted(kinds[patient]))
    part = {patient: number % count for number, patient in enumerate(dealt)}
    return [[case for case in cases if part[_patient(case)] == number] for number in range(count)]


def split_off_validation(
    cases: Sequence[Case], *, seed: int | None = None, stratum: Mapping[str, str] | None = None
) -> tuple[list[Case], list[Case]]:
    """Split cases by patient into training cases and a fifth for validation, which chooses the best epoch.

    Arguments are those of ``divide``.
    """
    patients = len({_patient(case) for case in cases})
    validation = divide(cases, min(_VALIDATION_PARTS, patients), seed=seed, stratum=stratum)[0]
    return [case for case in cases if case not in validation], validation


def expect_enough(folds: int, cases: Sequence[Case]) -> None:
    """Raise ``UsageError`` if the cases have too few patients for a number of folds."""
    patients = len({_patient(case) for case in cases})
    if not 2 <= folds <= patients or patients < 3:
        msg = f"{folds} folds cannot be made of {patients} patients; expected 2 to {patients}, of at least 3 patients"
        raise UsageError(msg)


def cases_for_folds(dataset: Dataset, cases: Sequence[Case], split: str | None) -> list[Case]:
    """Return the cases of a cross-validation.

    Args:
        dataset: The dataset, for messages.
        cases: Cases to choose from.
        split: Name of a split; ``all``: every case; None: every case outside the split ``test``, which is kept for the
            final test.

    Raises:
        UsageError: No case is left, or a patient has cases both in the split ``test`` and outside it: what is kept for
            the final test would be trained on.
    """
    if split == "all":
        return list(cases)
    chosen = [case for case in cases if (case.split != "test" if split is None else case.split == split)]
    if not chosen:
        known = ", ".join(sorted({case.split for case in dataset if case.split})) or "none"
        wanted = "outside the split test" if split is None else f"in the split {split!r}"
        msg = f"dataset {dataset.name} has no case {wanted} for folds; its splits: {known}; or use --split all"
        raise UsageError(msg)
    if split is None:
        tested = {_patient(case) for case in cases if case.split == "test"}
        twice = sorted({_patient(case) for case in chosen} & tested)
        if twice:
            msg = f"patient {twice[0]} of dataset {dataset.name} has cases in the split test and cases outside it; "
            msg += "put all cases of a patient in one split, or use --split all"
            raise UsageError(msg)
    return chosen


def strata(dataset: Dataset, cases: Sequence[Case], by: str, consensus: str) -> dict[str, str]:
    """Return case id -> stratum.

    Args:
        dataset: The dataset, for its labels.
        cases: The cases; their masks are read if ``by`` is a structure.
        by: A label or group: positives and negatives of their references. Or a column of the case table: its values.
        consensus: Rule that fuses the readers, as in ``ctbench.consensus.fuse``.

    Raises:
        UsageError: The dataset has no such structure, and its case table no such column.
        DataError: A mask cannot be read.
    """
    if by in dataset.labels.names:
        codes = dataset.labels.codes_of(by)
        references = ((case.id, common_reference(case, consensus).structure(by, codes)) for case in cases)
        return {name: "positive" if reference.labels.any() else "negative" for name, reference in references}
    columns = sorted({name for case in cases for name in case.subgroups})
    if by not in columns:
        known = ", ".join((*dataset.labels.names, *columns))
        msg = f"cannot stratify by {by!r}; expected a structure or a column of the case table: {known}"
        raise UsageError(msg)
    return {case.id: case.subgroups.get(by, "") for case in cases}


def _patient(case: Case) -> str:
    return case.patient or case.id
