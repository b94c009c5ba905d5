"""What differs from run to run and stands apart from its results: messages, times, memory."""

from __future__ import annotations

import sys
import time
from typing import Literal, NamedTuple

import pandas as pd

from ctbench.runs.folder import RunFolder, write_frame
from ctbench.runs.lines import append_line, read_lines

__all__ = ["Cost", "log", "note_cost", "peak_memory_mib", "settle_times"]


class Cost(NamedTuple):
    """What one case cost in one phase.

    Attributes:
        case: its id.
        phase: ``predict`` or ``score``.
        seconds: wall time.
        memory_mib: the most memory that its process had held until then.
        cached: the prediction was taken from the cache; the seconds are those of when it was made.
    """

    case: str
    phase: Literal["predict", "score"]
    seconds: float
    memory_mib: float
    cached: bool = False


def log(paths: RunFolder, phase: str, case: str, message: str, **more: object) -> None:
    """Append a message to the log of a run; ``more`` fields that are empty are left out."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {name: value for name, value in more.items() if value}
    append_line(paths.log, {"time": stamp, "phase": phase, "case": case, "message": message, **said})


def note_cost(paths: RunFolder, cost: Cost) -> None:
    """Note what a case cost, at once: a run that is killed keeps it."""
    append_line(paths.costs, cost._asdict())


def settle_times(paths: RunFolder) -> None:
    """Write ``times.parquet``: for each phase and case what was noted last."""
    whole = (line for line in read_lines(paths.costs) if line.keys() == set(Cost._fields))
    noted = {(line["phase"], line["case"]): line for line in whole}
    rows = pd.DataFrame([noted[key] for key in sorted(noted)], columns=list(Cost._fields))
    write_frame(rows, paths.times)


def peak_memory_mib() -> float:
    """Give the most memory that this process has held; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
