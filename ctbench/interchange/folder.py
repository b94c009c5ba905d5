"""Import of a plain folder: guess images, readers, structures and labels from names and masks, and show the guess."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ctbench.annotations import files_of, found_labels, named_labels
from ctbench.annotations.nnunet import DATASET_JSON
from ctbench.datasets import Entry
from ctbench.datasets.catalogs import CatalogEntry
from ctbench.datasets.layout import survey
from ctbench.datasets.patterns import Pattern
from ctbench.errors import DatasetError, MissingFileError
from ctbench.interchange.description import dataset_name, write_description
from ctbench.interchange.folder_patterns import file_ending, is_image, sort_files, volume_files
from ctbench.volume import read_label_map

__all__ = ["Guess", "guess_folder", "import_folder"]

_FUSED = re.compile(r"consensus|majority|staple|fused", re.IGNORECASE)
_READER = re.compile(r"(reader|rater|observer|obs|annotator|expert|doctor|r)[-_]?\d+", re.IGNORECASE)
_SAME = 0.3
"""Least Dice of two readers who drew the same structure, in at least one of the compared cases."""
_COMPARED = 3
"""Number of cases whose masks are compared."""


@dataclass(frozen=True)
class Guess:
    """What a plain folder seems to hold.

    Args:
        name: Name of the dataset.
        entry: Keys of the dataset's YAML.
        rows: Rows of the case table; empty if none is needed.
        facts: What was found -> text, for people.
        left_over: Files that belong to no case or role, relative to the folder.
    """

    name: str
    entry: Mapping[str, Any]
    rows: tuple[Mapping[str, str], ...]
    facts: Mapping[str, str]
    left_over: tuple[Path, ...]


def import_folder(folder: Path, out: Path, guess: Guess | None = None) -> Path:
    """Write the YAML of the dataset that a plain folder holds; return ``out``.

    Args:
        folder: The folder.
        out: The YAML file to write.
        guess: What ``guess_folder`` returned for the folder. Default: it is called.

    Raises:
        MissingFileError, DatasetError: As in ``guess_folder``.
        UsageError: ``out``, or the case table beside it, exists.
    """
    guess = guess or guess_folder(folder)
    return write_description(out, guess.name, guess.entry, guess.rows)


def guess_folder(folder: Path) -> Guess:
    """Return what a plain folder of images and masks seems to hold; nothing is written.

    Images are in a folder or have a name of their own (``images/p01.nii.gz``, ``p01/ct.nii.gz``, ``p01_ct.nii.gz``, or
    ``p01.nii.gz`` beside ``p01_mask.nii.gz``). Masks of one kind are the reference. Masks of several kinds are readers
    or structures (``{case}_{label}.nii.gz``, ``{case}/segmentations/{label}.nii.gz``): readers are called so, have
    several codes, or overlap (Dice of .3 in a case); structures are binary and do not overlap.

    Args:
        folder: The folder.

    Raises:
        MissingFileError: There are no volumes, or no masks.
        DatasetError: The folder is of another layout that can be imported, or something is not clear; the message says
            what to write.
    """
    files = volume_files(folder)
    _expect_plain(folder, files)
    found = sort_files(files)
    image = _image(tuple(found), folder)
    masks = {pattern: own for pattern, own in found.items() if pattern != image}
    if not masks:
        msg = f"{folder} has images ({image}) and no masks; expected masks of the same cases"
        raise MissingFileError(msg)
    named = {pattern: own for pattern, own in masks.items() if not _FUSED.search(pattern)}
    fused = {} if len(named) < 2 else {pattern: own for pattern, own in masks.items() if pattern not in named}
    used = {pattern: own for pattern, own in masks.items() if pattern not in fused}
    slots = _slots(tuple(used), folder)
    kinds = {axis: _kind(axis, slots, used, folder) for axis in ("folder", "name") if len(_values(slots, axis)) > 1}
    patterns = {slots[pattern].filled(kinds): pattern for pattern in used}
    entry, readers = _masks(patterns, slots, kinds, folder)
    labels = _labels(slots, kinds, used, folder)
    readings = _readings(slots, kinds, used)
    images = found[image] if image else {}
    cases = sorted(case for case in readings if not image or case in images)
    description: dict[str, Any] = {
        "title": folder.absolute().name,
        "modality": "CT",
        "task": "segmentation",
        "labels": labels,
        "root": str(folder.absolute()),
        "image": image,
        **entry,
    }
    taken = {path for case in cases for own in readings[case].values() for path in own} | {*map(images.get, cases)}
    facts = _facts(description, cases, readers)
    found_cases = _expect_found(description, {case: readings[case] for case in cases}, folder)
    complete = found_cases == set(cases) and all(readings[case].keys() >= set(readers) for case in cases)
    return Guess(
        dataset_name(folder),
        description,
        () if complete else tuple({"case": case, "readers": ";".join(filter(None, readings[case]))} for case in cases),
        facts,
        tuple(path for path in files if path not in taken),
    )


@dataclass(frozen=True)
class _Slot:
    """The parts of a pattern of masks that differ from those of the others: one folder, and words of the name."""

    pattern: str
    folder: str
    name: str

    def value(self, axis: str) -> str:
        return self.folder if axis == "folder" else self.name

    def filled(self, kinds: Mapping[str, str]) -> str:
        """Return the pattern with ``{reader}`` and ``{label}`` for the parts of these kinds."""
        parent, _, name = self.pattern.rpartition("/")
        if "folder" in kinds:
            parts = [f"{{{kinds['folder']}}}" if part == self.folder else part for part in parent.split("/")]
            parent = "/".join(parts)
        if "name" in kinds:
            ending = file_ending(name)
            name = name[: -len(ending)].removesuffix(self.name) + f"{{{kinds['name']}}}" + ending
        return f"{parent}/{name}" if parent else name


def _expect_plain(folder: Path, files: Sequence[Path]) -> None:
    for name, layout, images in (
        (DATASET_JSON, "nnunet", "imagesTr/*_0000.*"),
        ("dataset_description.json", "bids", "**/sub-*"),
    ):
        if (folder / name).is_file() and next(folder.glob(images), None) is not None:
            msg = f"{folder} has a {name}; use: ctbench datasets import {layout} {folder}"
            raise DatasetError(msg)
    if not files:
        msg = f"{folder} has no volumes; expected files that end in .nii.gz, .nii, .nrrd, .mha or .mhd"
        raise MissingFileError(msg)


def _image(patterns: Sequence[str], folder: Path) -> str | None:
    """Return the pattern of the images; None if there are masks only."""
    images = [pattern for pattern in patterns if is_image(pattern)]
    plain = [pattern for pattern in patterns if re.fullmatch(r"(\{case\}/)?\{case\}\.[\w.]+", pattern)]
    chosen = images or (plain if len(patterns) > 1 else [])
    if len(chosen) > 1:
        msg = f"{folder} has two kinds of images, {chosen[0]} and {chosen[1]}; keep one, or write the YAML by hand"
        raise DatasetError(msg)
    return chosen[0] if chosen else None


def _slots(patterns: Sequence[str], folder: Path) -> dict[str, _Slot]:
    """Return the parts that differ: of one folder of the path, and of the words of the file name after the case."""
    parents = [pattern.rpartition("/")[0].split("/") for pattern in patterns]
    lengths = {len(parts) for parts in parents}
    differing = [index for index in range(min(lengths)) if len({parts[index] for parts in parents}) > 1]
    if len(lengths) > 1 or len(differing) > 1:
        odd = next((pattern for pattern in patterns if pattern.count("/") != patterns[0].count("/")), patterns[-1])
        msg = (
            f"{folder} has masks in folders of different depth or names: {patterns[0]} and {odd}; move one kind out of "
        )
        msg += "the folder, or write the YAML by hand"
        raise DatasetError(msg)
    names = {pattern: pattern.rpartition("/")[2] for pattern in patterns}
    words = {pattern: re.split(r"(?<=[_.-])", name[: -len(file_ending(name))]) for pattern, name in names.items()}
    common = sum(1 for _ in itertools.takewhile(lambda at: len(set(at)) == 1, zip(*words.values(), strict=False)))
    common = min(common, *(len(own) - 1 for own in words.values())) if len(set(names.values())) > 1 else common
    return {
        pattern: _Slot(pattern, parts[differing[0]] if differing else "", "".join(words[pattern][common:]))
        for pattern, parts in zip(patterns, parents, strict=True)
    }


def _values(slots: Mapping[str, _Slot], axis: str) -> list[str]:
    return sorted({slot.value(axis) for slot in slots.values()})


def _kind(axis: str, slots: Mapping[str, _Slot], used: Mapping[str, Mapping[str, Path]], folder: Path) -> str:
    """Return whether the parts that differ are names of readers or of labels."""
    values = _values(slots, axis)
    if all(_READER.fullmatch(value) for value in values):
        return "reader"
    other = "name" if axis == "folder" else "folder"
    fixed = _values(slots, other)[0]
    patterns = [pattern for pattern, slot in slots.items() if slot.value(other) == fixed]
    cases = sorted({case for pattern in patterns for case in used[pattern]})[:_COMPARED]
    overlaps = []
    for case in cases:
        paths = [folder / used[pattern][case] for pattern in patterns if case in used[pattern]]
        if any(path.name.lower().endswith(".seg.nrrd") for path in paths):
            return "reader"
        arrays = [read_label_map(path).array for path in paths]
        if any(len(np.unique(array[array > 0])) > 1 for array in arrays):
            return "reader"
        overlaps += [_dice(first > 0, second > 0) for first, second in itertools.combinations(arrays, 2)]
    known = [overlap for overlap in overlaps if overlap is not None]
    if known and max(known) >= _SAME:
        return "reader"
    if known and max(known) < 0.01:
        return "label"
    example = slots[patterns[0]]
    msg = f"{', '.join(values[:4])} may be readers or structures; write the YAML by hand, with "
    msg += f"readers: {example.filled({axis: 'reader'})} or reference: {example.filled({axis: 'label'})}"
    raise DatasetError(msg)


def _dice(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the Dice of two masks; None if one is empty or their grids differ."""
    if first.shape != second.shape or not first.any() or not second.any():
        return None
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def _masks(
    patterns: Mapping[str, str], slots: Mapping[str, _Slot], kinds: Mapping[str, str], folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """Return the key of the YAML with the masks, and the names of the readers."""
    if "reader" not in kinds.values():
        if len(patterns) > 1:
            msg = f"{folder} has masks of different names: {' and '.join(list(patterns)[:2])}; keep one kind"
            raise DatasetError(msg)
        return {"reference": next(iter(patterns))}, []
    axis = next(axis for axis, kind in kinds.items() if kind == "reader")
    filled = next(iter(patterns))
    readers = _values(slots, axis)
    if len(patterns) == 1 and {match.reader for match in Pattern(filled).matches(folder)} == set(readers):
        return {"readers": filled}, readers
    own = {slots[pattern].value(axis): text for text, pattern in patterns.items()} if len(patterns) > 1 else {}
    return {"readers": {name: own.get(name, filled).replace("{reader}", name) for name in readers}}, readers


def _labels(
    slots: Mapping[str, _Slot], kinds: Mapping[str, str], used: Mapping[str, Mapping[str, Path]], folder: Path
) -> dict[str, int]:
    """Return the labels: structures with a file each, names of segments, or else ``label-CODE`` for each code."""
    axis = next((axis for axis, kind in kinds.items() if kind == "label"), None)
    if axis is not None:
        return {name: code for code, name in enumerate(_values(slots, axis), 1)}
    paths = [folder / path for own in used.values() for path in own.values()]
    named = named_labels([path for path in paths if path.name.lower().endswith(".nrrd")] or paths[:1])
    return dict(named or found_labels(read_label_map(path).array for path in paths))


def _readings(
    slots: Mapping[str, _Slot], kinds: Mapping[str, str], used: Mapping[str, Mapping[str, Path]]
) -> dict[str, dict[str, set[Path]]]:
    """Return case -> reader (or "" for the reference) -> files."""
    axis = next((axis for axis, kind in kinds.items() if kind == "reader"), None)
    readings: dict[str, dict[str, set[Path]]] = {}
    for pattern, own in used.items():
        for case, path in own.items():
            reader = slots[pattern].value(axis) if axis else ""
            readings.setdefault(case, {}).setdefault(reader, set()).add(path)
    return readings


def _facts(entry: Mapping[str, Any], cases: Sequence[str], readers: Sequence[str]) -> dict[str, str]:
    masks = entry.get("readers", entry.get("reference"))
    return {
        "images": entry["image"] or "none, masks only",
        "masks": masks if isinstance(masks, str) else ", ".join(masks.values()),
        "cases": f"{len(cases)}: {', '.join(cases[:5])}{', ...' if len(cases) > 5 else ''}",
        "readers": ", ".join(readers) or "none, released masks (reference)",
        "labels": ", ".join(f"{name} = {code}" for name, code in entry["labels"].items()),
        "modality": "CT (assumed)",
    }


def _expect_found(
    description: Mapping[str, Any], readings: Mapping[str, Mapping[str, set[Path]]], folder: Path
) -> set[str]:
    """Check that the patterns find the files of each case and no others; return all cases that they find."""
    try:
        entry = Entry.model_validate({key: value for key, value in description.items() if value})
    except ValidationError as error:
        msg = f"{folder} has names that a dataset cannot have: {error.errors()[0]['msg']}; rename the files"
        raise DatasetError(msg) from error
    surveyed = survey(CatalogEntry("guess", folder / "guess.yaml", entry), folder)
    found = {
        case.id: {
            reader: {path.relative_to(folder) for path in files_of(mask)}
            for reader, mask in {**case.reader_paths, "": case.reference_path}.items()
            if mask is not None
        }
        for case in surveyed.cases
    }
    for case, own in readings.items():
        if found.get(case) != own:
            text = entry.readers or entry.reference
            msg = f"{folder}: the pattern {text} does not find the masks of case {case!r} alone; write the YAML by hand"
            raise DatasetError(msg)
    return set(found)
