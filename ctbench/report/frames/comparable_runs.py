"""Who is on a board for one dataset: the runs that may be compared, under names that differ, and why others may not."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ctbench.boards import Board, Grid
from ctbench.boards.grid import Entry
from ctbench.report.frames import tables
from ctbench.runs import Manifest, Run, differing_rules

__all__ = ["Field", "broken_runs", "datasets_on", "fields_of"]

_OF_READERS = "readers"


@dataclass(frozen=True, eq=False)
class Field:
    """Runs on one dataset that were scored by the same rules on the same references.

    Args:
        board: where they are.
        runs: their rows of ``Board.runs``, models and at most one run of readers, with the column ``name``: a model's
            name, told apart by version and digest where several runs have the same.
        refused: the other runs of the dataset, with the columns ``run, rater, version, reason``.
        manifest: of one of the runs: the rules are the same in all.
        readers: their names.
    """

    board: Board
    runs: pd.DataFrame
    refused: pd.DataFrame
    manifest: Manifest
    readers: tuple[str, ...]

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.manifest.dataset

    @property
    def key(self) -> str:
        """What tells it from the other fields of its board."""
        return f"{self.dataset} {self.runs['rules'].iloc[0]}"

    @property
    def title(self) -> str:
        """What tells these rules from others: split, number of cases, consensus, surface."""
        split = f"{self.manifest.split} split" if self.manifest.split else "all"
        rules = f"{self.manifest.consensus}, {self.manifest.surface} distances, {str(self.runs['rules'].iloc[0])[:6]}"
        return f"{split}, {len(self.manifest.cases)} cases, {rules}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The dataset's labels, by their codes."""
        return tuple(sorted(self.manifest.labels, key=self.manifest.labels.__getitem__))

    @property
    def groups(self) -> tuple[str, ...]:
        """The dataset's groups of labels."""
        return tuple(self.manifest.groups)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models' names, in the order of submission."""
        return tuple(self.runs.loc[self.runs["rater_kind"] == "model", "name"])

    @cached_property
    def scopes(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """What overall means go over -> the models whose do; the widest first."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        models = self.runs[self.runs["rater_kind"] == "model"]
        for name, over in zip(models["name"], models["overall_of"], strict=True):
            key = tuple(json.loads(over))
            found[key] = (*found.get(key, ()), name)
        return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0]))) or {self.labels: ()}

    @property
    def chief_scope(self) -> tuple[str, ...]:
        """What the overall means of most models go over: there most of them can be compared; of equals the widest."""
        return max(self.scopes, key=lambda over: (len(self.scopes[over]), len(over)))

    @cached_property
    def _partitions(self) -> list[tuple[str, str]]:
        return self.board.partitions(self.dataset)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that some run has, the chief ones first."""
        scored = {metric for metric, _ in self._partitions}
        chief = [name for name in tables.CHIEF_METRICS if name in scored]
        return (*chief, *sorted(scored - set(chief)))

    @property
    def references(self) -> tuple[str, ...]:
        """The references that can be chosen: all those without a reader as one, then that of all readers."""
        own = sorted({name for _, name in self._partitions if name.startswith(self.manifest.consensus)})
        without = tables.is_leave_one_out(pd.Series(own, dtype=object)).tolist()
        common = [name for name, one in zip(own, without, strict=True) if not one]
        return (*([tables.LEAVE_ONE_OUT] if any(without) else []), *common)

    def expanded(self, reference: str) -> tuple[str, ...]:
        """Give the references that ``leave-one-out`` stands for; any other stands for itself."""
        if reference != tables.LEAVE_ONE_OUT:
            return (reference,)
        names = sorted({name for _, name in self._partitions})
        prefix = f"{self.manifest.consensus}-without-"
        return tuple(name for name in names if name.startswith(prefix))

    def name_of(self, entry: Entry) -> str:
        """Give the name under which a rater stands here."""
        return entry.rater if entry.rater_kind == "reader" else self._names[entry.run]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return dict(zip(self.runs["run"], self.runs["name"], strict=True))

    def run_of(self, name: str) -> str:
        """Give the digest of the run of a model, or of the readers' run for any other name."""
        own = self.runs[self.runs["name"] == name]
        own = own if len(own) else self.runs[self.runs["rater_kind"] == "reader"]
        return str(own["run"].iloc[0]) if len(own) else ""

    def open_run(self, name: str) -> Run:
        """Return the run of a model, or the readers' run for any other name, with predictions, times and log.

        Raises:
            StoreError: The run's files are not on this machine, or cannot be read.
        """
        return self.board.run(self.run_of(name))

    def scores(self, metric: str, reference: str, raters: Sequence[str] | None = None) -> pd.DataFrame:
        """Read tidy scores under the names of the field.

        Args:
            metric: its name.
            reference: its name; ``leave-one-out`` gives those of all references without a reader.
            raters: names of models or readers; None: all, which on a large board are millions of rows.

        Returns:
            The tidy columns and ``run``, as plain text.
        """
        digests = self.runs["run"].tolist() if raters is None else sorted({self.run_of(name) for name in raters})
        parts = [self.board.scores(self.dataset, metric, name, digests) for name in self.expanded(reference)]
        rows = pd.concat([part.astype(dict.fromkeys(part.select_dtypes("category"), object)) for part in parts])
        is_model = rows["rater_kind"] == "model"
        rows["rater"] = rows["rater"].mask(is_model, rows["run"].map(self._names))
        return (rows if raters is None else rows[rows["rater"].isin(list(raters))]).reset_index(drop=True)

    def grid(self, metric: str, reference: str) -> Grid:
        """Read the scores of all raters against one reference as an array."""
        return self.board.grid(self.dataset, metric, reference, self.runs["run"].tolist())


def datasets_on(board: Board) -> tuple[str, ...]:
    """Name the datasets that some run of a board can be shown for."""
    return tuple(sorted(board.runs.loc[board.runs["problem"] == "", "dataset"].unique()))


def broken_runs(board: Board) -> pd.DataFrame:
    """List the runs that cannot be shown: columns ``run, problem``."""
    return board.runs.loc[board.runs["problem"] != "", ["run", "problem"]].reset_index(drop=True)


def fields_of(board: Board, dataset: str) -> tuple[Field, ...]:
    """Part the runs of a dataset by the rules they were scored by, the rules of most runs first."""
    own = board.runs[(board.runs["dataset"] == dataset) & (board.runs["problem"] == "")]
    order = own["rules"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    manifests = {rules: board.manifest(str(own.loc[own["rules"] == rules, "run"].iloc[0])) for rules in order}
    return tuple(_field(board, own, rules, manifests) for rules in order)


def _field(board: Board, own: pd.DataFrame, rules: str, manifests: Mapping[str, Manifest]) -> Field:
    inside = own[own["rules"] == rules]
    twice = (inside["rater_kind"] == "reader") & inside["rater_kind"].duplicated(keep="last")
    others = own[own["rules"] != rules]
    reasons = {
        name: f"scored by other rules: {', '.join(differing_rules(manifests[rules], manifests[name])) or 'old run'}"
        for name in others["rules"].unique()
    }
    refused = pd.concat(
        [
            inside[twice].assign(reason="a later run of the readers stands here"),
            others.assign(reason=others["rules"].map(reasons)),
        ]
    )[["run", "rater", "version", "reason"]]
    entered = inside[~twice]
    readers = _readers(board, str(entered["dataset"].iloc[0]), entered)
    named = entered.assign(name=_names(entered, readers))
    return Field(board, named, refused.reset_index(drop=True), manifests[rules], readers)


def _names(runs: pd.DataFrame, readers: Collection[str]) -> list[str]:
    """Tell models of one name apart: from readers, by version, and by digest where that is the same too."""
    taken = {*readers, tables.ALL_READERS, _OF_READERS}
    plain = runs["rater"].map(lambda name: f"{name} (model)" if name in taken else name).astype(object)
    plain = plain.mask(runs["rater_kind"] == "reader", _OF_READERS)
    versioned = plain + " " + runs["version"].astype(object)
    exact = versioned + " " + runs["run"].str[:8].astype(object)
    alike, still = plain.duplicated(keep=False), versioned.duplicated(keep=False)
    return [str(name) for name in plain.where(~alike, versioned.where(~still, exact))]


def _readers(board: Board, dataset: str, runs: pd.DataFrame) -> tuple[str, ...]:
    """Name the readers of the run of readers, from the first partition that it is in."""
    own = runs.loc[runs["rater_kind"] == "reader", ["run", "consensus"]]
    for run, consensus in own.itertuples(index=False):
        for metric, reference in board.partitions(dataset):
            if reference == consensus and (found := board.grid(dataset, metric, reference, [run]).entries):
                return tuple(sorted({entry.rater for entry in found}))
    return ()
