"""The folder of a run: which file is where, and how a whole one is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from ctbench.errors import ContractError, IncompleteRunError, MissingFileError, StoreError
from ctbench.labels import LabelSet
from ctbench.matching import match_labels
from ctbench.predictors import Finding, parse_findings
from ctbench.runs.journal import read_lines
from ctbench.runs.manifest import Manifest, read_manifest
from ctbench.scores import SCORE_COLUMNS
from ctbench.volume import Volume, read_volume

__all__ = ["Run", "RunFolder", "open_run", "part_size"]

_MOST_PARTS = 2000
_LARGEST_PART = 200


def part_size(cases: int) -> int:
    """Say how many cases make a part: one, until there are so many that their files would be a burden themselves."""
    return min(_LARGEST_PART, max(1, -(-cases // _MOST_PARTS)))


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files."""

    path: Path

    @property
    def manifest(self) -> Path:
        """The commit mark: a run that has it is whole."""
        return self.path / "run.json"

    @property
    def partial(self) -> Path:
        """The manifest of a run that is not whole yet."""
        return self.path / "run.partial.json"

    @property
    def scores(self) -> Path:
        """All rows, sorted."""
        return self.path / "scores.parquet"

    @property
    def times(self) -> Path:
        """Seconds by case and phase: what differs from run to run."""
        return self.path / "times.parquet"

    @property
    def log(self) -> Path:
        """Messages, one JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def costs(self) -> Path:
        """What becomes ``times.parquet``, while the run goes on: one JSON object a line."""
        return self.path / "times.partial.jsonl"

    @property
    def files(self) -> Path:
        """Of a shard: the lines of which the dataset's fingerprint is the digest."""
        return self.path / "shard-files.txt"

    @property
    def claim(self) -> Path:
        """Held by the process that is at work here."""
        return self.path / ".lock"

    @property
    def parts(self) -> Path:
        """The rows of a few cases each, while the run goes on."""
        return self.path / "parts"

    def part(self, number: int) -> Path:
        """The rows of the part with that number."""
        return self.parts / f"{number:03d}.parquet"

    def all_parts(self, cases: int) -> list[Path]:
        """Give the paths of all parts of a run of so many cases, in their order."""
        return [self.part(number) for number in range(-(-cases // part_size(cases)))]

    @property
    def predictions(self) -> Path:
        """What the predictor gave, where it is a model."""
        return self.path / "predictions"

    def prediction(self, case: str) -> Path:
        """The label map that the predictor gave for a case, in its own codes."""
        return self.predictions / f"{case}.nii.gz"

    def findings(self, case: str) -> Path:
        """Score and boxes that the predictor gave for a case."""
        return self.predictions / f"{case}.json"


@dataclass(frozen=True)
class Run:
    """A whole run, read from its folder.

    Args:
        folder: where it lies.
        manifest: what was scored, and how.
        reused: it was there already and nothing was computed.
    """

    folder: Path
    manifest: Manifest
    reused: bool = field(default=False, compare=False)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """All rows, with the columns ``SCORE_COLUMNS``."""
        texts = [name for name in SCORE_COLUMNS if name != "value"]
        return _read_frame(RunFolder(self.folder).scores, texts, "value")

    @cached_property
    def times(self) -> pd.DataFrame:
        """Columns case, phase, seconds, memory_mib, cached; the last two are not there in runs of schema version 1."""
        return _read_frame(RunFolder(self.folder).times, ["case", "phase"], "seconds")

    @property
    def label_set(self) -> LabelSet:
        """The dataset's labels and groups."""
        return LabelSet(self.manifest.labels, self.manifest.groups)

    def prediction(self, case: str) -> Volume:
        """Read the prediction of a case, in the dataset's codes (beyond them: groups known only as a whole).

        Raises:
            MissingFileError: the run keeps no prediction of that case (it failed, or the run is of readers).
        """
        path = RunFolder(self.folder).prediction(case)
        card = self.manifest.predictor
        if card is None or not path.is_file():
            msg = f"{self.folder} keeps no prediction of case {case}"
            raise MissingFileError(msg)
        volume = read_volume(path)
        match = match_labels(self.label_set, card.info.labels)
        return volume.with_array(match.translate(volume.array))

    def findings(self, case: str) -> tuple[float | None, tuple[Finding, ...]]:
        """Read the score and the boxes that the predictor gave for a case: None and none where it gave none.

        Raises:
            StoreError: they cannot be read.
        """
        path = RunFolder(self.folder).findings(case)
        try:
            return parse_findings(json.loads(path.read_text(encoding="utf-8")), str(path))
        except FileNotFoundError:
            return None, ()
        except (OSError, ValueError, RecursionError, ContractError) as error:
            msg = f"{path} cannot be read as score and findings of case {case}: {error}; run the predictor again"
            raise StoreError(msg) from error

    def messages(self) -> list[dict[str, object]]:
        """Give the lines of the log, oldest first."""
        return list(read_lines(RunFolder(self.folder).log))


def open_run(folder: str | Path) -> Run:
    """Open a whole run.

    Raises:
        IncompleteRunError: it was never finished.
        SchemaVersionError: a later version of ctbench made it, or one so old that no step leads from it.
        StoreError: it is no run folder.
    """
    paths = RunFolder(Path(folder))
    if paths.manifest.is_file():
        return Run(paths.path, read_manifest(paths.manifest))
    if paths.partial.is_file():
        msg = f"{folder} holds a run that never finished; give the same `ctbench run` again and it goes on"
        raise IncompleteRunError(msg)
    msg = f"{folder} is no run folder: it has no run.json"
    raise StoreError(msg)


def _read_frame(path: Path, texts: Sequence[str], number: str) -> pd.DataFrame:
    """Read a table that has these columns of text and this one of numbers, and perhaps others."""
    import pyarrow as pa

    try:
        with path.open("rb") as file:
            frame = pd.read_parquet(file, engine="pyarrow")
    except (OSError, ValueError, pa.ArrowException) as error:
        msg = f"{path} cannot be read: {error}; score the run again"
        raise StoreError(msg) from error
    checks = {**dict.fromkeys(texts, pd.api.types.is_string_dtype), number: pd.api.types.is_numeric_dtype}
    wrong = [name for name, is_kind in checks.items() if name not in frame or not is_kind(frame[name])]
    if wrong:
        msg = f"{path} is no table of a run: {', '.join(wrong)} is not there or of another type; score the run again"
        raise StoreError(msg)
    return frame
