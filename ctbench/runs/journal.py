"""The log, times and memory of a run: files of JSON lines that survive a killed process."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ctbench.errors import StoreError
from ctbench.files import whole_file
from ctbench.runs.privacy import public_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Cost",
    "append_line",
    "frame_bytes",
    "kept_digests",
    "log",
    "note_cost",
    "note_kept",
    "peak_memory_mib",
    "read_lines",
    "settle_times",
    "write_frame",
]


class Cost(NamedTuple):
    """Time and memory of one case in one phase.

    Attributes:
        case: Id of the case.
        phase: ``predict`` or ``score``.
        seconds: Wall time.
        memory_mib: Peak memory of its process until then, in MiB.
        cached: Whether the prediction was taken from the cache; the seconds are those of when it was made.
    """

    case: str
    phase: Literal["predict", "score"]
    seconds: float
    memory_mib: float
    cached: bool = False


def log(file: Path, phase: str, case: str, message: str, **more: object) -> None:
    """Append a message to the log file of a run; fields of ``more`` that are empty are left out.

    Texts are kept without tokens, home folders, and names of this user and this machine.
    """
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {name: public_text(value) if isinstance(value, str) else value for name, value in more.items() if value}
    append_line(file, {"time": stamp, "phase": phase, "case": case, "message": public_text(message), **said})


def note_cost(file: Path, cost: Cost) -> None:
    """Append the cost of a case to the file of costs at once, so that a run that is killed keeps it."""
    append_line(file, cost._asdict())


def note_kept(file: Path, case: str, digests: Mapping[str, str]) -> None:
    """Append the digests of the files of a prediction, by name, so that a damaged file is found."""
    append_line(file, {"case": case, "files": dict(digests)})


def kept_digests(file: Path) -> dict[str, dict[str, str]]:
    """Return case -> name of each file of its prediction -> SHA-256, as `note_kept` noted them last."""
    lines = (line for line in read_lines(file) if line.keys() == {"case", "files"})
    return {line["case"]: line["files"] for line in lines if isinstance(line["files"], dict)}


def settle_times(costs: Path, times: Path) -> None:
    """Write the table of times from the file of costs: the last line of each phase and case."""
    import pandas as pd

    whole = (line for line in read_lines(costs) if line.keys() == set(Cost._fields))
    noted = {(line["phase"], line["case"]): line for line in whole}
    rows = pd.DataFrame([noted[key] for key in sorted(noted)], columns=list(Cost._fields))
    write_frame(rows, times)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, atomically; equal frames have equal bytes."""
    with whole_file(path) as temporary:
        temporary.write_bytes(frame_bytes(frame))


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as Parquet; equal frames have equal bytes."""
    written = io.BytesIO()
    frame.to_parquet(written, index=False, engine="pyarrow", compression="zstd")
    return written.getvalue()


def peak_memory_mib() -> float:
    """Return the peak memory of this process in MiB; 0 on Windows, where it is not known."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Append one object; a line that a killed process left unfinished is closed first.

    Raises:
        StoreError: the file cannot be written.
    """
    line = json.dumps(dict(content), ensure_ascii=False) + "\n"
    try:
        with path.open("a+b") as file:
            if file.tell() and file.seek(-1, 2) and file.read(1) != b"\n":
                line = "\n" + line
            file.write(line.encode())
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}; free some space, or choose a folder that you may write to"
        raise StoreError(msg) from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file, oldest first; skip lines that were cut off. A missing file has none."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                content = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict):
                yield content
