"""Export of a dataset as BIDS: CT images, the masks of readers and consensus as derivatives, and their label table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ctbench.annotations.nnunet import IGNORE
from ctbench.datasets import Case, Dataset
from ctbench.errors import DataError
from ctbench.files import expect_new, write_json, write_text
from ctbench.interchange.description import write_table
from ctbench.markdown import inert
from ctbench.references import read_references
from ctbench.volume import Volume, write_volume

__all__ = ["BIDS_VERSION", "CONSENSUS", "SLICES", "UNKNOWN", "export_bids"]

BIDS_VERSION = "1.10.0"
"""Version of the standard that the export follows."""

CONSENSUS = "consensus"
"""Label ``desc`` of the masks that readers were fused into."""

SLICES = "annotated_slices"
"""Column of our participants and sessions with the annotated slices of a case, as in the case table."""

UNKNOWN = "n/a"
"""A missing value in the tables of BIDS."""

_DERIVATIVE = Path("derivatives") / "ctbench"
_README = """# {title}

{notes}

Images are CT scans in Hounsfield units. BIDS has no rule for CT yet, so that they have the name of its extension
proposal 24 (`ct/sub-X_ct.nii.gz`) and stand in `.bidsignore`. The masks of the readers (`desc-READER`) and of their
consensus (`desc-consensus`) are in `derivatives/ctbench`; `dseg.tsv` there names the codes.
"""


class _Place(NamedTuple):
    """The labels of a case's subject and session."""

    subject: str
    session: str

    @property
    def folder(self) -> Path:
        return Path(self.stem.replace("_", "/"))

    @property
    def stem(self) -> str:
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")


def export_bids(dataset: Dataset, out: Path, *, consensus: str = "majority") -> Path:
    """Write a dataset as BIDS and return its folder.

    A patient is a subject; where patients have several cases, a case is a session. Labels of subjects, sessions and
    readers are the names without the characters that BIDS does not allow (``case_01`` becomes ``case01``). A reader's
    mask has ``desc-READER``, their consensus ``desc-consensus``, and a single released mask no ``desc``; voxels that do
    not count have the label ``ignore`` there. The masks keep the codes of the dataset.

    Args:
        dataset: Dataset, or a split of it.
        out: The folder to write.
        consensus: The rule, as in ``ctbench.consensus.fuse``.

    Raises:
        UsageError: The folder exists.
        DataError: The dataset has no labels or is not of CT, or two names become one label.
    """
    expect_new(out)
    if dataset.modality != "CT" or not dataset.labels.codes:
        msg = (
            f"dataset {dataset.name} has modality {dataset.modality} and {len(dataset.labels.codes)} labels; expected "
        )
        msg += "CT images and named labels"
        raise DataError(msg)
    places = _places(dataset.patients)
    readers = _distinct({reader: _label(reader) for reader in dataset.readers}, "readers")
    if CONSENSUS in readers.values():
        msg = f"a reader is called {CONSENSUS!r}, which is the name of the fused mask; rename this reader"
        raise DataError(msg)
    ignored = [_write_case(case, out, places[case.id], readers, dataset, consensus) for case in dataset]
    _write_tables(dataset, out, places)
    _write_derivative(dataset, out / _DERIVATIVE, readers, consensus, has_ignored=any(ignored))
    return out


def _write_case(
    case: Case, out: Path, place: _Place, readers: Mapping[str, str], dataset: Dataset, consensus: str
) -> bool:
    """Write the image and the masks of a case; return whether some voxels of its reference do not count."""
    if case.image_path is not None:
        write_volume(case.image(), out / place.folder / "ct" / f"{place.stem}_ct.nii.gz")
    masks = out / _DERIVATIVE / place.folder / "anat" / place.stem
    if not case.readers and case.reference_path is None:
        return False
    readings = read_references(case, consensus, without_each=False)
    reference, grid = readings.common, readings.grid
    for reader, grid in readings.label_maps.items():
        _write_mask(grid, dataset, Path(f"{masks}_desc-{readers[reader]}_dseg.nii.gz"))
    labels = np.where(reference.uncounted, _ignore(dataset), reference.labels)
    desc = f"_desc-{CONSENSUS}" if case.readers else ""
    _write_mask(grid.with_array(labels), dataset, Path(f"{masks}{desc}_dseg.nii.gz"))
    return bool(reference.uncounted.any())


def _write_mask(labels: Volume, dataset: Dataset, path: Path) -> None:
    """Write a label map with the smallest integers that hold all codes."""
    write_volume(labels.with_array(labels.array.astype(np.min_scalar_type(_ignore(dataset)))), path)


def _ignore(dataset: Dataset) -> int:
    """Return the code of voxels that do not count: the next after the labels."""
    return max(dataset.labels.codes.values()) + 1


def _write_tables(dataset: Dataset, out: Path, places: Mapping[str, _Place]) -> None:
    """Write the description of the images, and the participants or sessions with the columns of the case table."""
    entry = dataset.entry
    description = {
        "Name": dataset.title,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": entry.licence,
        "HowToAcknowledge": entry.citation,
        "DatasetDOI": f"doi:{entry.doi[0]}" if entry.doi else "",
        "GeneratedBy": [{"Name": "ctbench", "Version": version("ctbench")}],
    }
    write_json(out / "dataset_description.json", {key: value for key, value in description.items() if value})
    write_text(
        out / "README.md", _README.format(title=inert(dataset.title), notes=inert(entry.notes)).replace("\n\n\n", "\n")
    )
    write_text(out / ".bidsignore", "**/ct\n")
    by_subject: dict[str, list[Case]] = {}
    for case in dataset:
        by_subject.setdefault(places[case.id].subject, []).append(case)
    with_sessions = any(place.session for place in places.values())
    people = [
        {"participant_id": f"sub-{subject}", **({} if with_sessions else _columns(cases[0]))}
        for subject, cases in by_subject.items()
    ]
    _write_tsv(out / "participants.tsv", people)
    described = {name: {"Description": _COLUMNS.get(name, "Subgroup of the dataset.")} for name in _columns_of(dataset)}
    if described:
        write_json(out / ("sessions.json" if with_sessions else "participants.json"), described)
    if with_sessions:
        for subject, cases in by_subject.items():
            rows = [{"session_id": f"ses-{places[case.id].session}", **_columns(case)} for case in cases]
            _write_tsv(out / f"sub-{subject}" / f"sub-{subject}_sessions.tsv", rows)


_COLUMNS = {
    "split": "Split of the dataset: train, validation or test.",
    "not_assessed": "Labels that no reader could identify in this case, with ; between them.",
    SLICES: "Axial slices that were annotated, from 0, such as 3-7;12, or all.",
}


def _columns(case: Case) -> dict[str, str]:
    """Return what the case table says of a case, by column."""
    slices = case.annotated_slices
    listed = "all" if slices is None else ";".join(map(str, slices))
    return {
        "split": case.split or "",
        "not_assessed": ";".join(case.not_assessed),
        **({SLICES: listed} if case.annotated_rule == "column" else {}),
        **case.subgroups,
    }


def _columns_of(dataset: Dataset) -> list[str]:
    return list(dict.fromkeys(name for case in dataset for name, text in _columns(case).items() if text))


def _write_derivative(
    dataset: Dataset, folder: Path, readers: Mapping[str, str], consensus: str, *, has_ignored: bool
) -> None:
    """Write the description of the masks, the table of their labels, and what each ``desc`` means."""
    description = {
        "Name": f"Masks of {dataset.title}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "ctbench", "Version": version("ctbench"), "Description": f"Consensus: {consensus}"}],
        "DatasetLinks": {"raw": "../.."},
        **({"AnnotatedSlices": dataset.entry.annotated} if isinstance(dataset.entry.annotated, str) else {}),
    }
    write_json(folder / "dataset_description.json", description)
    codes = sorted((code, name) for name, code in dataset.labels.codes.items())
    if has_ignored:
        codes.append((_ignore(dataset), IGNORE))
    groups = dataset.labels.groups
    rows = [
        {
            "index": str(code),
            "name": name,
            "abbreviation": name,
            "groups": ";".join(group for group, held in groups.items() if name in held),
        }
        for code, name in codes
    ]
    _write_tsv(folder / "dseg.tsv", rows)
    described = {"groups": {"Description": "Groups of labels that are scored together, with ; between them."}}
    write_json(folder / "dseg.json", {"SpatialReference": "orig", **(described if groups else {})})
    meanings = {desc: f"Reader {reader}" for reader, desc in readers.items()}
    if readers:
        meanings[CONSENSUS] = f"{consensus} of the readers; voxels with the label {IGNORE} do not count"
        rows = [{"desc_id": f"desc-{desc}", "description": text} for desc, text in meanings.items()]
        _write_tsv(folder / "descriptions.tsv", rows)


def _places(patients: Mapping[str, str]) -> dict[str, _Place]:
    """Return the subject of each case, and its session where a patient has several cases."""
    several = len(set(patients.values())) < len(patients)
    subjects = _distinct({patient: _label(patient) for patient in patients.values()}, "patients")
    sessions = _distinct({case: _label(case) for case in patients}, "cases")
    return {case: _Place(subjects[patient], sessions[case] if several else "") for case, patient in patients.items()}


def _label(name: str) -> str:
    """Return a name as a label of BIDS, which has letters and digits only."""
    return re.sub(r"[^0-9A-Za-z]", "", name)


def _distinct(labels: Mapping[str, str], what: str) -> dict[str, str]:
    """Return the labels, which have to differ and not be empty."""
    names: dict[str, list[str]] = {}
    for name, label in labels.items():
        names.setdefault(label, []).append(name)
    for label, same in names.items():
        if len(same) > 1 or not label:
            msg = (
                f"{what} {' and '.join(map(repr, same))} become the label {label!r}, as BIDS allows letters and digits "
            )
            msg += "only; expected names that differ in these"
            raise DataError(msg)
    return dict(labels)


def _write_tsv(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    write_table(path, rows, delimiter="\t", missing=UNKNOWN)
