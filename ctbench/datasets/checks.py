"""Check a dataset's folder: list missing, ambiguous, unmatched and unreadable files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ctbench.annotations import MaskFiles
from ctbench.datasets.build import build
from ctbench.datasets.case import Case
from ctbench.datasets.catalogs import Paths, find_entry
from ctbench.datasets.layout import Problem, survey
from ctbench.datasets.load import dataset_root
from ctbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check", "problem_table"]

_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def check(
    name_or_path: str | os.PathLike[str], *, catalog: Paths | None = None, deep: bool = False
) -> tuple[Problem, ...]:
    """Return the problems of a dataset's folder: missing, ambiguous, unmatched and unreadable files.

    A dataset with a builder is built first.

    Args:
        name_or_path: As in ``load_dataset``.
        catalog: As in ``load_dataset``.
        deep: Whether to read every file and compare grids and label codes. Default False.

    Returns:
        The problems. ``load_dataset`` raises an error if one of them ``is_fatal``, except for unreadable files, which
        only ``deep`` finds.

    Raises:
        DatasetError, MissingFileError: The entry or the case table is invalid, or the root is not set.
    """
    found = find_entry(name_or_path, catalog)
    root = dataset_root(found)
    if found.entry.builder:
        build(found, root)
    surveyed = survey(found, root) if root.is_dir() else None
    if surveyed is None or not (surveyed.cases or surveyed.problems):
        message = f"{found} has no files: nothing in {root} matches its patterns"
        return (Problem("missing", "", "", str(root), message),)
    problems = [*surveyed.problems, *_unclaimed(root, surveyed.matched, found.name)]
    if deep:
        problems += [problem for case in surveyed.cases for problem in _unreadable(case)]
    return tuple(problems)


def problem_table(problems: tuple[Problem, ...]) -> pd.DataFrame:
    """Return problems as a table with the columns ``kind, case, reader, path, message``."""
    import pandas as pd

    columns = [field.name for field in fields(Problem)]
    return pd.DataFrame([asdict(problem) for problem in problems], columns=columns)


def _unclaimed(root: Path, matched: frozenset[Path], name: str) -> Iterator[Problem]:
    """Yield a problem for each volume below the root that no pattern matches, often a misspelt name."""
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        subfolders[:] = sorted(sub for sub in subfolders if here / sub not in matched and not sub.startswith("."))
        for file in sorted(files):
            path = here / file
            if file.lower().endswith(_SUFFIXES) and path not in matched:
                message = f"{path} matches no pattern of {name!r}; rename it if it belongs to a case"
                yield Problem("unmatched", "", "", str(path), message)


def _unreadable(case: Case) -> Iterator[Problem]:
    def problem(reader: str, path: MaskFiles | None, error: DataError) -> Problem:
        return Problem("unreadable", case.id, reader, str(path), str(error))

    if case.image_path is not None:
        try:
            case.image()
        except DataError as error:
            yield problem("", case.image_path, error)
            return  # Without a grid the masks cannot be checked.
    for path, read in (
        (case.reference_path, case.reference),
        (case.truth_path, case.truth),
        (case.brain_path, case.brain),
    ):
        try:
            read()
        except DataError as error:
            yield problem("", path, error)
    for reading in case.readings:
        try:
            case.annotated(reading.reader, case.reading(reading))
        except DataError as error:
            yield problem(reading.reader, reading.mask, error)
