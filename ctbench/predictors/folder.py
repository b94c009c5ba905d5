"""Folders of predictions: read label maps that were made elsewhere, and write those of a predictor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ctbench.annotations import MadeBy, MapFormat, write_annotation
from ctbench.errors import MissingFileError, PluginNotFoundError, UsageError
from ctbench.files import write_text
from ctbench.predictors.answers import MAP_SUFFIXES, findings_file, read_answer, stem_of
from ctbench.predictors.contract import check_prediction
from ctbench.predictors.info import LABELS_FILE, PredictorInfo, info_from_json, naming_of, read_labels_file
from ctbench.predictors.predictor import Prediction
from ctbench.predictors.probability_files import PROBABILITY_SUFFIX
from ctbench.volume import Volume

__all__ = ["FolderPredictions", "predict_into_folder"]


class FolderPredictions:
    """The predictions of a folder, with the names of their codes in ``labels.json``.

    A case's prediction is ``{case}.nii.gz`` (or .nii, .nrrd, .mha), or a file of named segments: ``{case}.seg.nrrd`` of
    3D Slicer, or ``{case}.dcm``, a DICOM SEG or RTSTRUCT. The names of segments meet the names in ``labels.json``.

    ``labels.json`` is ``{"iph": 1, "ivh": 2}`` or the JSON form of a `PredictorInfo`: ``{"labels": {...}, "groups":
    {...}, "name": ..., "version": ..., "paper": ..., "training_datasets": [...]}``; there ``aliases`` may map names of
    segments to labels (null leaves a segment out, ``*`` is all others), as in a dataset's YAML. ``{case}.json`` may
    hold the ``score`` and ``findings`` of a case, ``{case}_{label}.prob.nii.gz`` the probabilities of a label: floats
    from 0 to 1, or uint8 codes from 0 to 255 for code / 255.

    Args:
        folder: Folder of the files.

    Raises:
        PluginNotFoundError: The folder or its ``labels.json`` does not exist.
        UsageError: ``labels.json`` has neither form.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            msg = (
                f"no folder {self.folder}; folder:PATH expects a folder with labels.json and one {{case}}.nii.gz a case"
            )
            raise PluginNotFoundError(msg)
        path = self.folder / LABELS_FILE
        content = read_labels_file(path)
        self.info = info_from_json(content, str(path), name=self.folder.name)
        self.naming = naming_of(content, self.info.labels, str(path))

    def path(self, case: str) -> Path:
        """Return the path of a case's prediction; of a label map if there is none.

        Raises:
            UsageError: The case has several files.
        """
        found = self._found(case)
        if len(found) > 1:
            msg = f"case {case} has {len(found)} predictions, {' and '.join(map(str, found))}; leave one"
            raise UsageError(msg)
        return found[0] if found else self.folder / f"{case}{MAP_SUFFIXES[0]}"

    def expect_some(self, cases: Iterable[str]) -> None:
        """Check, before hours of scoring, that the folder's files are named by the cases and may be read.

        Raises:
            UsageError: It has predictions, but none of these cases, or one of a case is a link.
        """
        cases = list(cases)
        found = [path for case in cases for path in self._found(case)]
        strangers = self.unmatched(cases)
        if strangers and not found:
            msg = (
                f"{self.folder} has predictions, but none of a case: expected {', '.join(cases[:3])}{MAP_SUFFIXES[0]}, "
                f"got {', '.join(strangers[:3])}; name each file by the id of its case"
            )
            raise UsageError(msg)
        links = [path for path in found if path.is_symlink()]
        if links:
            msg = (
                f"{links[0]} and {len(links) - 1} more predictions are links, which are not followed: they could lead "
                "to the masks of the readers. Copy the files themselves, e.g. by cp -rL"
            )
            raise UsageError(msg)

    def _found(self, case: str) -> list[Path]:
        paths = (self.folder / f"{case}{suffix}" for suffix in MAP_SUFFIXES)
        return [path for path in paths if path.is_symlink() or path.exists()]

    def prediction(self, case: str, image: Volume, *, probabilities: bool = False) -> Prediction:
        """Read the prediction of one case.

        Args:
            case: Its id.
            image: Image on whose grid the label map must lie.
            probabilities: Whether to read its probabilities too. Default: no.

        Raises:
            MissingFileError: The folder has no file for this case.
            ContractError: It is a link, or larger than a label map on the image's grid can be.
            DataError: The label map lies on another grid, is not made of integers or holds unknown codes.
        """
        path = self.path(case)
        if not path.is_file():
            msg = f"no prediction for case {case}: {path} is not there"
            raise MissingFileError(msg)
        where = f"the image of {case}"
        return read_answer(path, image, self.info, where, self.naming, probabilities=probabilities)

    def unmatched(self, cases: Iterable[str]) -> tuple[str, ...]:
        """Return the sorted file names of predictions that belong to none of ``cases``."""
        expected = set(cases)
        return tuple(path.name for path in self.files() if stem_of(path) not in expected)

    def files(self) -> tuple[Path, ...]:
        """Return the paths of all predicted label maps, sorted."""
        maps = (path for path in sorted(self.folder.iterdir()) if path.name.endswith(MAP_SUFFIXES))
        return tuple(path for path in maps if not path.name.endswith(PROBABILITY_SUFFIX))


class _HasInfo(Protocol):
    """A predictor whose ``info`` is only read, so that it may be a property: of this process or of another one."""

    @property
    def info(self) -> PredictorInfo: ...

    def predict(self, image: Volume) -> Prediction: ...


def predict_into_folder(
    predictor: _HasInfo,
    name: str,
    image: Volume,
    folder: Path,
    *,
    form: MapFormat = MapFormat.NIFTI,
    source: Path | None = None,
) -> dict[str, Any]:
    """Predict an image and write ``{name}.nii.gz``, and ``{name}.json`` if the prediction has a score or boxes.

    With `write_labels_file` the folder becomes one that `FolderPredictions` reads.

    Args:
        predictor: The predictor.
        name: File name without suffix.
        image: The image.
        folder: Folder of the files; it is created.
        form: Format of the label map. Default: NIfTI.
        source: File or folder of the image; DICOM SEG needs the folder of its DICOM series.

    Returns:
        ``score`` (None if there is none), and ``{label}_ml``, the volume of each label in mL.

    Raises:
        ContractError: The predictor did not return a valid prediction.
        DataError: DICOM SEG is asked for, and ``source`` is no DICOM series with the slices of the image.
    """
    prediction = check_prediction(predictor.predict(image), image, predictor.info)
    info = predictor.info
    made_by = MadeBy(info.name, info.version, automatic=True)
    label_map = image.with_array(prediction.labels)
    write_annotation(label_map, info.labels, folder / name, form=form, made_by=made_by, source=source)
    beside, found = folder / f"{name}.json", findings_file(prediction)
    if found is None:
        beside.unlink(missing_ok=True)  # it was that of an earlier prediction
    else:
        write_text(beside, found)
    volumes = {
        f"{label}_ml": float(np.sum(prediction.labels == code)) * image.voxel_ml
        for label, code in predictor.info.labels.codes.items()
    }
    return {"score": prediction.score, **volumes}
