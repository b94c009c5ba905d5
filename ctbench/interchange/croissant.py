"""Croissant metadata of a dataset (JSON-LD, 1.0): files with digests, tables of cases and masks, labels, splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.annotations import StructureFiles, files_of
from ctbench.datasets import Case, Dataset
from ctbench.datasets.casetable import SPLITS
from ctbench.errors import DataError, UsageError
from ctbench.files import expect_new, sha256, write_bytes, write_json
from ctbench.spreadsheet import as_csv

__all__ = ["CROISSANT", "Publication", "export_croissant"]

CROISSANT = "http://mlcommons.org/croissant/1.0"
"""The version of the specification that the metadata conform to."""

_SPDX = {
    "CC0": "CC0-1.0",
    "CC BY 4.0": "CC-BY-4.0",
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "CC BY-ND 4.0": "CC-BY-ND-4.0",
    "CC BY-NC-SA 4.0": "CC-BY-NC-SA-4.0",
    "CC BY-NC-ND 4.0": "CC-BY-NC-ND-4.0",
    "Apache-2.0": "Apache-2.0",
    "MIT": "MIT",
}
"""Licence as catalogues write it -> its name at spdx.org."""

_FORMATS = {".csv": "text/csv", ".json": "application/json", ".xml": "application/xml", ".dcm": "application/dicom"}
_FORMATS |= {".png": "image/png", ".gz": "application/gzip"}

_SPLIT_CLASSES = dict(zip(SPLITS, ("cr:TrainingSplit", "cr:ValidationSplit", "cr:TestSplit"), strict=True))

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs",
            "column",
            "extract",
            "field",
            "fileObject",
            "fileProperty",
            "fileSet",
            "format",
            "includes",
        )
    },
    **{name: f"cr:{name}" for name in ("isLiveDataset", "key", "recordSet", "references", "repeated", "source")},
}


@dataclass(frozen=True)
class Publication:
    """What Croissant requires of a dataset and its YAML does not hold.

    Args:
        creators: Names of the people or organisations that made the dataset.
        published: Date on which it was published, ``YYYY-MM-DD``.
        url: Page of the dataset; empty (default): ``url`` of the YAML, or that of its first DOI.
    """

    creators: tuple[str, ...]
    published: str
    url: str = ""


def export_croissant(dataset: Dataset, out: Path, publication: Publication) -> Path:
    """Write ``croissant.json`` with ``cases.csv`` and ``masks.csv``, to which it refers; return its path.

    Every file of images, of masks of the readers or released ones, and of their label descriptions is a ``FileObject``
    with its size and SHA-256; its ``contentUrl`` is its path below the dataset's root. Record sets: ``cases`` (case,
    split, image, subgroups), ``masks`` (case, reader, session, condition, structure, file), ``labels`` (name, code) and
    ``splits``. The true masks of simulated cases, masks of the brain and names of patients are left out.

    Args:
        dataset: Dataset, or a split of it; all files are read for their digests.
        out: The folder to write; it may be the root of the dataset.
        publication: Creators, date and page.

    Raises:
        UsageError: A file to write exists, or something that Croissant requires is missing.
        DataError: A file is not below the root of the dataset.
    """
    paths = [out / name for name in ("croissant.json", "cases.csv", "masks.csv")]
    expect_new(*paths)
    described = _described(dataset, publication)
    tables = {"cases": _cases(dataset), "masks": _masks(dataset)}
    for name, table in tables.items():
        write_bytes(out / f"{name}.csv", as_csv(table, line_end="\n"))
    files = [_file(out / f"{name}.csv", out, key=f"{name}-table") for name in tables]
    files += [_file(path, dataset.root) for path in sorted(_published(dataset))]
    splits = [split for split in SPLITS if any(case.split == split for case in dataset)]
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CROISSANT,
        **described,
        "distribution": files,
        "recordSet": [
            _table("cases", tables["cases"], ("case",), {"split": "splits/name"} if splits else {}),
            _table("masks", tables["masks"], tuple(tables["masks"].columns), {"case": "cases/case"}),
            _labels(dataset),
            *([_splits(splits)] if splits else []),
        ],
    }
    write_json(paths[0], content)
    return paths[0]


def _described(dataset: Dataset, publication: Publication) -> dict[str, Any]:
    """Return the properties of the dataset as a whole."""
    entry = dataset.entry
    url = publication.url or entry.url or (f"https://doi.org/{entry.doi[0]}" if entry.doi else "")
    needed = {
        "licence (in the YAML)": entry.licence,
        "url or doi (in the YAML, or --url)": url,
        "--creator": publication.creators,
        "--published": publication.published,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        msg = f"Croissant requires facts that are not known of {dataset.name}: {', '.join(missing)}"
        raise UsageError(msg)
    spdx = _SPDX.get(entry.licence)
    texts = (f"{dataset.title}.", entry.notes, f"Access: {entry.access}" if entry.access else "")
    return {
        "name": dataset.name,
        "description": " ".join(text for text in texts if text),
        "license": f"https://spdx.org/licenses/{spdx}" if spdx else _thing("CreativeWork", entry.licence),
        "url": url,
        "creator": [_thing("Person", name) for name in publication.creators],
        "datePublished": publication.published,
        "isLiveDataset": False,
        "keywords": [dataset.modality, dataset.task, *dataset.labels.codes],
        **({"citeAs": entry.citation} if entry.citation else {}),
        **({"sameAs": [f"https://doi.org/{doi}" for doi in entry.doi]} if entry.doi else {}),
    }


def _thing(kind: str, name: str) -> dict[str, str]:
    return {"@type": f"sc:{kind}", "name": name}


def _cases(dataset: Dataset) -> pd.DataFrame:
    """Return a row for each case: id, split, path of the image, subgroups."""
    rows = [
        {
            "case": case.id,
            "split": case.split or "",
            "image": _below(case.image_path, dataset.root) if case.image_path else "",
            **case.subgroups,
        }
        for case in dataset
    ]
    return pd.DataFrame(rows)


def _masks(dataset: Dataset) -> pd.DataFrame:
    """Return a row for each file of a mask: case, reader (empty: the released mask), session, structure, path."""
    rows = [
        (case.id, reader, session, condition, structure, _below(path, dataset.root))
        for case in dataset
        for reader, session, condition, mask in _drawn(case)
        for structure, path in (mask.files if isinstance(mask, StructureFiles) else (("", at) for at in files_of(mask)))
    ]
    return pd.DataFrame(rows, columns=["case", "reader", "session", "condition", "structure", "file"])


def _drawn(case: Case) -> Iterable[tuple[str, str, str, Any]]:
    for reading in case.readings:
        yield reading.reader, reading.session, reading.condition, reading.mask
    if case.reference_path is not None:
        yield "", "", "", case.reference_path


def _published(dataset: Dataset) -> set[Path]:
    """Return all files of images, masks and label descriptions; those in a folder of DICOM files one by one."""
    named = {path for case in dataset for _, _, _, mask in _drawn(case) for path in files_of(mask)}
    named |= {case.image_path for case in dataset if case.image_path is not None}
    named |= {path for case in dataset for path in case.descriptions.values()}
    return {file for path in named for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file()}


def _below(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError as error:
        msg = f"{path} is not below the root {root} of the dataset; expected files that can be published together"
        raise DataError(msg) from error


def _file(path: Path, root: Path, key: str = "") -> dict[str, Any]:
    name = _below(path, root)
    return {
        "@type": "cr:FileObject",
        "@id": key or name,
        "name": path.name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _FORMATS.get(path.suffix.lower(), "application/octet-stream"),
        "sha256": sha256(path),
    }


def _table(name: str, frame: pd.DataFrame, key: Sequence[str], references: Mapping[str, str]) -> dict[str, Any]:
    """Return the record set of a table with a field for each column, all texts."""
    fields = []
    for column in map(str, frame.columns):
        field: dict[str, Any] = {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": _MEANINGS.get(column, "Subgroup of the dataset."),
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": f"{name}-table"}, "extract": {"column": column}},
        }
        if column in references:
            field["references"] = {"@id": references[column]}
        fields.append(field)
    keys = [{"@id": f"{name}/{column}"} for column in key]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": keys, "field": fields}


_MEANINGS = {
    "case": "Id of the case, one scan of one patient.",
    "split": "Split that the case belongs to; empty if there is none.",
    "image": "Path of the image below the root: a file, or a folder of DICOM files; empty if there is none.",
    "reader": "Human reader who drew the mask; empty for the released mask.",
    "session": "Session in which the reader drew it; empty if there is one.",
    "condition": "Condition under which the reader drew it; empty if there is one.",
    "structure": "Structure that the file holds alone; empty for a label map of all structures.",
    "file": "Path of the mask below the root.",
}


def _labels(dataset: Dataset) -> dict[str, Any]:
    """Return the labels of the label maps with their codes, as embedded records."""
    return _embedded(
        "labels",
        {"name": "sc:Text", "code": "sc:Integer"},
        [{"name": name, "code": code} for name, code in dataset.labels.codes.items()],
    )


def _splits(splits: Sequence[str]) -> dict[str, Any]:
    """Return the splits, and which of Croissant's each is."""
    records = [{"name": split, "url": _SPLIT_CLASSES[split]} for split in splits]
    return {**_embedded("splits", {"name": "sc:Text", "url": "sc:URL"}, records), "dataType": "cr:Split"}


def _embedded(name: str, types: Mapping[str, str], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": kind}
            for field, kind in types.items()
        ],
        "data": [{f"{name}/{field}": value for field, value in record.items()} for record in records],
    }
