"""A reader study: every case of a dataset that two readers or more have read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from ctbench.agreement.disagreement import disagreement_map, disagreement_row, snapshot
from ctbench.agreement.jackknife import jackknife_rows, volume_rows
from ctbench.agreement.pairs import pair_rows
from ctbench.agreement.panel import read_drawn, read_panel
from ctbench.agreement.rows import Row
from ctbench.agreement.snapshots import Snapshot, with_image
from ctbench.agreement.voxels import agreement_rows, staple_rows
from ctbench.consensus.patterns import VotePatterns, patterns_of, pool
from ctbench.consensus.performance import PERFORMANCE_COLUMNS, performance_table
from ctbench.datasets import Case, Dataset
from ctbench.displays import Displayed, names_in_short
from ctbench.errors import DataError
from ctbench.parallel import in_parallel
from ctbench.runs.phases import Progress
from ctbench.scores import VALUE_COLUMNS
from ctbench.volume import write_volume

__all__ = ["ReaderStudy", "study_readers"]

_MOST_PICTURES = 6


@dataclass(frozen=True, eq=False, repr=False)
class ReaderStudy(Displayed):
    """The results of a reader study; all frames are tidy, with a status for every value.

    Args:
        dataset: Name of the dataset.
        title: Title of the dataset, one line.
        consensus: The rule by which readers were fused.
        labels: names of the structures.
        groups: names of the groups of structures.
        readers: the names of all readers of the cases, sorted.
        cases: ids of the cases, in the order of the dataset.
        skipped: id of each case that was left out -> why.
        pairs: case, label, reader, other, metric, value, unit, status, detail; as ``pair_rows``.
        agreement: case, label, metric, ...; as ``agreement_rows``.
        by_reader: case, label, reader, metric, ...; as ``volume_rows``, ``staple_rows`` and ``jackknife_rows``.
        performance: Each reader's sensitivity and specificity from one STAPLE fit over all cases, with intervals over
            cases: label, reader, quantity, value, low, high, groups (cases), reason.
        disagreement: a row for each case; as ``disagreement_row``.
        pictures: case -> its slice with the most contested voxels, over the image; the cases with the most of them.
    """

    dataset: str
    title: str
    consensus: str
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    skipped: Mapping[str, str]
    pairs: pd.DataFrame
    agreement: pd.DataFrame
    by_reader: pd.DataFrame
    performance: pd.DataFrame
    disagreement: pd.DataFrame
    pictures: Mapping[str, Snapshot]

    def _facts(self) -> dict[str, object]:
        return {
            "dataset": self.dataset,
            "consensus": self.consensus,
            "readers": names_in_short(self.readers),
            "structures": names_in_short(self.labels),
            "cases": len(self.cases),
            "left out": len(self.skipped) or "",
        }


def study_readers(
    dataset: Dataset,
    *,
    split: str = "",
    consensus: str = "majority",
    jobs: int = -1,
    maps: str | PathLike[str] | None = None,
    briefly: bool = False,
    progress: Progress = lambda _name, steps, _total: steps,
) -> ReaderStudy:
    """Compare the readers of a dataset with each other, case by case.

    Args:
        dataset: The dataset; cases with fewer than two readers are skipped.
        split: Study only the cases of this split; empty (default): all.
        consensus: The rule that fuses readers, for the jackknife.
        jobs: Number of worker processes; -1 uses all cores.
        maps: Folder in which ``{case}_disagreement.nii.gz``, the ``disagreement_map``, is written for each case; None
            (default): no maps.
        briefly: Compare only what ``opening_sentences`` says: the Dice of pairs and the volumes, of structures that are
            no groups. It takes a tenth of the time, and the other frames are empty.
        progress: Called once, with the cases as steps.

    Returns:
        The study, which does not depend on ``jobs``.

    Raises:
        DataError: No case has two readers, or a label map or an image cannot be used.
        UsageError: The consensus is unknown.
        StoreError: ``maps`` cannot be written.
    """
    chosen = dataset.split(split) if split else dataset
    skipped = {case.id: why for case in chosen if (why := _why_skipped(case))}
    cases = [case for case in chosen if case.id not in skipped]
    if not cases:
        msg = f"no case of dataset {dataset.name!r} has two readers; readers can be compared only with each other"
        raise DataError(msg)
    rules = _Rules(consensus, dataset.entry.surface, dataset.tolerance_mm, None if maps is None else Path(maps))
    steps = in_parallel(_briefly if briefly else _study_case, [(case, rules) for case in cases], jobs)
    found = {one.case: one for one in progress("reader study", steps, len(cases))}
    ordered = [found[case.id] for case in cases]
    return ReaderStudy(
        dataset=dataset.name,
        title=dataset.title,
        consensus=consensus,
        labels=tuple(dataset.labels),
        groups=tuple(dataset.labels.groups),
        readers=tuple(sorted({reader for case in cases for reader in case.readers})),
        cases=tuple(case.id for case in cases),
        skipped=skipped,
        pairs=_frame([row for one in ordered for row in one.pairs], ("case", "label", "reader", "other")),
        agreement=_frame([row for one in ordered for row in one.agreement], ("case", "label")),
        by_reader=_frame([row for one in ordered for row in one.by_reader], ("case", "label", "reader")),
        performance=_performance(ordered, (*dataset.labels, *dataset.labels.groups)),
        disagreement=_disagreement([one.disagreement for one in ordered if one.disagreement]),
        pictures={
            case: with_image(seen, dataset[case], dataset.modality) for case, seen in _most_contested(ordered).items()
        },
    )


class _Rules(NamedTuple):
    """The rules of a study, the same for all cases."""

    consensus: str
    surface: Literal["2d", "3d"]
    tolerance_mm: float | Mapping[str, float]
    maps: Path | None


class _CaseStudy(NamedTuple):
    """The results of one case."""

    case: str
    pairs: list[Row]
    agreement: list[Row]
    by_reader: list[Row]
    readers: tuple[str, ...]
    patterns: Mapping[str, VotePatterns]
    disagreement: dict[str, Any]
    picture: Snapshot | None


def _why_skipped(case: Case) -> str:
    if case.reference_path is not None:
        return "it has a reference that is given, no single readers"
    return "" if len(case.readers) > 1 else f"it has {len(case.readers) or 'no'} reader"


def _study_case(case: Case, rules: _Rules) -> _CaseStudy:
    panel = read_panel(case, rules.consensus)
    units = {
        label: panel.units(codes, [reader for reader in panel.readers if not panel.was_asked(reader, label)])
        for label, codes in panel.structures.items()
    }
    disagreement = disagreement_map(panel)
    if rules.maps is not None:
        write_volume(panel.grid.with_array(disagreement), rules.maps / f"{case.id}_disagreement.nii.gz")
    return _CaseStudy(
        case=case.id,
        pairs=pair_rows(panel, units, surface=rules.surface, tolerance_mm=rules.tolerance_mm),
        agreement=agreement_rows(panel, units),
        by_reader=[*volume_rows(panel), *staple_rows(panel, units), *jackknife_rows(panel)],
        readers=panel.readers,
        patterns={label: patterns_of(table) for label, table in units.items() if table.size},
        disagreement=disagreement_row(panel, disagreement),
        picture=snapshot(panel, disagreement),
    )


def _briefly(case: Case, rules: _Rules) -> _CaseStudy:
    drawn = read_drawn(case)
    drawn = replace(
        drawn, structures={name: drawn.structures[name] for name in case.labels if name in drawn.structures}
    )
    pairs = pair_rows(drawn, {}, surface=rules.surface, tolerance_mm=rules.tolerance_mm, metrics=("dice",))
    return _CaseStudy(case.id, pairs, [], volume_rows(drawn), drawn.readers, {}, {}, None)


def _disagreement(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"worst_slice": "Int64"}) if rows else pd.DataFrame()


def _most_contested(studies: list[_CaseStudy]) -> dict[str, Snapshot]:
    ranked = sorted(
        (one for one in studies if one.picture is not None),
        key=lambda one: (-one.disagreement["contested_voxels"], one.case),
    )
    return {one.case: one.picture for one in ranked[:_MOST_PICTURES] if one.picture is not None}


def _performance(studies: list[_CaseStudy], labels: tuple[str, ...]) -> pd.DataFrame:
    tables = []
    for label in labels:
        own = [one for one in studies if label in one.patterns]
        readers = sorted({reader for one in own for reader in one.readers})
        if own:
            pooled = pool([one.patterns[label] for one in own], [one.readers for one in own], readers)
            tables.append(performance_table(readers, pooled, {"": 1}, "cases").assign(label=label))
    if not tables:
        return pd.DataFrame(columns=list(PERFORMANCE_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def _frame(rows: list[Row], keys: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*keys, *VALUE_COLUMNS[1:]]).astype({"value": float})
