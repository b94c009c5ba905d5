"""``probabilities.parquet`` of a run: how many voxels have each kept probability and each pattern of readers' votes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.annotations import drawn_by_anyone
from ctbench.consensus.forecasts import domain_mask, forecast_tables, share_tables
from ctbench.consensus.patterns import Domain
from ctbench.consensus.readings import Readings
from ctbench.datasets import Case
from ctbench.errors import DataError, StoreError
from ctbench.files import sha256
from ctbench.matching import LabelMatch
from ctbench.probability_codes import CODES, decode, encode
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.journal import frame_bytes, write_frame
from ctbench.runs.parquet import read_bounded
from ctbench.runs.sealed import read_sealed, write_sealed
from ctbench.statistics.forecasts import NOT_READ, SHARES, ForecastTable
from ctbench.volume import Volume, on_grid, read_volume
from ctbench.volume.bounds import expect_no_more_voxels

__all__ = [
    "DOMAINS",
    "FORECAST_COLUMNS",
    "CaseForecast",
    "case_forecasts",
    "forecast_part",
    "forecast_rows",
    "is_whole_forecast_part",
    "join_forecasts",
    "kept_probabilities",
    "patients_of",
    "read_forecasts",
    "write_forecast_part",
    "write_forecasts",
]

DOMAINS = ("box", "image", "brain")
"""Where voxels are counted: the box of all that any reader drew with a margin of 10 mm; the whole image; and, where the
dataset has masks of it, the brain together with all that any reader drew."""

FORECAST_COLUMNS = ("case", "patient", "label", "domain", "readers", "votes", "code", "voxels")
"""A row counts the voxels of a case with one stored probability (``code`` / 255) and one pattern of votes.

``patient`` is the first case of the same patient; ``readers`` a JSON list of names; ``votes`` one sign for each of
them: 1 drawn, 0 not drawn, ``-`` where the reader did not annotate the slice. Of given shares of votes the reader is
``vote shares`` and ``votes`` the share as a code of three digits, 000 to 255.
"""

_SIGNS = {1: "1", 0: "0", NOT_READ: "-"}
_MOST_PATTERNS = 4096
_KINDS = {"voxels": "int64", "code": "int16"}


class CaseForecast(NamedTuple):
    """The table of one structure of one case in one domain."""

    case: str
    patient: str
    label: str
    domain: str
    table: ForecastTable


def patients_of(cases: Iterable[Case]) -> dict[str, str]:
    """Return case -> the first case of the same patient: a name of the patient that says nothing about him."""
    first: dict[str, str] = {}
    return {case.id: first.setdefault(case.patient or f"\0{case.id}", case.id) for case in cases}


def case_forecasts(case: Case, patient: str, match: LabelMatch, paths: RunFolder) -> pd.DataFrame:
    """Count the kept probabilities of a case by the votes of its readers, or of its given reference.

    Args:
        case: The case.
        patient: Its patient, as of ``patients_of``.
        match: The model's labels matched to the dataset's. A structure is counted if the model gave probabilities for
            a label or group of its name, and the case was assessed for it.
        paths: The run's folder.

    Returns:
        Rows with ``FORECAST_COLUMNS``; none for a case without probabilities.
    """
    files = {name: path for name, path in paths.probabilities(case.id).items() if path.is_file()}
    structures = {
        name: case.labels.codes_of(name) for name in match.structures if name in files and name not in case.not_assessed
    }
    if not structures:
        return _frame([])
    shares = case.shares()
    given = drawn_by_anyone(shares) if shares else case.reference()
    if given is not None:
        readings, grid = Readings.of({"given": given.array}, {"given": case.annotated(None, given)}), given
    else:
        drawn = case.label_maps()
        readings, grid = Readings.of(drawn.arrays, drawn.annotated, drawn.asked), drawn.grid
    probabilities = {name: kept_probabilities(files[name], grid) for name in structures}
    found = []
    areas: dict[str, Domain] = {"box": "box", "image": "image"}
    brain = case.brain()
    if brain is not None:
        areas["brain"] = brain
    for domain, area in areas.items():
        inside = domain_mask(readings, area, grid.spacing_mm)
        tables = (
            share_tables({label: share.array for label, share in shares.items()}, probabilities, case.labels, inside)
            if shares
            else forecast_tables(readings, probabilities, structures, inside)
        )
        for name, table in tables.items():
            found.append(CaseForecast(case.id, patient, name, domain, table))
    return _frame(found)


def kept_probabilities(path: Path, grid: Volume) -> NDArray[np.uint8]:
    """Read the kept probabilities of one label of a case, as z,y,x codes from 0 to 255.

    Args:
        path: The file.
        grid: An image or label map on whose grid they must lie.

    Raises:
        DataError: They cannot be read, are not uint8, or lie on another grid.
    """
    expect_no_more_voxels(path, grid.shape)
    volume = read_volume(path, shape=grid.shape)
    codes = on_grid(volume, grid.geometry, found_name=str(path), expected_name="its reference").array
    if codes.dtype != np.uint8:
        msg = f"{path} holds {codes.dtype}; expected probabilities as uint8 codes. Run again with --keep-probabilities"
        raise DataError(msg)
    return codes


def write_forecasts(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write the rows of some cases, atomically; equal rows have equal bytes."""
    write_frame(_joined(frames), path)


def write_forecast_part(frames: Iterable[pd.DataFrame], part: Path) -> None:
    """Write the tables that belong to a part of the scores, atomically, followed by the SHA-256 of their bytes."""
    write_sealed(frame_bytes(_joined(frames)), forecast_part(part))


def forecast_part(part: Path) -> Path:
    """Return the path of the tables that belong to a part of the scores."""
    return part.with_name(f"{part.stem}.probabilities.parquet")


def is_whole_forecast_part(part: Path) -> bool:
    """Return whether the tables that belong to a part of the scores can be read and were not damaged since."""
    try:
        _read_part(part)
    except StoreError:
        return False
    return True


def join_forecasts(parts: Iterable[Path], path: Path) -> str:
    """Write the tables of all parts of the scores, in the order of their cases, into one file; return its SHA-256.

    Raises:
        StoreError: A part is missing or cannot be read.
    """
    write_forecasts(map(_read_part, parts), path)
    return sha256(path)


def forecast_rows(run: Run) -> pd.DataFrame:
    """Return the rows of a run that keeps probabilities, with ``FORECAST_COLUMNS``.

    Raises:
        StoreError: The file is missing, or is not a table of forecasts.
    """
    names = len(run.manifest.labels) + len(run.manifest.groups)
    most = len(run.manifest.cases) * names * len(DOMAINS) * CODES * _MOST_PATTERNS
    path = RunFolder(run.folder).forecasts
    return _table_of_forecasts(path, path, most)


def read_forecasts(run: Run) -> list[CaseForecast]:
    """Return the tables of a run, sorted by case, label and domain; empty if it keeps no probabilities.

    Raises:
        StoreError: The file is missing, or is not a table of forecasts.
    """
    if not run.manifest.keep_probabilities:
        return []
    path, frame = RunFolder(run.folder).forecasts, forecast_rows(run)
    found = []
    for key, rows in frame.groupby(list(FORECAST_COLUMNS[:5]), sort=True):
        assert isinstance(key, tuple)
        case, patient, label, domain, readers = map(str, key)
        found.append(CaseForecast(case, patient, label, domain, _table(readers, rows, path)))
    return found


def _joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([_frame([]), *frames], ignore_index=True).astype(_KINDS)


def _read_part(part: Path) -> pd.DataFrame:
    path = forecast_part(part)
    return _table_of_forecasts(read_sealed(path), path, 2**40)


def _table_of_forecasts(source: Path | bytes, path: Path, rows: int) -> pd.DataFrame:
    frame = read_bounded(source, str(path), rows)
    texts = [name for name in FORECAST_COLUMNS if name not in _KINDS]
    wrong = [name for name in FORECAST_COLUMNS if name not in frame]
    wrong += [name for name in texts if name in frame and len(frame) and not pd.api.types.is_string_dtype(frame[name])]
    wrong += [name for name in _KINDS if name in frame and not pd.api.types.is_integer_dtype(frame[name])]
    if wrong:
        msg = f"{path} is not a table of forecasts: {', '.join(wrong)} is missing or of another type; run again"
        raise StoreError(msg)
    return frame


def _frame(found: Iterable[CaseForecast]) -> pd.DataFrame:
    rows = []
    for one in found:
        for place in np.lexsort(one.table.votes.T[::-1]):
            own = one.table.votes[place]
            votes = f"{encode(own)[0]:03d}" if one.table.is_of_shares else "".join(_SIGNS[int(vote)] for vote in own)
            counts = one.table.counts[:, place]
            head = (one.case, one.patient, one.label, one.domain, json.dumps(one.table.readers), votes)
            rows += [(*head, int(code), int(counts[code])) for code in np.flatnonzero(counts)]
    return pd.DataFrame(rows, columns=list(FORECAST_COLUMNS)).astype(_KINDS)


def _table(readers: str, rows: pd.DataFrame, path: Path) -> ForecastTable:
    try:
        names = tuple(map(str, json.loads(readers)))
        patterns, column = np.unique(rows["votes"].to_numpy(str), return_inverse=True)
        values = {sign: vote for vote, sign in _SIGNS.items()}
        if names == (SHARES,):
            votes = decode(patterns.astype(np.uint8))[:, None]
        else:
            votes = np.array([[values[sign] for sign in pattern] for pattern in patterns], np.float64)
        counts = np.zeros((CODES, len(patterns)))
        np.add.at(counts, (rows["code"].to_numpy(), column.ravel()), rows["voxels"].to_numpy())
        if votes.shape != (len(patterns), len(names)) or rows["code"].min() < 0 or counts.min() < 0:
            msg = "its votes do not fit its readers, or a code or count is negative"
            raise ValueError(msg)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        msg = f"{path} is not a table of forecasts: {error}; run `ctbench run --keep-probabilities` again"
        raise StoreError(msg) from error
    return ForecastTable(decode(np.arange(CODES)), names, votes, counts)
