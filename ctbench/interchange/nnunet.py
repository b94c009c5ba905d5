"""nnU-Net's raw data sets: export of references with undecided voxels as the ignore label, and import of a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ctbench.annotations.nnunet import DATASET_JSON, IGNORE, labels_of_nnunet, read_dataset_json
from ctbench.datasets import Case, Dataset
from ctbench.errors import DataError, UsageError
from ctbench.files import expect_new, write_text
from ctbench.interchange.description import dataset_name, write_description
from ctbench.reference import Reference
from ctbench.references import common_reference
from ctbench.volume import write_volume

__all__ = ["SPLITS_FILE", "export_nnunet", "folds_by_patient", "import_nnunet"]

SPLITS_FILE = "splits_final.json"
"""nnU-Net's folds; it reads them from the data set's folder under ``nnUNet_preprocessed``."""

_FOLDS = 5
_SEED = 12345


def export_nnunet(dataset: Dataset, raw: Path, number: int, *, consensus: str = "majority") -> Path:
    """Write a dataset as a raw data set of nnU-Net and return its folder, ``DatasetNNN_name``.

    The labels are the consensus of the readers, or the released masks, with the codes 1, 2, ... in the order of the
    dataset's codes. Voxels that do not count, undecided ones and those of slices that nobody annotated, have the ignore
    label. Folds are made by patient.

    Args:
        dataset: Dataset, or a split of it.
        raw: Folder ``nnUNet_raw``.
        number: Id of the data set, 1 to 999.
        consensus: The rule, as in ``ctbench.consensus.fuse``.

    Raises:
        UsageError: The number is out of range, or the folder exists.
        DataError: A case has no image or no mask, or labels that were not assessed: nnU-Net would learn that they are
            background.
    """
    if not 1 <= number <= 999:
        msg = f"id {number}; nnU-Net's data sets have numbers from 1 to 999"
        raise UsageError(msg)
    out = raw / f"Dataset{number:03d}_{re.sub(r'[^0-9A-Za-z]+', '_', dataset.name)}"
    expect_new(out, advice="remove it, or choose another --id")
    partly = [case.id for case in dataset if case.not_assessed]
    if partly:
        msg = f"cases {', '.join(partly[:5])} have labels that were not assessed; leave these cases out of the export"
        raise DataError(msg)
    codes = {name: number for number, (name, _) in enumerate(sorted(dataset.labels.codes.items(), key=_code), 1)}
    ignoring = [_write_case(case, out, dataset, codes, consensus) for case in dataset]
    labels: dict[str, Any] = {"background": 0, **codes, **({IGNORE: len(codes) + 1} if any(ignoring) else {})}
    content = {
        "channel_names": {"0": "CT" if dataset.modality == "CT" else "MRI"},
        "labels": labels,
        "numTraining": len(dataset),
        "file_ending": ".nii.gz",
        "name": dataset.name,
        "licence": dataset.entry.licence,
        "reference": dataset.entry.citation,
    }
    if folds := folds_by_patient(dataset.patients):
        write_text(out / SPLITS_FILE, json.dumps(folds, indent=1) + "\n")
    write_text(out / DATASET_JSON, json.dumps(content, indent=1) + "\n")
    return out


def folds_by_patient(patients: Mapping[str, str], folds: int = _FOLDS) -> list[dict[str, list[str]]]:
    """Return nnU-Net's folds, in which all cases of a patient are in the same part.

    Args:
        patients: Case -> patient.
        folds: Number of folds; at most the number of patients are made.

    Returns:
        ``train`` and ``val``, the sorted ids of the cases, for each fold; empty for a single patient.

    Example:
        >>> folds_by_patient({"a1": "a", "a2": "a", "b": "b"})[0]["val"] in (["a1", "a2"], ["b"])
        True
    """
    names = sorted(set(patients.values()))
    if len(names) < 2:
        return []
    turned = np.random.default_rng(_SEED).permutation(len(names))
    part = {names[place]: number % min(folds, len(names)) for number, place in enumerate(turned)}
    return [
        {
            "train": sorted(case for case, patient in patients.items() if part[patient] != number),
            "val": sorted(case for case, patient in patients.items() if part[patient] == number),
        }
        for number in range(min(folds, len(names)))
    ]


def import_nnunet(folder: Path, out: Path) -> Path:
    """Describe a raw data set of nnU-Net as a dataset: write its YAML and, if there are folds, its case table.

    The files stay where they are. The training cases of nnU-Net become the cases; those that its first fold holds out
    (``splits_final.json`` in the folder) get the split ``validation``, the others ``train``. Voxels with the ignore
    label do not count.

    Args:
        folder: The folder ``DatasetNNN_name``.
        out: The YAML file to write.

    Returns:
        ``out``.

    Raises:
        MissingFileError: The folder has no ``dataset.json``.
        UsageError: ``out`` exists, its labels have another form, or a case has several images.
    """
    content, described, name = read_dataset_json(folder), folder / DATASET_JSON, folder.absolute().name
    labels = labels_of_nnunet(content, str(described))
    channels = content.get("channel_names", content.get("modality", {}))
    if not isinstance(channels, Mapping) or len(channels) != 1:
        count = len(channels) if isinstance(channels, Mapping) else str(channels)[:40]
        msg = f"{folder} has {count} images a case; expected one"
        raise UsageError(msg)
    ending = str(content.get("file_ending", ".nii.gz"))
    ignore = content["labels"].get(IGNORE)
    if ignore is not None and type(ignore) is not int:
        msg = f"{described} has the ignore label {str(ignore)[:40]!r}; expected one whole number"
        raise UsageError(msg)
    entry: dict[str, Any] = {
        "title": f"nnU-Net's {name}",
        "modality": "CT" if "ct" in str(next(iter(channels.values()))).lower() else "MR",
        "task": "segmentation",
        "labels": dict(labels.codes),
        "groups": {name: list(held) for name, held in labels.groups.items()},
        "root": str(folder.absolute()),
        "image": f"imagesTr/{{case}}_0000{ending}",
        "reference": f"labelsTr/{{case}}{ending}",
        "ignore": ignore,
        "licence": str(content.get("licence", content.get("license", ""))),
        "citation": str(content.get("reference", "")),
    }
    rows = _rows(folder / SPLITS_FILE)
    return write_description(out, dataset_name(Path(re.sub(r"^Dataset\d+_", "", name))), entry, rows)


def _code(item: tuple[str, int]) -> int:
    return item[1]


def _write_case(case: Case, out: Path, dataset: Dataset, codes: Mapping[str, int], consensus: str) -> bool:
    """Write the image and the labels of a case; return whether some of its voxels are ignored."""
    image, reference = case.image(), common_reference(case, consensus)
    write_volume(image, out / "imagesTr" / f"{case.id}_0000.nii.gz")
    labels = _label_map(reference, dataset, codes)
    write_volume(image.with_array(labels), out / "labelsTr" / f"{case.id}.nii.gz")
    return bool(reference.uncounted.any())


def _label_map(reference: Reference, dataset: Dataset, codes: Mapping[str, int]) -> np.ndarray:
    labels = np.zeros(reference.labels.shape, np.min_scalar_type(len(codes) + 1))
    for name, code in codes.items():
        labels[reference.labels == dataset.labels[name]] = code
    labels[reference.uncounted] = len(codes) + 1
    return labels


def _rows(splits: Path) -> list[dict[str, str]]:
    """Return the rows of a case table in which the cases held out by the first fold are for validation.

    Raises:
        DataError: The file has another form.
    """
    if not splits.is_file():
        return []
    try:
        folds = json.loads(splits.read_text(encoding="utf-8"))
        parts = [{str(case) for case in folds[0][name]} for name in ("train", "val")] if folds else [set(), set()]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f'{splits} has no folds as nnU-Net writes them: expected [{{"train": [...], "val": [...]}}]; {error!r}'
        raise DataError(msg) from error
    train, held_out = parts
    return [{"case": case, "split": "validation" if case in held_out else "train"} for case in sorted(train | held_out)]
