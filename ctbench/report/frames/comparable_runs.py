"""Comparable runs: runs on one dataset, scored by the same rules on the same references, for report and leaderboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import pandas as pd

from ctbench.boards import CHECKED, Board, Grid, board_of
from ctbench.boards.grid import Entry, StoredGrid
from ctbench.datasets import Dataset
from ctbench.errors import StoreError, UsageError
from ctbench.metric_descriptions import CHIEF_METRICS, REFERENCE_VOLUME
from ctbench.report.frames import tables
from ctbench.report.frames.local_datasets import is_phantom
from ctbench.runs import Manifest, Run, UsedPredictor, differing_rules
from ctbench.scores import RaterKind, is_leave_one_out, without
from ctbench.statistics import populated

__all__ = ["ComparableRuns", "broken_runs", "comparable_runs", "datasets_on", "gather", "rater_names"]

_WHOLE = 2**23
"""Grids of so many scores are read whole, larger ones structure by structure."""
_KEPT_BYTES = 400 * 2**20
"""So many bytes of them are kept: pages and reports read each of them often."""
_FEW = 20
"""Of a larger grid at most one in so many raters are read without the others, all structures at once."""
_OF_READERS = "readers"
_GIVEN = "given"
"""Name of the reference of a dataset that comes with one, see ``ctbench.reference.Reference.of``."""


@dataclass(frozen=True, eq=False)
class ComparableRuns:
    """Runs on one dataset that were scored by the same rules on the same references.

    Args:
        board: The board that holds the runs, or loose runs opened as a board.
        index: Their rows of ``Board.runs``, models and at most one run of readers, with the column ``name``: a model's
            name, with version and digest where several runs have the same name.
        refused: The other runs on the dataset: columns ``run, rater, version, reason``.
        manifest: Manifest of one of the runs; the rules are the same in all.
        readers: Names of the readers, sorted.
        patients: Case -> patient; a case that is not there is a patient of its own.
    """

    board: Board
    index: pd.DataFrame
    refused: pd.DataFrame
    manifest: Manifest
    readers: tuple[str, ...]
    patients: Mapping[str, str] = field(default_factory=dict)

    def of(self, models: Sequence[str]) -> ComparableRuns:
        """Return the readers and some of the models only."""
        is_reader = self.index["rater_kind"].eq(RaterKind.READER)
        return replace(self, index=self.index[is_reader | self.index["name"].isin(list(models))])

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.manifest.dataset

    @property
    def stem(self) -> str:
        """Begin of the names of files: the dataset, and a split that holds no test cases."""
        split = self.manifest.split
        return self.dataset if split in {"", "test"} else f"{self.dataset}-{split}"

    @property
    def key(self) -> str:
        """Text that differs between the comparable runs of one board: dataset and rules."""
        return f"{self.dataset} {self.index['rules'].iloc[0]}"

    @property
    def title(self) -> str:
        """The rules in words: split, number of cases, consensus, surface."""
        split = f"{self.manifest.split} split" if self.manifest.split else "all"
        digest = str(self.index["rules"].iloc[0])[:6]
        rules = f"{self.manifest.consensus}, {self.manifest.surface} distances, {digest}"
        return f"{split}, {len(self.cases)} cases, {rules}"

    @property
    def cases(self) -> tuple[str, ...]:
        """Ids of the cases that were scored."""
        return self.manifest.cases

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the dataset, ordered by code."""
        return tuple(sorted(self.manifest.labels, key=self.manifest.labels.__getitem__))

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of labels of the dataset."""
        return tuple(self.manifest.groups)

    @property
    def structures(self) -> tuple[str, ...]:
        """Labels, then groups."""
        return (*self.labels, *self.groups)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order of the runs (on a board, of submission)."""
        return tuple(self.index.loc[self.index["rater_kind"] == RaterKind.MODEL, "name"])

    @cached_property
    def _averaged(self) -> dict[str, tuple[str, ...]]:
        models = self.index[self.index["rater_kind"] == RaterKind.MODEL]
        return {name: tuple(json.loads(over)) for name, over in zip(models["name"], models["overall_of"], strict=True)}

    def averaged(self, model: str) -> tuple[str, ...]:
        """Return the structures that the overall mean of a model is taken over."""
        return self._averaged[model]

    def compared(self, model: str) -> tuple[str, ...]:
        """Return the structures that a model claims to know: labels, then groups."""
        unsupported = self.board.manifest(self.run_of(model)).unsupported
        return tuple(name for name in self.structures if name not in unsupported)

    @cached_property
    def scopes(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Structures of an overall mean -> models with this mean; means over other structures cannot be compared."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for name, over in self._averaged.items():
            found[over] = (*found.get(over, ()), name)
        return found or {self.labels: ()}

    @cached_property
    def demo_models(self) -> frozenset[str]:
        """Models that learnt on simulated heads alone, where this dataset is no phantom: they have no rank."""
        texts = zip(self.index["name"], self.index["manifest"], strict=True)
        cards = {name: json.loads(text).get("predictor") or {} for name, text in texts}
        found = frozenset(name for name, card in cards.items() if card.get("phantoms_only"))
        return frozenset() if found and is_phantom(self.dataset) else found

    @cached_property
    def ranked_scopes(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """``scopes`` of the models that may be ranked."""
        demo = self.demo_models
        ranked = {over: tuple(name for name in models if name not in demo) for over, models in self.scopes.items()}
        return {over: models for over, models in ranked.items() if models} or {self.labels: ()}

    def scope_title(self, over: Sequence[str]) -> str:
        """Return in words which structures an overall mean is taken over."""
        if len(over) == 1:
            return over[0]
        if tuple(over) == self.labels:
            return f"Mean of all {len(over)} structures"
        if set(over) <= set(self.labels):
            without = ", ".join(name for name in self.labels if name not in over)
            return f"Mean of {len(over)} of {len(self.labels)} structures, without {without}"
        return f"Mean of {', '.join(over)}"

    @property
    def chief_scope(self) -> tuple[str, ...]:
        """The structures of the overall mean that most models have; of equals the most structures."""
        return max(sorted(self.scopes), key=lambda over: (len(self.scopes[over]), len(over)))

    @cached_property
    def _partitions(self) -> list[tuple[str, str]]:
        return self.board.partitions(self.dataset)

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics that some run has, the chief ones first."""
        scored = {metric for metric, _ in self._partitions}
        chief = [name for name in CHIEF_METRICS if name in scored]
        return (*chief, *sorted(scored - set(chief)))

    @property
    def chief_metrics(self) -> tuple[str, ...]:
        """The chief metrics that were scored; all metrics if none of them was."""
        return tuple(name for name in self.metrics if name in CHIEF_METRICS) or self.metrics

    def unit(self, metric: str) -> str:
        """Return the unit of a metric, empty if nothing was scored."""
        units = (self.grid(metric, name).unit for scored, name in self._partitions if scored == metric)
        return next((unit for unit in units if unit), "")

    @property
    def references(self) -> tuple[str, ...]:
        """The references that can be chosen: ``leave-one-out`` for all those without a reader, then the common one."""
        kinds = (self.manifest.consensus, _GIVEN)  # a given reference is not a consensus, whatever the manifest says
        own = sorted({name for _, name in self._partitions if name.startswith(kinds)})
        without = [is_leave_one_out(name) for name in own]
        common = [name for name, one in zip(own, without, strict=True) if not one]
        return (*([tables.LEAVE_ONE_OUT] if any(without) else []), *common)

    @property
    def common(self) -> str:
        """Name of the reference of all readers, or of the given reference.

        Raises:
            UsageError: There is no such reference, or more than one.
        """
        names = [name for name in self.references if name != tables.LEAVE_ONE_OUT]
        if len(names) != 1:
            msg = f"expected scores against one common reference, got {', '.join(names) or 'none'}; report them apart"
            raise UsageError(msg)
        return names[0]

    @property
    def leave_one_out(self) -> bool:
        """Whether readers were scored on references that were made without them."""
        return bool(self.readers) and tables.LEAVE_ONE_OUT in self.references

    @property
    def fair(self) -> str:
        """The reference to compare readers and models on: ``leave-one-out`` if there is one, else the common one."""
        return tables.LEAVE_ONE_OUT if self.leave_one_out else self.common

    @cached_property
    def judged_on(self) -> Mapping[str, str]:
        """Rater -> the reference to judge it by: the common one, or for a reader the one made without this reader."""
        of_models = dict.fromkeys(self.models, self.common)
        consensus = self.manifest.consensus
        return of_models | {
            reader: without(consensus, reader) if self.leave_one_out else self.common for reader in self.readers
        }

    def expanded(self, reference: str) -> tuple[str, ...]:
        """Return the references that ``leave-one-out`` stands for; any other stands for itself."""
        if reference != tables.LEAVE_ONE_OUT:
            return (reference,)
        names = sorted({name for _, name in self._partitions})
        prefix = without(self.manifest.consensus, "")
        return tuple(name for name in names if name.startswith(prefix))

    def name_of(self, entry: Entry) -> str:
        """Return the name of a rater here: a reader's own, a model's from ``index``."""
        return entry.rater if entry.rater_kind == RaterKind.READER else self._names[entry.run]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return dict(zip(self.index["run"], self.index["name"], strict=True))

    def run_of(self, name: str) -> str:
        """Return the digest of a model's run, or of the readers' run for any other name."""
        own = self.index[self.index["name"] == name]
        own = own if len(own) else self.index[self.index["rater_kind"] == RaterKind.READER]
        return str(own["run"].iloc[0]) if len(own) else ""

    def card(self, model: str) -> UsedPredictor | None:
        """Return what the run of a model says of its predictor."""
        return self.board.manifest(self.run_of(model)).predictor

    def open_run(self, name: str) -> Run:
        """Return the run of a model, or the readers' run for any other name, with predictions, times and log.

        Raises:
            StoreError: The run's files are not on this machine, or cannot be read.
        """
        return self.board.run(self.run_of(name))

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, opened."""
        return tuple(self.board.run(digest) for digest in self.index["run"])

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Tidy scores of all runs, metrics and references, under the names of ``index``; for few runs only."""
        parts = [self._named(run.scores.assign(run=digest)) for run, digest in zip(self.runs, self._names, strict=True)]
        return pd.concat(parts, ignore_index=True).drop(columns="run")

    @cached_property
    def positive_scores(self) -> pd.DataFrame:
        """The same of which only positives have a value, see ``ctbench.statistics.populated``."""
        return populated(self.scores)

    def scores_of(self, models: Sequence[str]) -> pd.DataFrame:
        """Return the rows of ``scores`` of the readers and of some models."""
        is_reader, is_model = self.scores["rater_kind"] == RaterKind.READER, self.scores["rater"].isin(list(models))
        return self.scores[is_reader | is_model]

    def scores_on(self, metric: str, reference: str, raters: Sequence[str] | None = None) -> pd.DataFrame:
        """Read tidy scores of one metric under the names of ``index``.

        Args:
            metric: Name of the metric.
            reference: Name of the reference; ``leave-one-out`` reads those of all references without a reader.
            raters: Names of models or readers; None: all, which on a large board are millions of rows.

        Returns:
            The tidy columns and ``run``, as plain text.
        """
        digests = self.index["run"].tolist() if raters is None else sorted({self.run_of(name) for name in raters})
        parts = [self.board.scores(self.dataset, metric, name, digests) for name in self.expanded(reference)]
        rows = pd.concat([part.astype(dict.fromkeys(part.select_dtypes("category"), object)) for part in parts])
        rows = self._named(rows)
        return (rows if raters is None else rows[rows["rater"].isin(list(raters))]).reset_index(drop=True)

    def _named(self, rows: pd.DataFrame) -> pd.DataFrame:
        is_model = rows["rater_kind"] == RaterKind.MODEL
        return rows.assign(rater=rows["rater"].mask(is_model, rows["run"].map(self._names)))

    def grid(self, metric: str, reference: str) -> StoredGrid:
        """Return the scores of all raters in all cases against one reference, of large boards to be read in parts."""
        stored = self._stored.get((metric, reference))
        if stored is None:
            stored = self.board.grid(self.dataset, metric, reference, self.index["run"].tolist())
            self._stored[metric, reference] = stored
        return replace(stored, read=partial(self._read, stored, (metric, reference)))

    def _read(
        self, stored: StoredGrid, name: tuple[str, str], label: str | None, entries: Sequence[int] | None
    ) -> Grid:
        """Read all structures or one, of all raters or a few; what was read is kept while there is room."""
        if stored.size <= _WHOLE:
            whole = self._once((*name, None, None), partial(stored.read, None, None))
            return StoredGrid.of(whole).read(label, entries)
        if entries is None or (*name, label, None) in self._kept or len(entries) * _FEW > len(stored.entries):
            whole = self._once((*name, label, None), partial(stored.read, label, None))
            return whole.select(entries=entries)
        few = self._once((*name, None, tuple(entries)), partial(stored.read, None, entries))
        return StoredGrid.of(few).read(label, None)

    def _once(self, key: tuple[Hashable, ...], read: Callable[[], Grid]) -> Grid:
        found = self._kept.pop(key, None)
        if found is None:
            found = read()
        self._kept[key] = found  # the last of them all
        while len(self._kept) > 1 and sum(grid.nbytes for grid in [*self._kept.values()]) > _KEPT_BYTES:
            # A ranking reads all structures of a metric several times: those it read first are needed again first.
            others = [one for one in self._kept if one[0] != key[0]]
            self._kept.pop((others or list(self._kept)[-2:])[0], None)
        return found

    @cached_property
    def known_calls(self) -> dict[tuple[tuple[str, ...], str, tuple[str, ...]], pd.DataFrame]:
        """Structures, reference and cases -> what was counted of them, which is the same for every metric."""
        return {}

    @cached_property
    def _stored(self) -> dict[tuple[str, str], StoredGrid]:
        return {}

    @cached_property
    def _kept(self) -> dict[tuple[Hashable, ...], Grid]:
        return {}

    def positives(self, metric: str, reference: str) -> StoredGrid:
        """Read the scores in the cases whose reference holds the structure, see ``Grid.positives``."""
        return self.grid(metric, reference).positives(self.reference_volumes(reference))

    def reference_volumes(self, reference: str) -> StoredGrid | None:
        """Read the volumes of a reference; None if they were not scored."""
        return self.grid(REFERENCE_VOLUME, reference) if (REFERENCE_VOLUME, reference) in self._partitions else None

    def grids(self, metric: str, reference: str) -> tuple[StoredGrid, ...]:
        """Read ``positives`` for each reference that ``reference`` stands for, see ``expanded``."""
        return tuple(self.positives(metric, name) for name in self.expanded(reference))


def datasets_on(board: Board) -> tuple[str, ...]:
    """Return the names of the datasets with at least one readable run."""
    return tuple(sorted(board.runs.loc[board.runs["problem"] == "", "dataset"].unique()))


def broken_runs(board: Board) -> pd.DataFrame:
    """Return the runs that cannot be read: columns ``run, problem``."""
    return board.runs.loc[board.runs["problem"] != "", ["run", "problem"]].reset_index(drop=True)


def comparable_runs(board: Board, dataset: str) -> tuple[ComparableRuns, ...]:
    """Split the runs of a dataset by the rules they were scored by, the rules of most runs first."""
    own = board.runs[(board.runs["dataset"] == dataset) & (board.runs["problem"] == "")]
    order = own["rules"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    manifests = {rules: board.manifest(str(own.loc[own["rules"] == rules, "run"].iloc[0])) for rules in order}
    return tuple(_by_rules(board, own, rules, manifests) for rules in order)


def _by_rules(board: Board, own: pd.DataFrame, rules: str, manifests: Mapping[str, Manifest]) -> ComparableRuns:
    inside = own[own["rules"] == rules]
    # Of several runs of the readers the last one stands here: a verified one, if there is any.
    inside = inside.sort_values("checked", key=lambda names: names == CHECKED[0], kind="stable")
    twice = (inside["rater_kind"] == RaterKind.READER) & inside["rater_kind"].duplicated(keep="last")
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
    )
    return _of(board, inside[~twice].sort_index(), refused, manifests[rules])


def _of(board: Board, entered: pd.DataFrame, refused: pd.DataFrame, manifest: Manifest) -> ComparableRuns:
    readers = _readers(board, manifest.dataset, entered)
    columns = ["run", "rater", "version", "reason"]
    left_out = refused.reindex(columns=columns).reset_index(drop=True)
    return ComparableRuns(board, entered.assign(name=_names(entered, readers)), left_out, manifest, readers)


def _names(runs: pd.DataFrame, readers: Collection[str]) -> list[str]:
    """Return distinct names: models named like readers are marked, equal names get version and, if needed, digest."""
    taken = {*readers, tables.ALL_READERS, _OF_READERS}
    plain = runs["rater"].map(lambda name: f"{name} (model)" if name in taken else name).astype(object)
    plain = plain.mask(runs["rater_kind"] == RaterKind.READER, _OF_READERS)
    versioned = plain + " " + runs["version"].astype(object)
    exact = versioned + " " + runs["run"].str[:8].astype(object)
    alike, still = plain.duplicated(keep=False), versioned.duplicated(keep=False)
    return [str(name) for name in plain.where(~alike, versioned.where(~still, exact))]


def _readers(board: Board, dataset: str, runs: pd.DataFrame) -> tuple[str, ...]:
    """Return the readers of the run of readers, from the first partition that has it."""
    own = runs.loc[runs["rater_kind"] == RaterKind.READER, ["run", "consensus"]]
    for run, consensus in own.itertuples(index=False):
        for metric, reference in board.partitions(dataset):
            if reference == consensus and (found := board.grid(dataset, metric, reference, [run]).entries):
                return tuple(sorted({entry.rater for entry in found}))
    return ()


def gather(runs: Iterable[Run], datasets: Mapping[str, Dataset] | None = None) -> tuple[ComparableRuns, ...]:
    """Join runs by dataset, in the order in which the datasets first occur; splits without a common case stand apart.

    Args:
        runs: Runs on one dataset or several.
        datasets: Name -> dataset, which knows the patient of each case; without it every case is a patient of its own.

    Raises:
        UsageError: There are no runs, two runs on one dataset were scored against other references or by other rules,
            or two runs are of one rater.
        StoreError: The files of a run cannot be read.
    """
    groups: list[list[Run]] = []
    for run in runs:
        own = next((group for group in groups if _belong_together(group[0].manifest, run.manifest)), None)
        if own is None:
            groups.append([run])
        else:
            _expect_comparable(own[0], run)
            own.append(run)
    if not groups:
        msg = "no runs to report; name at least one run folder"
        raise UsageError(msg)
    found = []
    for group in groups:
        _expect_single(group)
        board, name = board_of(group), group[0].manifest.dataset
        for problem in broken_runs(board)["problem"]:
            raise StoreError(problem)
        patients = datasets[name].patients if datasets and name in datasets else {}
        found.append(replace(_of(board, board.runs, pd.DataFrame(), group[0].manifest), patients=patients))
    return tuple(found)


def _belong_together(first: Manifest, other: Manifest) -> bool:
    """Return whether two runs are to be compared: on one dataset, and not on two of its splits, as in training."""
    if first.dataset != other.dataset:
        return False
    apart = first.split and other.split and first.split != other.split
    return not (apart and set(first.cases).isdisjoint(other.cases))


def _expect_comparable(first: Run, other: Run) -> None:
    differing = differing_rules(first.manifest, other.manifest)
    if differing:
        msg = (
            f"{first.folder} and {other.folder} cannot stand in one report of {first.manifest.dataset}: they differ in "
            f"{', '.join(differing)}; score both by the same rules, or report them apart"
        )
        raise UsageError(msg)


def rater_names(runs: Sequence[Run], names: Sequence[str] | None = None) -> list[str]:
    """Return the name of each run's rater: as given, or as its manifest says.

    Raises:
        UsageError: No names are given, and two runs are of one rater.
    """
    if names is None:
        _expect_single(runs)
        return [run.manifest.rater for run in runs]
    return list(names)


def _expect_single(runs: Sequence[Run]) -> None:
    folders: dict[str, Run] = {}
    for run in runs:
        rater = run.manifest.rater
        if rater in folders:
            msg = (
                f"{folders[rater].folder} and {run.folder} are both runs of {rater} on {run.manifest.dataset}; "
                "take one of them, or name the predictors apart"
            )
            raise UsageError(msg)
        folders[rater] = run
