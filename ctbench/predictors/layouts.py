"""Where the prediction of a case lies in a folder: one label map, a folder for each case, or one file per structure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ctbench.annotations import StructureFiles, files_of
from ctbench.errors import UsageError
from ctbench.predictors.answers import MAP_SUFFIX, MAP_SUFFIXES
from ctbench.predictors.probability_files import PROBABILITY_SUFFIX

__all__ = ["is_label_map", "label_maps", "prediction_files", "strangers"]


def prediction_files(folder: Path, case: str, labels: Iterable[str]) -> Path | StructureFiles | None:
    """Return the file or files that hold the prediction of a case; None if there are none.

    These layouts are tried in this order: ``{case}.nii.gz``; ``{case}/{case}_trans.nii.gz`` with any word after the
    underscore, as MONAI's bundles write it; one file per structure, ``{case}_{label}.nii.gz`` or
    ``{case}/{label}.nii.gz`` as TotalSegmentator writes it. A structure without a file is predicted nowhere.

    Args:
        folder: The folder of predictions.
        case: Id of the case.
        labels: Names of the predictor's labels.

    Raises:
        UsageError: Several label maps could be the one of the case.
    """
    # A stranger may have written names of labels, and linked folders, that lead to the masks of the readers.
    labels = [label for label in labels if Path(label).name == label]
    inside = folder / case
    linked = inside.is_symlink() or not inside.is_dir()
    for found in (_with_stem(folder, case), [] if linked else _of_bundle(inside, case)):
        if len(found) > 1:
            msg = f"case {case} has {len(found)} predictions, {' and '.join(map(str, found))}; leave one"
            raise UsageError(msg)
        if found:
            return found[0]
    for place, prefix in ((folder, f"{case}_"), *(() if linked else ((inside, ""),))):
        pairs = [(label, path) for label in labels for path in _with_stem(place, f"{prefix}{label}")]
        if pairs:
            return StructureFiles(tuple(pairs))
    return None


def label_maps(folder: Path) -> tuple[Path, ...]:
    """Return the paths of all label maps in a folder and in the folders of cases, sorted."""
    paths = sorted([*folder.glob("*"), *folder.glob("*/*")])
    return tuple(path for path in paths if is_label_map(path))


def is_label_map(path: Path, suffixes: tuple[str, ...] = MAP_SUFFIXES) -> bool:
    """Return whether a file is a label map by its name, which ends with one of ``suffixes``, and no probabilities."""
    return path.name.endswith(suffixes) and not path.name.endswith(PROBABILITY_SUFFIX)


def strangers(folder: Path, cases: Iterable[str], labels: Iterable[str]) -> tuple[str, ...]:
    """Return the sorted names of label maps in a folder that belong to none of the cases, relative to the folder."""
    labels = tuple(labels)
    found = (prediction_files(folder, case, labels) for case in cases)
    known = {path for mask in found if mask is not None for path in files_of(mask)}
    return tuple(str(path.relative_to(folder)) for path in label_maps(folder) if path not in known)


def _with_stem(folder: Path, stem: str) -> list[Path]:
    paths = (folder / f"{stem}{suffix}" for suffix in MAP_SUFFIXES)
    return [path for path in paths if path.is_symlink() or path.exists()]


def _of_bundle(folder: Path, case: str) -> list[Path]:
    maps = (path for path in folder.iterdir() if is_label_map(path, (MAP_SUFFIX,)))
    return sorted(path for path in maps if path.name.startswith(f"{case}_"))
