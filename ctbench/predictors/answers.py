"""Score and findings as JSON; predictions read from the files of a program or folder, which are not trusted."""

from __future__ import annotations

import json
import math
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ctbench.annotations import MapFormat, Naming, StructureFiles, files_of, read_annotation
from ctbench.errors import ContractError, MissingFileError
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.predictor import Finding, Prediction
from ctbench.predictors.probability_files import probability_names, read_probability
from ctbench.volume import Volume
from ctbench.volume.dicom.kinds import kind_of
from ctbench.volume.payload import find_payload

__all__ = [
    "MAP_SUFFIX",
    "MAP_SUFFIXES",
    "findings_file",
    "parse_findings",
    "read_answer",
    "score_and_findings",
    "stem_of",
]

MAP_SUFFIX = MapFormat.NIFTI.suffix
MAP_SUFFIXES = (*(form.suffix for form in MapFormat), ".nii", ".nrrd", ".mha")
"""Suffixes of predictions: label maps, and formats that name their segments (3D Slicer; DICOM SEG or RTSTRUCT).

Label maps with a header apart from their voxels (.nhdr, .mhd) are not read: it could lead to any other file."""

_JSON_BYTES = 4 * 2**20
_HEADER_BYTES = 2**20
_VOXEL_BYTES = 8
_EXAMPLE = '{"score": 0.9, "findings": [{"slice": 3, "box": [y0, x0, y1, x1], "type": "iph", "confidence": 0.9}]}'


def read_answer(
    mask: Path | StructureFiles,
    image: Volume,
    info: PredictorInfo,
    image_name: str = "its image",
    naming: Naming | None = None,
    *,
    probabilities: bool = False,
) -> Prediction:
    """Read a label map and the files beside it: ``NAME.json``, and ``NAME_{label}.prob.nii.gz`` if wanted.

    Links are not followed, and no more bytes are decompressed than the image's grid allows, so that a small file cannot
    fill the memory.

    Args:
        mask: Label map, or a file of named segments, with a suffix of ``MAP_SUFFIXES``; ``NAME.json`` may hold score
            and findings. Or one file per structure.
        image: Image on whose grid the label map must lie.
        info: The predictor, whose codes the label map may hold, or whose labels the segments may be.
        image_name: What to call the image in messages.
        naming: Aliases of the names of segments. Default: none.
        probabilities: Whether to read the probabilities of each label that has a file of them. Default: no.

    Raises:
        MissingFileError: There is no label map.
        ContractError: One of the files is a link or no regular file, the label map is larger than one on this grid can
            be, or the JSON does not have the expected form.
        DataError: The label map cannot be read, lies on another grid, or holds unknown names or codes, or non-integers.
        UsageError: A DICOM file needs a package that is not installed.
    """
    for path in files_of(mask):
        if not _is_own_file(path):
            msg = f"there is no file {path}"
            raise MissingFileError(msg)
        _expect_bounded(path, image, info)
    read = read_annotation(mask, labels=info.labels, image=image.geometry, image_name=image_name, naming=naming)
    if not isinstance(mask, Path):  # structures of a case have no file of which others could bear the name
        return Prediction(read.array)
    beside = mask.with_name(f"{stem_of(mask)}.json")
    score, findings = _read_findings(beside) if _is_own_file(beside) else (None, ())
    maps = {}
    for label, name in probability_names(stem_of(mask), info.labels.names).items() if probabilities else ():
        own = mask.with_name(name)
        if _is_own_file(own):
            _expect_bounded(own, image, info)
            maps[label] = read_probability(own, image, image_name)
    return Prediction(read.array, score, maps or None, findings)


def stem_of(path: Path) -> str:
    """Return the name of a prediction's file without its suffix, which may have a dot."""
    suffix = next((suffix for suffix in MAP_SUFFIXES if path.name.endswith(suffix)), "")
    return path.name.removesuffix(suffix)


def score_and_findings(prediction: Prediction) -> dict[str, Any]:
    """Return the score and the boxes of a prediction in the form that `parse_findings` reads."""
    return {"score": prediction.score, "findings": [asdict(finding) for finding in prediction.findings]}


def findings_file(prediction: Prediction) -> str | None:
    """Return the text of the ``.json`` file beside a label map; None if the prediction has no score and no boxes."""
    if prediction.score is None and not prediction.findings:
        return None
    return json.dumps(score_and_findings(prediction), indent=1) + "\n"


def parse_findings(content: Any, where: str) -> tuple[float | None, tuple[Finding, ...]]:
    """Read score and findings from decoded JSON.

    Args:
        content: A mapping with ``score`` and ``findings``, both optional.
        where: What to call it in a message.

    Raises:
        ContractError: It does not have that form.
    """
    try:
        findings = tuple(
            Finding(int(one["slice"]), tuple(map(float, one["box"])), str(one["type"]), float(one["confidence"]))  # type: ignore[arg-type]  # the contract counts the box
            for one in content.get("findings", ())
        )
        score = content.get("score")
        return (None if score is None else float(score)), findings
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        msg = f"{where} is not a file of score and findings: expected {_EXAMPLE}, got {error!r}"
        raise ContractError(msg) from error


def _is_own_file(path: Path) -> bool:
    """Return whether there is a regular file; raise for a pipe, or a link, which could lead to a reader's mask."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a pipe, device or folder"
        msg = f"{path} is {kind}; expected a regular file"
        raise ContractError(msg)
    return True


def _expect_bounded(path: Path, image: Volume, info: PredictorInfo) -> None:
    if kind_of(path):  # read_annotation refuses what is deflated, and frames larger than the image
        return
    # Every segment may have a layer of its own.
    layers = max(1, len(info.labels)) if path.name.endswith(MapFormat.SEG_NRRD.suffix) else 1
    most = math.prod(image.shape) * _VOXEL_BYTES * layers
    if not path.stat().st_size:  # an empty file has its own message
        return
    payload = find_payload(path)
    if payload is None:  # a text encoding or a list of files has no bound
        msg = f"{path} does not hold its voxels raw or as gzip; save it as {MAP_SUFFIX}"
        raise ContractError(msg)
    if payload.file != path:
        msg = f"{path} has its voxels in another file; expected one file"
        raise ContractError(msg)
    if payload.expected > most or payload.skip > _HEADER_BYTES:
        msg = (
            f"the header of {path} declares {payload.expected} bytes of voxels; "
            f"a label map of shape {image.shape} (z, y, x) has at most {most}"
        )
        raise ContractError(msg)
    found = 0
    for chunk in payload.chunks():
        found += len(chunk)
        if found > payload.expected:
            msg = f"{path} decompresses to more than the {payload.expected} bytes of voxels that its header declares"
            raise ContractError(msg)


def _read_findings(path: Path) -> tuple[float | None, tuple[Finding, ...]]:
    if path.stat().st_size > _JSON_BYTES:
        msg = f"{path} is larger than {_JSON_BYTES / 2**20:g} MiB, the limit for score and findings"
        raise ContractError(msg)
    try:
        return parse_findings(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not a file of score and findings: expected {_EXAMPLE}, got {error!r}"
        raise ContractError(msg) from error
