"""The record of a board's owner: which runs were scored again with the owner's data, and what was found.

It is a JSON file outside of the board, which those who submit cannot write. What a page shows as verified is compared
with it: the manifest of the run, its row in the index, and the digest of each table of scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ctbench.boards.storage import Place
from ctbench.errors import StoreError, UsageError
from ctbench.files import write_text

__all__ = ["Record", "Statement", "expect_outside", "read_record"]


class Statement(BaseModel):
    """What the owner found of one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rater: str
    dataset: str
    result: Literal["held", "flagged", "changed"]
    """``held``: every number is confirmed; ``flagged``: so it is, but the predictions are copies; ``changed``: not."""
    reasons: tuple[str, ...] = ()
    """Why it is flagged or changed, a sentence each."""
    accepted: bool = False
    """Whether the owner lets a flagged run count as verified."""
    failed: int = 0
    """Number of cases without a prediction."""
    tables: dict[str, str] = {}
    """``METRIC<TAB>REFERENCE`` -> digest of the scores, see ``ctbench.boards.blocks.digests_by_run``."""
    predictions: dict[str, str] = {}
    """Case -> digest of the predicted label map, of those that are not empty."""
    time: str
    ctbench: str
    """Version that verified it."""

    @property
    def holds(self) -> bool:
        """Whether pages may call the run verified."""
        return self.result == "held" or (self.result == "flagged" and self.accepted)


class Record(BaseModel):
    """What the owner found of the runs of a board: digest of a run -> statement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record_version: Literal[1] = 1
    runs: Mapping[str, Statement] = {}

    def holds(self, run: str) -> bool:
        """Return whether a run is verified, by its digest."""
        return run in self.runs and self.runs[run].holds

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        write_text(path, json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_record(path: Path) -> Record:
    """Read a record; one that is not there yet is empty.

    Raises:
        StoreError: The file cannot be read, or is not a record.
    """
    if not path.exists():
        return Record()
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        msg = f"{path} is not the record of a board: {why}; write it with `ctbench board verify BOARD --record {path}`"
        raise StoreError(msg) from error


def expect_outside(path: Path, place: Place) -> None:
    """Refuse a record inside of its board, where those who submit could write it.

    Raises:
        UsageError: The path is in the board's folder.
    """
    if place.local is not None and path.resolve().is_relative_to(place.local.resolve()):
        msg = f"{path} lies in the board {place}, where whoever submits can write; keep the record outside of it"
        raise UsageError(msg)
