"""A reader study that makes itself: two sessions and two conditions, with planted biases, noise and times."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ctbench.errors import UsageError
from ctbench.files import write_text
from ctbench.parallel import in_parallel
from ctbench.phantom.head import DEFAULT_SHAPE, head
from ctbench.phantom.hemorrhage import Hemorrhage
from ctbench.phantom.reader import ReaderProfile, draw
from ctbench.volume import write_volume

__all__ = ["PlantedStudy", "build_repeats"]

Row = dict[str, str]

CONDITIONS = ("unaided", "aided")
SESSIONS = ("1", "2")


@dataclass(frozen=True, slots=True)
class PlantedStudy:
    """What a simulated reader study truly holds, to be compared with what is computed from it.

    Args:
        bias_mm: Reader -> mean distance of the border that this reader draws outside of the true one.
        session_sd_mm: Standard deviation of the shift of the whole border between readings of a reader.
        wander_mm: Standard deviation of the local error in judging the border.
        aided_share: Share of a reader's bias, and of the shift between sessions, that is left when aided.
        seconds: Geometric mean of the time of an unaided reading.
        aided_time: Factor on the time of an aided reading.
        time_sd: Standard deviation of the logarithm of the time.

    Raises:
        UsageError: A spread, factor or time is negative, or there are fewer than two readers.
    """

    bias_mm: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"reader1": -0.9, "reader2": 0.1, "reader3": 0.8})
    )
    session_sd_mm: float = 0.3
    wander_mm: float = 0.3
    aided_share: float = 0.25
    seconds: float = 120.0
    aided_time: float = 0.7
    time_sd: float = 0.2

    def __post_init__(self) -> None:
        sizes = (self.session_sd_mm, self.wander_mm, self.aided_share, self.seconds, self.aided_time, self.time_sd)
        if min(sizes) < 0.0 or len(self.bias_mm) < 2:
            msg = f"spreads, factors and times of a study cannot be negative, and it needs two readers: {self}"
            raise UsageError(msg)


def build_repeats(
    folder: str | os.PathLike[str],
    *,
    cases: int = 10,
    shape: tuple[int, int, int] = DEFAULT_SHAPE,
    seed: int = 20191109,
    planted: PlantedStudy | None = None,
    jobs: int = -1,
    **sizes: float,
) -> None:
    """Write a study of intraparenchymal hemorrhages that three readers draw twice unaided and twice aided.

    Args:
        folder: Folder for ``images/CASE.nii.gz``, ``truth/CASE.nii.gz``, ``cases.csv``, ``readings.csv`` and
            ``readers/READER/CONDITION/SESSION/CASE.nii.gz``.
        cases: Number of cases, one hemorrhage of 8 to 45 mL in each.
        shape: Shape of every scan, z,y,x; the field of view stays the same.
        seed: Seed of all random numbers; equal seeds produce equal files.
        planted: What the study holds; None (default): the defaults of ``PlantedStudy``.
        jobs: Number of worker processes; -1 uses all cores.
        sizes: Fields of ``PlantedStudy`` that are numbers, as ``builder_options`` of a YAML file.

    Raises:
        UsageError: A field of the planted study is invalid or unknown.
    """
    unknown = [name for name in sizes if name not in PlantedStudy.__dataclass_fields__]
    if unknown:
        msg = f"unknown option {unknown[0]!r} of the study; expected {', '.join(PlantedStudy.__dataclass_fields__)}"
        raise UsageError(msg)
    study = planted or PlantedStudy(**sizes)  # type: ignore[arg-type]  # numbers by name
    root = Path(folder)
    orders = {reader: _orders(seed, place, cases) for place, reader in enumerate(study.bias_mm)}
    write = partial(_write_case, root, study, (shape[0], shape[1], shape[2]), seed, orders)
    rows = list(in_parallel(write, [(number,) for number in range(cases)], jobs, in_order=True))
    write_text(root / "readings.csv", _table([row for readings in rows for row in readings]))
    # The table comes last: a folder with it is complete.
    write_text(
        root / "cases.csv",
        _table([{"case": _name(number), "patient": f"R{number + 1:03d}"} for number in range(cases)]),
    )


def _name(number: int) -> str:
    return f"repeat-{number + 1:03d}"


def _orders(seed: int, reader: int, cases: int) -> dict[tuple[int, str, str], int]:
    """Return the position of each reading of a reader: session 1 before session 2, otherwise shuffled."""
    generator = np.random.Generator(np.random.PCG64([seed, 1, reader]))
    orders: dict[tuple[int, str, str], int] = {}
    for session in SESSIONS:
        readings = [(case, condition, session) for case in range(cases) for condition in CONDITIONS]
        for place in generator.permutation(len(readings)):
            orders[readings[place]] = len(orders) + 1
    return orders


def _write_case(
    root: Path,
    study: PlantedStudy,
    shape: tuple[int, int, int],
    seed: int,
    orders: Mapping[str, Mapping[tuple[int, str, str], int]],
    number: int,
) -> list[Row]:
    generator = np.random.Generator(np.random.PCG64([seed, 2, number]))
    scan = head(
        int(generator.integers(2**32)),
        shape=shape,
        hemorrhages=[Hemorrhage("iph", float(generator.uniform(8.0, 45.0)))],
    )
    file = f"{_name(number)}.nii.gz"
    write_volume(scan.image, root / "images" / file)
    write_volume(scan.hemorrhage, root / "truth" / file)
    rows = []
    for reader, bias_mm in study.bias_mm.items():
        for condition in CONDITIONS:
            aided = condition == "aided"
            left, pace = (study.aided_share, study.aided_time) if aided else (1.0, 1.0)
            for session in SESSIONS:
                shift_mm = left * (bias_mm + study.session_sd_mm * float(generator.standard_normal()))
                profile = ReaderProfile(bias_mm=shift_mm, jitter_mm=0.0, wander_mm=study.wander_mm, miss=0.0, slip=0.0)
                truth = scan.hemorrhage
                drawn = draw(truth.array, truth.spacing_mm, profile, int(generator.integers(2**32)))
                write_volume(truth.with_array(drawn), root / "readers" / reader / condition / session / file)
                seconds = study.seconds * pace * float(np.exp(study.time_sd * generator.standard_normal()))
                rows.append(
                    {
                        "case": _name(number),
                        "reader": reader,
                        "session": session,
                        "condition": condition,
                        "seconds": f"{seconds:.1f}",
                        "order": str(orders[reader][number, condition, session]),
                    }
                )
    return rows


def _table(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
