"""The folder of a run: the paths of its files, and reading a complete run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ctbench.displays import Displayed, names_in_short
from ctbench.errors import ContractError, IncompleteRunError, MissingFileError, StoreError, UsageError
from ctbench.files import expect_regular, sha256
from ctbench.labels import LabelSet
from ctbench.matching import match_labels
from ctbench.predictors import Finding, parse_findings, probability_names
from ctbench.runs.journal import read_lines
from ctbench.runs.manifest import Manifest, read_manifest
from ctbench.runs.parquet import most_rows, read_bounded
from ctbench.runs.plots import Plots
from ctbench.scores import SCORE_COLUMNS, leave_one_out_rows
from ctbench.suggestions import suggestion
from ctbench.volume import Volume, read_volume

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "RunFolder", "open_run", "part_size"]

_MOST_PARTS = 2000
_LARGEST_PART = 200
_COSTS_PER_CASE = 2


def part_size(cases: int) -> int:
    """Return the number of cases per part: one, and more for runs of so many cases that the files would slow them."""
    return min(_LARGEST_PART, max(1, -(-cases // _MOST_PARTS)))


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files.

    Args:
        path: The folder.
        probability_labels: Names of the predictor's labels whose probabilities the run may hold; empty (default): none.
    """

    path: Path
    probability_labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, manifest: Manifest) -> RunFolder:
        """Return the paths of a run with this manifest."""
        return cls(path, manifest.probability_labels)

    @property
    def manifest(self) -> Path:
        """The commit mark: a run that has it is complete."""
        return self.path / "run.json"

    @property
    def partial(self) -> Path:
        """The manifest of an incomplete run."""
        return self.path / "run.partial.json"

    @property
    def scores(self) -> Path:
        """All rows, sorted."""
        return self.path / "scores.parquet"

    @property
    def forecasts(self) -> Path:
        """Tables of probabilities by readers' votes, of a run that keeps probabilities."""
        return self.path / "probabilities.parquet"

    @property
    def times(self) -> Path:
        """Seconds and memory by case and phase, which differ from run to run."""
        return self.path / "times.parquet"

    @property
    def log(self) -> Path:
        """Messages, one JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def costs(self) -> Path:
        """The content of ``times.parquet`` while the run proceeds: one JSON object per line."""
        return self.path / "times.partial.jsonl"

    @property
    def kept(self) -> Path:
        """The digests of the predictions that were made while the run proceeds: one JSON object per case."""
        return self.path / "predictions.partial.jsonl"

    @property
    def files(self) -> Path:
        """The lines of which the dataset's fingerprint is the digest; for a shard only."""
        return self.path / "shard-files.txt"

    @property
    def claim(self) -> Path:
        """The claim file of the process that writes this folder."""
        return self.path / ".lock"

    @property
    def parts(self) -> Path:
        """Folder of the parts: the rows of a few cases each, while the run proceeds."""
        return self.path / "parts"

    def part(self, number: int) -> Path:
        """Return the path of the part with that number."""
        return self.parts / f"{number:03d}.parquet"

    def all_parts(self, cases: int) -> list[Path]:
        """Return the paths of all parts of a run of so many cases, in their order."""
        return [self.part(number) for number in range(-(-cases // part_size(cases)))]

    @property
    def predictions(self) -> Path:
        """Folder of the predictions of a model."""
        return self.path / "predictions"

    def expect_no_links(self) -> None:
        """Check that all files are in the folder itself, before they are copied to where others can read them.

        Raises:
            StoreError: One is a symbolic link, which could lead to any file of this user, or no regular file.
        """
        own = (self.manifest, self.scores, self.forecasts, self.times, self.log, self.files, self.predictions)
        for path in (*own, *sorted(self.predictions.glob("*"))):
            if path.is_symlink():
                msg = f"{path} is a link to {path.readlink()}; put the file itself into the run's folder, or remove it"
                raise StoreError(msg)
            if path.exists() and path != self.predictions:
                expect_regular(path)

    def prediction(self, case: str) -> Path:
        """Return the path of the predicted label map of a case, in the predictor's own codes."""
        return self.predictions / f"{case}.nii.gz"

    def findings(self, case: str) -> Path:
        """Return the path of the predicted score and boxes of a case."""
        return self.predictions / f"{case}.json"

    def probabilities(self, case: str) -> dict[str, Path]:
        """Return label -> path of its probabilities in a case, whether it is there or not."""
        names = probability_names(case, self.probability_labels)
        return {label: self.predictions / name for label, name in names.items()}

    def prediction_files(self, case: str) -> dict[str, str]:
        """Return the name of each file of the prediction of a case -> its SHA-256; empty if there is no label map."""
        own = (self.prediction(case), self.findings(case), *self.probabilities(case).values())
        paths = [path for path in own if path.is_file()]
        return {path.name: sha256(path) for path in paths} if self.prediction(case) in paths else {}


@dataclass(frozen=True, repr=False)
class Run(Displayed):
    """A complete run, read from its folder.

    Args:
        folder: Folder of the run.
        manifest: What was scored, and how.
        reused: Whether the run was complete already, so that nothing was computed.
    """

    folder: Path
    manifest: Manifest
    reused: bool = field(default=False, compare=False)

    def _facts(self) -> dict[str, object]:
        manifest = self.manifest
        return {
            "rater": manifest.rater,
            "dataset": manifest.dataset,
            "split": manifest.split,
            "cases": len(manifest.cases),
            "structures": len(manifest.labels),
            "consensus": manifest.consensus,
            "metrics": names_in_short(tuple(manifest.metrics)),
            "folder": self.folder,
        }

    @cached_property
    def scores(self) -> pd.DataFrame:
        """All rows, with the columns ``SCORE_COLUMNS``."""
        texts = [name for name in SCORE_COLUMNS if name != "value"]
        return _read_frame(RunFolder(self.folder).scores, texts, "value", most_rows(self.manifest))

    @cached_property
    def times(self) -> pd.DataFrame:
        """Columns case, phase, seconds, memory_mib, cached; runs of schema version 1 lack the last two."""
        rows = _COSTS_PER_CASE * len(self.manifest.cases)
        return _read_frame(RunFolder(self.folder).times, ["case", "phase"], "seconds", rows)

    @property
    def label_set(self) -> LabelSet:
        """The dataset's labels and groups."""
        return LabelSet(self.manifest.labels, self.manifest.groups)

    @property
    def claimed(self) -> Mapping[str, tuple[int, ...]]:
        """Structure -> codes in ``prediction``, of what the model claims; of readers: all labels and groups."""
        labels, card = self.label_set, self.manifest.predictor
        if card is None:
            return {name: labels.codes_of(name) for name in labels.names}
        return match_labels(labels, card.info.labels).structures

    def summary(self, metric: str = "dice") -> pd.DataFrame:
        """Describe one metric by structure and rater, against the reference of all readers, over the positives.

        Args:
            metric: Name of the metric.

        Returns:
            The columns of ``ctbench.statistics.describe`` by label and rater.

        Raises:
            UsageError: The metric was not scored.
        """
        from ctbench.statistics import describe, populated  # 0.5 s that opening a run does not need

        rows = self.scores[~leave_one_out_rows(self.scores["reference"])]
        scored = list(rows["metric"].unique())
        if metric not in scored:
            msg = f"{self.folder} has no scores of {metric!r}; {suggestion(metric, scored, otherwise='scored are')}"
            raise UsageError(msg)
        chosen = populated(rows)
        return describe(chosen[chosen["metric"] == metric], by=("label", "rater"))

    def compare(self, after: Run, metrics: Sequence[str] = ("dice",)) -> pd.DataFrame:
        """Compare this run with a later one, structure by structure, paired by case.

        Args:
            after: The later run, on the same cases and references.
            metrics: Names of the metrics.

        Returns:
            The columns of ``ctbench.runs.compare``.
        """
        from ctbench.runs.comparison import compare  # which reads runs

        return compare(self, after, metrics)

    @property
    def plot(self) -> Plots:
        """The figures of the run, as ``run.plot.boxes()``."""
        return Plots(self)

    def prediction(self, case: str) -> Volume:
        """Read the prediction of a case, in the dataset's codes (beyond them: groups known only as a whole).

        Raises:
            MissingFileError: The run has no prediction of that case (it failed, or the run is of readers).
        """
        path = RunFolder(self.folder).prediction(case)
        card = self.manifest.predictor
        if card is None or not path.is_file():
            msg = f"{self.folder} has no prediction of case {case}"
            raise MissingFileError(msg)
        volume = read_volume(path)
        match = match_labels(self.label_set, card.info.labels)
        return volume.with_array(match.translate(volume.array))

    def findings(self, case: str) -> tuple[float | None, tuple[Finding, ...]]:
        """Return the predicted score and boxes of a case; None and an empty tuple if the predictor returned none.

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
        """Return the lines of the log, oldest first."""
        return list(read_lines(RunFolder(self.folder).log))


def open_run(folder: str | Path) -> Run:
    """Open a complete run.

    Raises:
        IncompleteRunError: The run was never finished.
        SchemaVersionError: A later version of ctbench made it, or one that is too old to be upgraded.
        StoreError: The folder is not a run folder.
    """
    paths = RunFolder(Path(folder))
    if paths.manifest.is_file():
        return Run(paths.path, read_manifest(paths.manifest))
    if paths.partial.is_file():
        msg = f"{folder} holds an unfinished run; repeat the same `ctbench run` command to continue it"
        raise IncompleteRunError(msg)
    msg = f"{folder} is not a run folder: it has no run.json"
    raise StoreError(msg)


def _read_frame(path: Path, texts: Sequence[str], number: str, rows: int) -> pd.DataFrame:
    """Read a table with these columns of text and this column of numbers; others are allowed."""
    import pandas as pd

    frame = read_bounded(path, str(path), rows)
    checks = {**dict.fromkeys(texts, pd.api.types.is_string_dtype), number: pd.api.types.is_numeric_dtype}
    wrong = [name for name, is_kind in checks.items() if name not in frame or not is_kind(frame[name])]
    if wrong:
        msg = (
            f"{path} is not a table of a run: {', '.join(wrong)} is missing or has the wrong type; score the run again"
        )
        raise StoreError(msg)
    return frame
