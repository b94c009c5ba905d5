"""Folders of predictions: read label maps that were made elsewhere, and write those of a predictor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ctbench.annotations import MadeBy, MapFormat, StructureFiles, files_of, write_annotation
from ctbench.annotations.nnunet import DATASET_JSON, labels_of_nnunet, read_dataset_json
from ctbench.errors import MissingFileError, PluginNotFoundError, UsageError
from ctbench.files import write_text
from ctbench.predictors.answers import MAP_SUFFIX, findings_file, read_answer
from ctbench.predictors.contract import check_prediction, encoded_probabilities
from ctbench.predictors.info import LABELS_FILE, PredictorInfo, info_from_json, naming_of, read_labels_file
from ctbench.predictors.layouts import label_maps, prediction_files, strangers
from ctbench.predictors.predictor import Prediction
from ctbench.predictors.probability_files import probability_names
from ctbench.volume import Volume, write_volume

__all__ = ["FolderPredictions", "predict_into_folder"]


class FolderPredictions:
    """The predictions of a folder, with the names of their codes in ``labels.json``.

    A case's prediction is ``{case}.nii.gz`` (or .nii, .nrrd, .mha), or a file of named segments: ``{case}.seg.nrrd`` of
    3D Slicer, or ``{case}.dcm``, a DICOM SEG or RTSTRUCT. The names of segments meet the names in ``labels.json``. It
    may also be one file per structure, or lie in a folder of the case: see `prediction_files`. Where nnU-Net wrote the
    predictions, its ``dataset.json`` takes the place of ``labels.json``.

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
        content, where = _labels_in(self.folder)
        self.info = info_from_json(content, where, name=self.folder.name)
        self.naming = naming_of(content, self.info.labels, where)

    def files_of(self, case: str) -> Path | StructureFiles | None:
        """Return the file or files of a case's prediction, see `prediction_files`; None if there are none.

        Raises:
            UsageError: The case has several label maps.
        """
        return prediction_files(self.folder, case, self.info.labels.names)

    def expect_some(self, cases: Iterable[str]) -> None:
        """Check, before hours of scoring, that the folder's files are named by the cases and may be read.

        Raises:
            UsageError: It has predictions, but none of these cases, or one of a case is a link.
        """
        cases = list(cases)
        masks = [mask for mask in map(self.files_of, cases) if mask is not None]
        found = [path for mask in masks for path in files_of(mask)]
        strangers = self.unmatched(cases)
        if strangers and not found:
            msg = (
                f"{self.folder} has predictions, but none of a case: expected {', '.join(cases[:3])}{MAP_SUFFIX}, "
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
        mask = self.files_of(case)
        if mask is None:
            msg = f"no prediction for case {case}: {self.folder / f'{case}{MAP_SUFFIX}'} is not there"
            raise MissingFileError(msg)
        where = f"the image of {case}"
        return read_answer(mask, image, self.info, where, self.naming, probabilities=probabilities)

    def unmatched(self, cases: Iterable[str]) -> tuple[str, ...]:
        """Return the sorted file names of predictions that belong to none of ``cases``."""
        return strangers(self.folder, cases, self.info.labels.names)

    def files(self) -> tuple[Path, ...]:
        """Return the paths of all predicted label maps, sorted."""
        return label_maps(self.folder)


def _labels_in(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the content of ``labels.json``, or the labels in nnU-Net's ``dataset.json``, and the name of the file."""
    path, nnunet = folder / LABELS_FILE, folder / DATASET_JSON
    if path.is_file() or not nnunet.is_file():
        return read_labels_file(path), str(path)
    labels = labels_of_nnunet(read_dataset_json(folder), str(nnunet))
    return {"labels": dict(labels.codes), "groups": dict(labels.groups)}, str(nnunet)


class _HasInfo(Protocol):
    """A predictor whose ``info`` is only read, so that it may be a property: of this process or of another one."""

    @property
    def info(self) -> PredictorInfo: ...

    def predict(self, image: Volume) -> Prediction: ...


@runtime_checkable
class _ReturnsOnRequest(Protocol):
    """A predictor in a process of its own, which returns probabilities only when asked for them."""

    def prediction(self, case: str, image: Volume, *, probabilities: bool) -> Prediction: ...


def predict_into_folder(
    predictor: _HasInfo,
    name: str,
    image: Volume,
    folder: Path,
    *,
    form: MapFormat = MapFormat.NIFTI,
    source: Path | None = None,
    series: str | None = None,
    probabilities: bool = False,
) -> dict[str, Any]:
    """Predict an image and write ``{name}.nii.gz``, and ``{name}.json`` if the prediction has a score or boxes.

    With `write_labels_file` the folder becomes one that `FolderPredictions` reads. Files of an earlier prediction of
    the same name that this one does not have are removed.

    Args:
        predictor: The predictor.
        name: File name without suffix.
        image: The image.
        folder: Folder of the files; it is created.
        form: Format of the label map. Default: NIfTI.
        source: File or folder of the image; DICOM SEG needs the folder of its DICOM series.
        series: Which series of that folder, as in ``ctbench.read_volume``.
        probabilities: Whether to write the predictor's probabilities too, as ``{name}_{label}.prob.nii.gz`` of uint8
            codes from 0 to 255. Default: no.

    Returns:
        ``score`` (None if there is none), and ``{label}_ml``, the volume of each label in mL.

    Raises:
        ContractError: The predictor did not return a valid prediction, or not floats from 0 to 1 as probabilities.
        DataError: DICOM SEG is asked for, and ``source`` is no DICOM series with the slices of the image.
    """
    if probabilities and isinstance(predictor, _ReturnsOnRequest):
        made = predictor.prediction(name, image, probabilities=True)
    else:
        made = predictor.predict(image)
    info = predictor.info
    prediction = check_prediction(made, image, info)
    codes = encoded_probabilities(prediction, info) if probabilities else {}
    made_by = MadeBy(info.name, info.version, automatic=True)
    label_map = image.with_array(prediction.labels)
    write_annotation(label_map, info.labels, folder / name, form=form, made_by=made_by, source=source, series=series)
    for label, file_name in probability_names(name, info.labels.names).items():
        if label in codes:
            write_volume(image.with_array(codes[label]), folder / file_name)
        else:
            (folder / file_name).unlink(missing_ok=True)
    beside, found = folder / f"{name}.json", findings_file(prediction)
    if found is None:
        beside.unlink(missing_ok=True)
    else:
        write_text(beside, found)
    volumes = {
        f"{label}_ml": float(np.sum(prediction.labels == code)) * image.voxel_ml
        for label, code in info.labels.codes.items()
    }
    return {"score": prediction.score, **volumes}
