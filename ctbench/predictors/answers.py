"""The files in which a prediction comes back from a program, a container or a folder: read as a stranger's."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

from ctbench.errors import ContractError, MissingFileError
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.predictor import Finding, Prediction
from ctbench.volume import Volume, read_label_map
from ctbench.volume.payload import find_payload

__all__ = ["MAP_SUFFIX", "parse_findings", "read_answer"]

MAP_SUFFIX = ".nii.gz"

_JSON_BYTES = 4 * 2**20
_HEADER_BYTES = 2**20
_VOXEL_BYTES = 8
_EXAMPLE = '{"score": 0.9, "findings": [{"slice": 3, "box": [y0, x0, y1, x1], "type": "iph", "confidence": 0.9}]}'


def read_answer(path: Path, image: Volume, info: PredictorInfo, image_name: str = "its image") -> Prediction:
    """Read the label map ``path`` and the ``.json`` beside it.

    Nothing is followed, inflated or read beyond what the image's grid allows, so that neither a link nor a small file
    that stands for gigabytes does harm.

    Args:
        path: ends in ``.nii.gz``; the name without it and ``.json`` is that of score and findings.
        image: the grid that the label map must lie on.
        info: whose codes it must have.
        image_name: what to call the image in messages.

    Raises:
        MissingFileError: there is no label map.
        ContractError: one of the files is a link or no file, the label map holds more than a label map on this grid
            can, or the JSON is not of the expected form.
        DataError: the label map cannot be read, lies on another grid, or is not made of known integer codes.
    """
    if not _is_own_file(path):
        msg = f"there is no file {path}"
        raise MissingFileError(msg)
    _expect_bounded(path, image)
    labels = read_label_map(path, labels=info.labels, image=image.geometry, image_name=image_name).array
    beside = path.with_name(path.name.removesuffix(MAP_SUFFIX) + ".json")
    score, findings = _read_findings(beside) if _is_own_file(beside) else (None, ())
    return Prediction(labels, score, findings=findings)


def parse_findings(content: Any, where: str) -> tuple[float | None, tuple[Finding, ...]]:
    """Read score and findings from what JSON gave.

    Raises:
        ContractError: it is not of the expected form; the message calls it ``where``.
    """
    try:
        findings = tuple(
            Finding(int(one["slice"]), tuple(map(float, one["box"])), str(one["type"]), float(one["confidence"]))  # type: ignore[arg-type]  # the contract counts the box
            for one in content.get("findings", ())
        )
        score = content.get("score")
        return (None if score is None else float(score)), findings
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        msg = f"{where} is not what stands beside a prediction: expected {_EXAMPLE}, got {error!r}"
        raise ContractError(msg) from error


def _is_own_file(path: Path) -> bool:
    """Say whether there is a file; a link, which could lead to a reader's mask, and a pipe are refused."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        msg = f"{path} is {kind}; expected a file of its own"
        raise ContractError(msg)
    return True


def _expect_bounded(path: Path, image: Volume) -> None:
    most = math.prod(image.shape) * _VOXEL_BYTES
    payload = find_payload(path) if path.stat().st_size else None
    if payload is None:  # an empty file has its own message
        return
    if payload.expected > most or payload.skip > _HEADER_BYTES:
        msg = (
            f"{path} says that it holds {payload.expected} bytes of voxels; "
            f"a label map of shape {image.shape} (z, y, x) has at most {most}"
        )
        raise ContractError(msg)
    found = 0
    for chunk in payload.chunks():
        found += len(chunk)
        if found > payload.expected:
            msg = f"{path} inflates to more than the {payload.expected} bytes of voxels that its header promises"
            raise ContractError(msg)


def _read_findings(path: Path) -> tuple[float | None, tuple[Finding, ...]]:
    if path.stat().st_size > _JSON_BYTES:
        msg = f"{path} is larger than {_JSON_BYTES / 2**20:g} MiB; score and findings are less"
        raise ContractError(msg)
    try:
        return parse_findings(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not what stands beside a prediction: expected {_EXAMPLE}, got {error!r}"
        raise ContractError(msg) from error
