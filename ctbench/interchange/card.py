"""Data card of a dataset in Markdown: cases, splits, readers, labels, share of voxels by class, spacing, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ctbench.datasets import Case, Dataset, counts
from ctbench.files import expect_new, write_text
from ctbench.markdown import inert, table_of
from ctbench.references import read_references
from ctbench.volume import Geometry

__all__ = ["export_card"]


def export_card(dataset: Dataset, out: Path, *, consensus: str = "majority") -> Path:
    """Write the data card of a dataset; return ``out``.

    Shares of voxels and volumes are those of the consensus, or of the released masks, over the voxels that count; the
    spacing is that of the images, or without images of the masks. All masks are read.

    Args:
        dataset: Dataset, or a split of it.
        out: The Markdown file to write.
        consensus: The rule, as in ``ctbench.consensus.fuse``.

    Raises:
        UsageError: ``out`` exists.
        DataError: A file cannot be read.
    """
    expect_new(out)
    measured = [_measure(case, consensus) for case in dataset]
    sections = {
        "": _about(dataset),
        "Cases": _cases(dataset),
        "Readers": _readers(dataset, consensus),
        "Labels": _labels(dataset, measured),
        "Voxels": _grids([one.grid for one in measured if one.grid]),
        "Licence and citation": _licence(dataset),
        "Limits": _limits(dataset, measured),
    }
    text = "\n\n".join(f"## {name}\n\n{body}" if name else body for name, body in sections.items() if body)
    # Markdown may hold HTML, which would run where the card is shown; the texts may be a stranger's.
    write_text(out, text.replace("<", "&lt;") + "\n")
    return out


@dataclass(frozen=True)
class _Measured:
    """The grid of a case and, where it has a mask, voxels by code and how many count.

    Args:
        grid: Grid of the image, or without an image of the masks; None: the case has neither.
        voxels: Code -> number of voxels of the reference. Default: there is no mask.
        counted: Voxels that count; 0 without a mask.
        total: All voxels; 0 without a mask.
    """

    grid: Geometry | None
    voxels: Mapping[int, int] = field(default_factory=dict)
    counted: int = 0
    total: int = 0


def _measure(case: Case, consensus: str) -> _Measured:
    grid = case.image_geometry()
    if not case.readers and case.reference_path is None:
        return _Measured(grid)
    readings = read_references(case, consensus, without_each=False)
    reference = readings.common
    counted = ~reference.uncounted
    codes, numbers = np.unique(reference.labels[counted], return_counts=True)
    found = dict(zip(codes.tolist(), numbers.tolist(), strict=True))
    return _Measured(grid or readings.grid.geometry, found, int(counted.sum()), counted.size)


def _about(dataset: Dataset) -> str:
    entry = dataset.entry
    kind = "simulated heads" if dataset.is_phantom else {"CT": "CT scans", "MR": "MR images"}[dataset.modality]
    lines = [f"# {inert(dataset.title)}", f"`{dataset.name}`: {len(dataset)} cases of {kind} for {dataset.task}."]
    texts = (entry.notes, f"How to obtain it: {entry.access}" if entry.access else "")
    lines += [inert(text) for text in texts if text]
    return "\n\n".join(lines)


def _cases(dataset: Dataset) -> str:
    patients = len(set(dataset.patients.values()))
    known = any(case.patient for case in dataset)
    whose = f" of {patients} patients" if known else "; who the patients are is not known"
    counted = counts(dataset)
    rows = [
        (row.by, row.value, row.cases) for row in counted.itertuples() if row.by not in {"all", "reader", "reference"}
    ]
    table = table_of(("by", "value", "cases"), rows)
    return f"{len(dataset)} cases{whose}." + (f"\n\n{table}" if rows else "")


def _readers(dataset: Dataset, consensus: str) -> str:
    if not dataset.readers:
        released = sum(case.reference_path is not None for case in dataset)
        return f"No masks of single readers; {released} cases have one released reference."
    asked = dataset.entry.reader_labels
    rows = [
        (name, sum(name in case.readers for case in dataset), ", ".join(asked.get(name, ())) or "all")
        for name in dataset.readers
    ]
    return f"Numbers below are of the consensus: {consensus}.\n\n" + table_of(
        ("reader", "cases", "labels asked for"), rows
    )


def _labels(dataset: Dataset, measured: Sequence[_Measured]) -> str:
    """Return a row for each label: cases that hold it, share of the voxels that count, mean volume where it occurs."""
    with_masks = [one for one in measured if one.total]
    counted = sum(one.counted for one in with_masks)
    rows = []
    for name, code in (("background", 0), *dataset.labels.codes.items()):
        numbers = [one.voxels.get(code, 0) for one in with_masks]
        pairs = zip(numbers, with_masks, strict=True)
        volumes = [number * one.grid.voxel_ml for number, one in pairs if number and one.grid]
        share = f"{sum(numbers) / counted:.4%}" if counted else ""
        mean = f"{np.mean(volumes):.2f}" if volumes else ""
        rows.append((name, code, f"{len(volumes)} of {len(with_masks)}", share, mean))
    table = table_of(("label", "code", "cases with it", "share of voxels", "mean mL where present"), rows)
    groups = "\n".join(f"- {inert(name)}: {inert(', '.join(held))}" for name, held in dataset.labels.groups.items())
    return table + (f"\n\nGroups:\n\n{groups}" if groups else "")


def _grids(grids: Sequence[Geometry]) -> str:
    """Return a table of spacing and size by axis; empty without a grid."""
    if not grids:
        return ""
    rows = []
    for axis, name in enumerate(("z", "y", "x")):
        for what, values in (
            (f"spacing {name} (mm)", [grid.spacing_mm[axis] for grid in grids]),
            (f"size {name} (voxels)", [grid.shape[axis] for grid in grids]),
        ):
            rows.append((what, *(f"{value:.4g}" for value in (min(values), np.median(values), max(values)))))
    return table_of(("", "least", "median", "most"), rows)


def _licence(dataset: Dataset) -> str:
    entry = dataset.entry
    facts = {
        "Licence": entry.licence or "not stated",
        "Citation": entry.citation,
        "DOI": ", ".join(entry.doi),
        "Page": entry.url or "",
    }
    return "\n".join(f"- {name}: {inert(text)}" for name, text in facts.items() if text)


def _limits(dataset: Dataset, measured: Sequence[_Measured]) -> str:
    """Return what the files say about the limits of the dataset, as a list."""
    total = sum(one.total for one in measured)
    undecided = 1 - sum(one.counted for one in measured) / total if total else 0.0
    not_assessed = [case.id for case in dataset if case.not_assessed]
    absent = [name for name, code in dataset.labels.codes.items() if not any(one.voxels.get(code) for one in measured)]
    single = sum(len(case.readers) == 1 for case in dataset)
    sentences = {
        "The heads are simulated: nothing here is evidence about patients.": dataset.is_phantom,
        f"{undecided:.2%} of the voxels do not count: undecided, or in slices that nobody annotated.": undecided,
        f"{len(not_assessed)} cases have labels that could not be assessed.": not_assessed,
        f"No case holds {', '.join(absent)}.": absent and total,
        f"{single} cases were read by one reader: there is no agreement to measure.": single,
        "Disagreement of readers is not known: there is one released reference.": not dataset.readers and total,
        "It is not known which cases are of the same patient.": not any(case.patient for case in dataset),
        "The cases have no splits.": not any(case.split for case in dataset),
        f"Not checked against a source: {', '.join(dataset.entry.unverified)}.": dataset.entry.unverified,
    }
    return "\n".join(f"- {sentence}" for sentence, holds in sentences.items() if holds)
