"""Import of an archive of grand-challenge.org: folders of interfaces (slugs), files named by UUID, lists in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ctbench.annotations import found_labels
from ctbench.errors import DatasetError, MissingFileError
from ctbench.files import expect_new, expect_regular
from ctbench.interchange.description import CHOOSE_OUT, dataset_name, write_description, write_table
from ctbench.interchange.folder import import_folder
from ctbench.interchange.folder_patterns import file_ending, file_stem, is_mask, volume_files
from ctbench.volume import read_label_map

__all__ = ["import_grand_challenge"]

_IMAGES = "images"


def import_grand_challenge(folder: Path, out: Path) -> Path:
    """Describe an archive of grand-challenge.org as a dataset: write its YAML, and tables where names differ.

    The files stay where they are. Three layouts are read:

    - ``images/*.mha`` with masks of the same names in a folder beside it (``ground-truth``, ``labels``);
    - ``images/SLUG/UUID.mha`` for each interface, with the same names in all folders, or with a JSON list of items
      that says which belong together (``predictions.json``: ``inputs`` and ``outputs``, or ``values``);
    - ``ITEM/images/SLUG/UUID.mha``, a folder for each item.

    An interface whose slug has a word for a mask (``ict-segmentation``) is a mask; several are readers, one is the
    reference. Labels are those of the interface in the JSON list (``overlay_segments``), or else ``label-CODE``.

    Args:
        folder: The folder.
        out: The YAML file to write.

    Returns:
        ``out``.

    Raises:
        MissingFileError: There are no images or no masks.
        DatasetError: Images have several interfaces, or it is not known which files belong together.
        UsageError: ``out``, or a table beside it, exists.
    """
    files = volume_files(folder)
    of_items = [path for path in files if len(path.parts) == 4 and path.parts[1] == _IMAGES]
    by_slug = [path for path in files if len(path.parts) == 3 and path.parts[0] == _IMAGES]
    if of_items:
        return _import_items(folder, of_items, out)
    if by_slug:
        return _import_slugs(folder, files, out)
    return import_folder(folder, out)


class _Value(NamedTuple):
    """A file of an item: slug of its interface, its UUID, and code by name if the interface states them."""

    slug: str
    key: str
    segments: dict[str, int]


def _import_items(folder: Path, files: Sequence[Path], out: Path) -> Path:
    """Describe folders of items; the name of a folder is the case."""
    by_slug = _grouped((path.parts[2], path) for path in files)
    image, masks = _roles(by_slug, folder)
    patterns = {slug: f"{{case}}/{_IMAGES}/{slug}/*{_ending(own)}" for slug, own in by_slug.items()}
    entry = _entry(folder, patterns[image], _masks({slug: patterns[slug] for slug in masks}))
    entry["labels"] = _labels(folder, [path for slug in masks for path in by_slug[slug]], {})
    cases = sorted({path.parts[0] for path in by_slug[image]})
    having = {slug: {path.parts[0] for path in by_slug[slug]} for slug in masks}
    return write_description(out, dataset_name(folder), entry, _rows(cases, having))


def _import_slugs(folder: Path, files: Sequence[Path], out: Path) -> Path:
    """Describe folders of interfaces, and folders of masks beside ``images``; the name of an image is the case."""
    by_folder = _grouped((path.parent.as_posix(), path) for path in files)
    image, masks = _roles(by_folder, folder)
    cases = {file_stem(path) for path in by_folder[image]}
    pattern = f"{image}/{{case}}{_ending(by_folder[image])}"
    used = [path for place in masks for path in by_folder[place]]
    if all({file_stem(path) for path in by_folder[place]} & cases for place in masks):
        named = {_slug(place): f"{place}/{{case}}{_ending(by_folder[place])}" for place in masks}
        entry = _entry(folder, pattern, _masks(named))
        entry["labels"] = _labels(folder, used, {})
        having = {_slug(place): {file_stem(path) for path in by_folder[place]} for place in masks}
        return write_description(out, dataset_name(folder), entry, _rows(sorted(cases), having))
    return _import_listed(folder, image, {_slug(place): by_folder[place] for place in masks}, pattern, out)


def _import_listed(folder: Path, image: str, masks: Mapping[str, Sequence[Path]], pattern: str, out: Path) -> Path:
    """Describe interfaces whose files have different names, by the items of a JSON list, with a table of readings."""
    items = _items(folder)
    if not items:
        slug, paths = next(iter(masks.items()))
        msg = f"{folder}: {paths[0]} has the name of no image in {image}; expected a JSON list of the items "
        msg += f"(predictions.json) that says to which image each file of {slug!r} belongs"
        raise DatasetError(msg)
    # Of files that differ in their ending alone, the first counts.
    by_key = {slug: {file_stem(path): path for path in reversed(paths)} for slug, paths in masks.items()}
    readings = []
    segments: dict[str, int] = {}
    for values in items:
        case = next((value.key for value in values if value.slug == _slug(image)), None)
        for value in values:
            path = by_key.get(value.slug, {}).get(value.key)
            if case is not None and path is not None:
                readings.append({"case": case, "reader": value.slug, "file": path.as_posix()})
                segments |= value.segments
    if not readings:
        msg = f"{folder}: the JSON list of items names no image of {image} together with a mask; expected their UUIDs"
        raise DatasetError(msg)
    table = out.with_suffix(".readings.csv")
    expect_new(table, advice=CHOOSE_OUT)
    entry = _entry(folder, pattern, {"readings": str(table.absolute())})
    entry["labels"] = _labels(folder, [Path(row["file"]) for row in readings], segments)
    rows = [{"case": case} for case in sorted({row["case"] for row in readings})]
    write_description(out, dataset_name(folder), entry, rows)
    write_table(table, readings)
    return out


def _grouped(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for name, path in pairs:
        groups.setdefault(name, []).append(path)
    return groups


def _roles(by_name: Mapping[str, Sequence[Path]], folder: Path) -> tuple[str, list[str]]:
    """Return the folder (or slug) of the images, and those of the masks."""
    masks = [name for name in by_name if is_mask(name)]
    images = [name for name in by_name if name not in masks]
    if not images or not masks:
        found, missing = (", ".join(by_name), "masks" if images else "images")
        msg = f"{folder} has no {missing}, only {found}; expected interfaces such as ct and ct-segmentation"
        raise MissingFileError(msg)
    if len(images) > 1:
        msg = f"{folder} has images of several interfaces, {', '.join(images)}; expected one beside the masks"
        raise DatasetError(msg)
    return images[0], masks


def _entry(folder: Path, image: str, masks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": folder.absolute().name,
        "modality": "MR" if "mr" in image.lower().replace("/", "-").split("-") else "CT",
        "task": "segmentation",
        "labels": {},
        "root": str(folder.absolute()),
        "image": image,
        **masks,
    }


def _masks(patterns: Mapping[str, str]) -> dict[str, Any]:
    """Return the key of the YAML: the reference for one interface, readers for several."""
    return {"reference": next(iter(patterns.values()))} if len(patterns) == 1 else {"readers": dict(patterns)}


def _rows(cases: Sequence[str], having: Mapping[str, set[str]]) -> list[dict[str, str]]:
    """Return a case table of the cases with masks; nothing where every case has all of them."""
    if all(own >= set(cases) for own in having.values()):
        return []
    several = len(having) > 1
    return [
        {"case": case, "readers": ";".join(slug for slug, own in having.items() if case in own) if several else ""}
        for case in cases
        if any(case in own for own in having.values())
    ]


def _labels(folder: Path, masks: Sequence[Path], segments: Mapping[str, int]) -> dict[str, int]:
    return dict(segments or found_labels(read_label_map(folder / path).array for path in masks))


def _items(folder: Path) -> list[list[_Value]]:
    """Return the files of each item, of the JSON lists in the folder that have items."""
    items = []
    for path in sorted(folder.glob("*.json")):
        expect_regular(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            msg = f"{path} is not JSON: {error}"
            raise DatasetError(msg) from error
        try:
            for item in content if isinstance(content, list) else []:
                parts = [item.get(key) for key in ("inputs", "outputs", "values")] if isinstance(item, dict) else []
                values = [_value(value) for part in parts if isinstance(part, list) for value in part]
                items.append([value for value in values if value])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            msg = f"{path} lists an item in another form than grand-challenge.org does: {error!r}"
            raise DatasetError(msg) from error
    return [item for item in items if item]


def _value(value: Any) -> _Value | None:
    """Return the file that a value of an item names; None for a value that is no image."""
    if not isinstance(value, dict) or not isinstance(value.get("image"), dict):
        return None
    interface = value.get("interface") or value.get("socket") or {}
    image, slug = value["image"], str(interface.get("slug", ""))
    segments = {
        str(segment["name"]): int(segment["voxel_value"])
        for segment in interface.get("overlay_segments") or []
        if int(segment["voxel_value"])
    }
    return _Value(slug, str(image.get("pk") or Path(str(image.get("name", ""))).stem), segments)


def _slug(place: str) -> str:
    return place.rpartition("/")[2]


def _ending(paths: Sequence[Path]) -> str:
    return file_ending(paths[0].name)
