"""Import of a BIDS folder: images, masks among the derivatives, label tables, participants and sessions."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctbench.annotations.nnunet import IGNORE
from ctbench.datasets.casetable import SPLITS
from ctbench.errors import DatasetError, MissingFileError
from ctbench.files import expect_regular, read_json_object
from ctbench.interchange.bids_export import CONSENSUS, SLICES, UNKNOWN
from ctbench.interchange.description import dataset_name, write_description

__all__ = ["import_bids"]

_NAME = re.compile(
    r"(?P<stem>sub-[0-9A-Za-z]+(?:_ses-[0-9A-Za-z]+)?)(?P<rest>(?:_[a-zA-Z]+-[^_]+)*_(?P<suffix>\w+?))\.nii(\.gz)?"
)
_CT = ("ct", "CT")
_OWN_COLUMNS = ("case", "patient", "readers")
"""Columns of a case table that are not taken from the tables of BIDS."""


def import_bids(folder: Path, out: Path) -> Path:
    """Describe a BIDS folder as a dataset: write its YAML and its case table.

    The files stay where they are. A subject is a case, or a session of it where there are sessions. Images are those
    with the suffix ``ct``, or else the only kind of image that there is. Of the masks (``*_dseg.nii.gz`` among the
    derivatives) each ``desc-READER`` is a reader; without readers, the mask without ``desc`` or of the consensus is the
    reference. Label tables (``dseg.tsv``) name the codes; columns of ``participants.tsv`` and ``*_sessions.tsv`` become
    columns of the case table.

    Args:
        folder: The folder with ``dataset_description.json``.
        out: The YAML file to write.

    Returns:
        ``out``.

    Raises:
        MissingFileError: The folder has no ``dataset_description.json``, no masks or no label table.
        DatasetError: It is not clear which files are the images or masks, or what a code means.
        UsageError: ``out`` exists.
    """
    described = folder / "dataset_description.json"
    if not described.is_file():
        msg = f"{folder} has no dataset_description.json; expected the folder of a BIDS dataset"
        raise MissingFileError(msg)
    about = read_json_object(described, "the description of a BIDS dataset")
    raw = _files(folder, folder.glob("sub-*/**/*.nii*"))
    masks = _files(folder, [*folder.glob("derivatives/**/sub-*/**/*_dseg.nii*"), *folder.glob("sub-*/**/*_dseg.nii*")])
    if not masks:
        msg = f"{folder} has no masks; expected files *_dseg.nii.gz below derivatives/NAME/sub-X/"
        raise MissingFileError(msg)
    images = _images([file for file in raw if file.suffix != "dseg"], folder)
    _expect_one_kind_of_case([*images, *masks], folder)
    drawn = {desc: [file for file in masks if file.desc == desc] for desc in sorted({file.desc for file in masks})}
    readers = [desc for desc in drawn if desc not in {"", CONSENSUS}]
    chosen: dict[str, Any]
    if len(readers) > 1 or (readers and CONSENSUS in drawn):
        chosen, used = {"readers": {desc: _pattern(drawn[desc], folder) for desc in readers}}, readers
    else:
        chosen, used = {"reference": _pattern(drawn[_reference(drawn)], folder)}, [_reference(drawn)]
    used_files = [file for desc in used for file in drawn[desc]]
    labels, groups = _labels(folder, used_files)
    ignore = labels.pop(IGNORE, None)
    rows = _rows(folder, images or used_files, drawn if "readers" in chosen else {}, readers)
    left_out = [desc or "no desc" for desc in drawn if desc not in used]
    entry: dict[str, Any] = {
        "title": str(about.get("Name") or folder.absolute().name),
        "modality": "CT" if not images or images[0].suffix in _CT else "MR",
        "task": "segmentation",
        "labels": labels,
        "groups": groups,
        "root": str(folder.absolute()),
        "image": _pattern(images, folder) if images else None,
        **chosen,
        "ignore": ignore if "reference" in chosen else None,
        "annotated": _annotated(folder, rows),
        "licence": str(about.get("License", "")),
        "citation": str(about.get("HowToAcknowledge", "")),
        "doi": str(about.get("DatasetDOI", "")).removeprefix("doi:"),
        "unused": sorted({file.pattern for file in [*raw, *masks] if file not in images and file not in used_files}),
        "notes": f"Masks that were left out: {', '.join(left_out)}." if left_out else "",
    }
    return write_description(out, dataset_name(folder), entry, rows)


@dataclass(frozen=True)
class _File:
    """An image or mask: its path below the folder, and what its name says."""

    path: Path
    stem: str
    rest: str
    suffix: str

    @property
    def desc(self) -> str:
        found = re.search(r"_desc-([0-9A-Za-z+]+)", self.rest)
        return found[1] if found else ""

    @property
    def subject(self) -> str:
        return self.stem.split("_")[0].removeprefix("sub-")

    @property
    def session(self) -> str:
        return self.stem.partition("_ses-")[2]

    @property
    def case(self) -> str:
        return self.stem if self.session else self.subject

    @property
    def pattern(self) -> str:
        """Its path with ``{case}`` for the case."""
        name = self.path.name.removeprefix(self.stem)
        if not self.session:
            parent = self.path.parent.as_posix().replace(f"sub-{self.subject}", "sub-{case}")
            return f"{parent}/sub-{{case}}{name}"
        parent = self.path.parent.as_posix().replace(f"sub-{self.subject}", "sub-*")
        return f"{parent.replace(f'ses-{self.session}', 'ses-*')}/{{case}}{name}"


def _files(folder: Path, paths: Iterable[Path]) -> list[_File]:
    found = [(path, _NAME.fullmatch(path.name)) for path in sorted(set(paths))]
    return [_File(path.relative_to(folder), name["stem"], name["rest"], name["suffix"]) for path, name in found if name]


def _images(raw: Sequence[_File], folder: Path) -> list[_File]:
    """Return the images: those of CT, or else the only kind that there is."""
    suffixes = sorted({file.suffix for file in raw})
    chosen = [suffix for suffix in suffixes if suffix in _CT] or suffixes
    if len(chosen) > 1:
        msg = f"{folder} has several kinds of images ({', '.join(chosen)}); keep one of them, or write the YAML by hand"
        raise DatasetError(msg)
    return [file for file in raw if file.suffix in chosen]


def _expect_one_kind_of_case(files: Sequence[_File], folder: Path) -> None:
    kinds = {bool(file.session): file for file in files}
    if len(kinds) > 1:
        msg = f"{folder}: {kinds[True].path} is of a session and {kinds[False].path} of none; expected sessions in all "
        msg += "names or in none"
        raise DatasetError(msg)


def _pattern(files: Sequence[_File], folder: Path) -> str:
    """Return the one pattern of files that belong to different cases."""
    patterns = {file.pattern: file for file in files}
    if len(patterns) > 1:
        first, second = list(patterns.values())[:2]
        msg = f"{folder} has files of one kind with different names: {first.path} and {second.path}; move one of them "
        msg += "out of the folder, or write the YAML by hand"
        raise DatasetError(msg)
    return next(iter(patterns))


def _reference(drawn: Mapping[str, Sequence[_File]]) -> str:
    """Return the ``desc`` of the released masks, where there are not two readers."""
    if len(drawn) > 1:
        names = " and ".join(f"desc-{desc}" if desc else "no desc" for desc in drawn)
        msg = f"masks have {names}; expected two or more readers, or masks of one kind"
        raise DatasetError(msg)
    return next(iter(drawn))


def _labels(folder: Path, masks: Sequence[_File]) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Return the codes of the labels and the groups, from the label tables above or beside the masks."""
    holding = {parent for file in masks for parent in file.path.parents}
    tables = sorted(path for parent in holding for path in (folder / parent).glob("*dseg.tsv"))
    names: dict[int, str] = {}
    groups: dict[str, list[str]] = {}
    for table in tables:
        for row in _read_tsv(table, ("index", "name")):
            code, name = _code(row["index"], table), row["name"]
            if names.setdefault(code, name) != name:
                msg = f"{table} calls the code {code} {name!r}, another table {names[code]!r}; expected one name"
                raise DatasetError(msg)
            for group in filter(None, row.get("groups", "").split(";")):
                groups.setdefault(group, []).append(name)
    if not tables:
        msg = f"{folder} has no label table; expected dseg.tsv with the columns index and name above the masks"
        raise MissingFileError(msg)
    return {name: code for code, name in names.items() if code}, {
        name: sorted(set(held)) for name, held in groups.items()
    }


def _code(text: str, table: Path) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        msg = f"{table} has the index {text[:60]!r}; expected a whole number"
        raise DatasetError(msg)
    return int(text)


def _rows(
    folder: Path, files: Sequence[_File], drawn: Mapping[str, Sequence[_File]], readers: Sequence[str]
) -> list[dict[str, str]]:
    """Return the case table: cases, patients, readers, and the columns of participants and sessions."""
    people = _by_id(folder / "participants.tsv", "participant_id")
    by_case = dict(sorted({file.case: file for file in files}.items()))
    sessions = {
        subject: _by_id(folder / f"sub-{subject}" / f"sub-{subject}_sessions.tsv", "session_id")
        for subject in dict.fromkeys(file.subject for file in by_case.values())
    }
    read = {desc: {file.case for file in drawn.get(desc, ())} for desc in readers}
    rows = []
    for case, file in by_case.items():
        about = people.get(f"sub-{file.subject}", {}) | sessions[file.subject].get(f"ses-{file.session}", {})
        known = {
            "case": case,
            "patient": file.subject if file.session else "",
            "readers": ";".join(desc for desc, cases in read.items() if case in cases),
        }
        rows.append(known | {_column(name, text): text for name, text in about.items()})
    return rows


def _column(name: str, text: str) -> str:
    """Return the name of a column in the case table, where some names have a meaning of their own."""
    taken = name in _OWN_COLUMNS or (name == "split" and text not in ("", *SPLITS))
    return f"participants_{name}" if taken else name


def _annotated(folder: Path, rows: Sequence[Mapping[str, str]]) -> Any:
    """Return the rule of the annotated slices as our export states it, or None."""
    if any(row.get(SLICES) for row in rows):
        return {"column": SLICES}
    for path in sorted(folder.glob("derivatives/*/dataset_description.json")):
        rule = read_json_object(path, "the description of a BIDS dataset").get("AnnotatedSlices")
        if rule == "nonempty":
            return rule
    return None


def _by_id(path: Path, column: str) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    return {row.pop(column): row for row in _read_tsv(path, (column,))}


def _read_tsv(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table; missing values (``n/a``) are empty."""
    expect_regular(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t", restval="", restkey="")
            header = list(reader.fieldnames or ())
            rows = [{name: str(cell).strip() for name, cell in row.items() if name} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"cannot read the table {path}: {error}; expected cells with tabs between them, in UTF-8"
        raise DatasetError(msg) from error
    missing = [name for name in needed if name not in header]
    if missing:
        msg = f"{path} has no column {missing[0]!r}; expected a table with tabs and the columns {', '.join(needed)}"
        raise DatasetError(msg)
    return [{name: "" if cell == UNKNOWN else cell for name, cell in row.items()} for row in rows]
