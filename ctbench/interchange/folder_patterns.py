"""Files of a plain folder sorted by pattern: which part of each path is the case."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from ctbench.datasets.patterns import is_safe_name
from ctbench.errors import DatasetError

__all__ = ["file_ending", "file_stem", "is_image", "is_mask", "sort_files", "volume_files"]

_ENDINGS = (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".mha", ".mhd")
_IMAGE_WORDS = frozenset(
    {"image", "images", "img", "imgs", "imagestr", "imagests", "imaging", "ct", "cts", "ncct", "scan", "scans"}
    | {"volume", "volumes", "0000"}
)
_MASK_WORDS = frozenset(
    {"mask", "masks", "label", "labels", "labelstr", "labelsts", "lbl", "seg", "segs", "segmentation", "segmentations"}
    | {"gt", "ground", "groundtruth", "truth", "annotation", "annotations", "contour", "contours", "reference"}
    | {"references", "roi", "reader", "readers", "rater", "raters"}
)


def volume_files(folder: Path) -> list[Path]:
    """Return the paths of all volumes in a folder, relative to it and sorted; hidden files and folders are skipped."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = (name for name in files if name.lower().endswith(_ENDINGS) and not name.startswith("."))
        found += [Path(here, name).relative_to(folder) for name in names]
    return sorted(found)


def file_ending(name: str) -> str:
    """Return the ending of a volume's file name.

    >>> file_ending("p01.seg.nrrd")
    '.seg.nrrd'
    """
    return next(name[-len(ending) :] for ending in _ENDINGS if name.lower().endswith(ending))


def file_stem(path: Path) -> str:
    """Return the file name of a volume without its ending.

    >>> file_stem(Path("masks/p01.seg.nrrd"))
    'p01'
    """
    return path.name[: -len(file_ending(path.name))]


def is_image(pattern: str) -> bool:
    """Return whether a word of a path or pattern says that the files are images.

    >>> [is_image(text) for text in ("imagesTr/{case}.nii.gz", "{case}_ct.nii", "ct_masks/{case}.nii", "a/{case}.nii")]
    [True, True, False, False]
    """
    return bool(_words(pattern) & _IMAGE_WORDS) and not is_mask(pattern)


def is_mask(pattern: str) -> bool:
    """Return whether a word of a path or pattern says that the files are masks."""
    return bool(_words(pattern) & _MASK_WORDS)


def sort_files(files: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return pattern with ``{case}`` -> case -> file, for the files that belong to a case.

    The cases are, in this order: the names of the files in the folder of images; the folders of the first level, where
    each holds a file that is called an image or after the folder; the names before ``_ct`` or ``_image``; the names
    that other names begin with (``p01`` beside ``p01_mask``); the names that several folders have in common; the names
    before last words that recur (``p01_anna``, ``p01_ben``, ``p02_anna``, ``p02_ben``).

    Raises:
        DatasetError: None of these holds, or there are several folders of images.
    """
    cases = _of_image_folder(files) or _of_case_folders(files) or _of_names(files) or _of_common_names(files)
    cases = cases or _of_last_words(files)
    if not cases:
        msg = f"it is not clear which part of the names is the case, e.g. in {files[0]}; write the YAML by hand"
        raise DatasetError(msg)
    by_pattern: dict[str, dict[str, Path]] = {}
    for path in files:
        case = _case_of(path, cases)
        if case is not None:
            by_pattern.setdefault(_pattern(path, case), {})[case] = path
    return by_pattern


def _words(text: str) -> set[str]:
    stem = text[: -len(file_ending(text))] if text.lower().endswith(_ENDINGS) else text
    return set(re.split(r"[^a-z0-9]+", stem.replace("{case}", "").lower()))


def _of_image_folder(files: Sequence[Path]) -> set[str]:
    """Return the names of the images in the one folder of images, or in the one whose names files elsewhere have."""
    folders = sorted({path.parent for path in files if is_image(path.parent.as_posix())})
    names = {folder: _image_names([path for path in files if path.parent == folder]) for folder in folders}
    elsewhere = [file_stem(path) for path in files if path.parent not in folders]
    fitting = [at for at in folders if any(_begins(stem, name) for stem in elsewhere for name in names[at])]
    chosen = fitting if len(folders) > 1 and fitting else folders
    if len(chosen) > 1:
        msg = f"there are several folders of images, {chosen[0]} and {chosen[1]}; import one of them at a time"
        raise DatasetError(msg)
    return names[chosen[0]] if chosen else set()


def _image_names(files: Sequence[Path]) -> set[str]:
    """Return the names of files, without a word for an image that all end in."""
    stems = {file_stem(path) for path in files}
    endings = {stem.rpartition("_")[2].lower() for stem in stems if "_" in stem}
    if len(endings) == 1 and all("_" in stem for stem in stems) and endings <= _IMAGE_WORDS:
        stems = {stem.rpartition("_")[0] for stem in stems}
    return stems


def _of_case_folders(files: Sequence[Path]) -> set[str]:
    """Return the folders of the first level, where each holds a file that is called an image or after the folder."""
    if any(len(path.parts) < 2 for path in files):
        return set()
    folders = {path.parts[0] for path in files}
    named = {
        path.parts[0]
        for path in files
        if is_image(path.relative_to(path.parts[0]).as_posix()) or _begins(file_stem(path), path.parts[0])
    }
    return folders if named == folders else set()


def _of_names(files: Sequence[Path]) -> set[str]:
    """Return the names before a word for an image, or those that other names of the folder begin with."""
    stems = {file_stem(path) for path in files}
    called = {stem.rpartition("_")[0] for stem in stems if stem.rpartition("_")[2].lower() in _IMAGE_WORDS}
    return called - {""} or {stem for stem in stems if any(_begins(other, stem) for other in stems - {stem})}


def _of_common_names(files: Sequence[Path]) -> set[str]:
    """Return the names that files of several folders have."""
    folders: dict[str, set[Path]] = {}
    for path in files:
        folders.setdefault(file_stem(path), set()).add(path.parent)
    return {stem for stem, found in folders.items() if len(found) > 1}


def _of_last_words(files: Sequence[Path]) -> set[str]:
    """Return the names before the last word, where each name has several last words and each of them several names."""
    before: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    for path in files:
        name, _, word = file_stem(path).rpartition("_")
        before.setdefault(name, set()).add(word)
        after.setdefault(word, set()).add(name)
    recurring = "" not in before and min(map(len, (*before.values(), *after.values()))) > 1
    return set(before) if recurring else set()


def _begins(stem: str, case: str) -> bool:
    return stem == case or (stem.startswith(case) and stem[len(case)] in "_-.")


def _case_of(path: Path, cases: Collection[str]) -> str | None:
    """Return the longest case that a file is called after, by its name or a folder of it."""
    held = [case for case in cases if case in path.parts[:-1] or _begins(file_stem(path), case)]
    return max((case for case in held if is_safe_name(case)), key=len, default=None)


def _pattern(path: Path, case: str) -> str:
    folders = ["{case}" if part == case else part for part in path.parts[:-1]]
    name = "{case}" + path.name[len(case) :] if _begins(file_stem(path), case) else path.name
    return "/".join([*folders, name])
