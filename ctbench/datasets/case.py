"""Case: one scan of one patient, with its image, the readers' label maps, and its row of the case table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations import (
    MaskFiles,
    Naming,
    Pictures,
    StructureFiles,
    annotation_geometry,
    drawn_by_anyone,
    files_of,
    read_annotation,
    read_shares,
)
from ctbench.datasets.readings import Reading
from ctbench.displays import Displayed, Picture, drawn_by, names_in_short
from ctbench.errors import (
    DataError,
    DatasetError,
    GeometryError,
    LabelError,
    MissingFileError,
    UsageError,
    VolumeFileError,
)
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Geometry, Volume, check_file, on_grid, read_geometry, read_volume

__all__ = ["Case", "LabelMaps", "read_brain"]


def read_brain(path: Path, image: Geometry | None = None, image_name: str = "its image") -> NDArray[np.bool_]:
    """Read a mask of the brain, 0 outside and any other value inside, z,y,x.

    Args:
        path: A file, or a folder with a DICOM series.
        image: The grid of its image. None (default): any grid is allowed.
        image_name: Name of the image in messages.

    Raises:
        MissingFileError, VolumeFileError: As ``ctbench.read_volume``.
        GeometryError: The mask has other voxels than ``image``.
        DataError: No voxel of it is inside.
    """
    mask = read_volume(path, shape=None if image is None else image.shape)
    if image is not None:
        mask = on_grid(mask, image, found_name=str(path), expected_name=image_name)
    inside = np.asarray(mask.array != 0)
    if not inside.any():
        msg = f"{path} is 0 everywhere; expected other values inside the brain"
        raise DataError(msg)
    return inside


class LabelMaps(NamedTuple):
    """The label maps of a case's readers, and the slices that they annotated.

    Attributes:
        volumes: Reader -> label map.
        annotated: Reader -> one bool per z, whether this reader annotated the slice; None: all slices.
        asked: Reader -> codes of the labels that this reader was asked to draw; a reader who is not named: all.
        weights: Reader -> weight of this reader's vote; a reader who is not named weighs 1.
    """

    volumes: dict[str, Volume]
    annotated: dict[str, NDArray[np.bool_] | None]
    asked: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    weights: Mapping[str, float] = MappingProxyType({})

    @property
    def arrays(self) -> dict[str, NDArray[np.integer]]:
        """Reader -> label map as an integer array z,y,x."""
        return {reader: volume.array for reader, volume in self.volumes.items()}

    @property
    def grid(self) -> Volume:
        """A volume on the grid that all label maps share."""
        return next(iter(self.volumes.values()))


@dataclass(frozen=True, repr=False)
class Case(Displayed):
    """A case of a dataset: paths and plain values, so that it can be pickled; its methods read the files.

    Args:
        id: Name of the case, unique in the dataset and valid as a file name.
        dataset: Name of the dataset.
        labels: Label set of its label maps; an empty one allows any codes.
        image_path: An image file, or a folder of DICOM files; None if the dataset has masks only.
        series: Which series of a DICOM folder is the image, as in ``read_volume``; None: the folder has one.
        reader_paths: Reader -> file of the label map, or one file per structure; of several readings of a reader, the
            one that votes.
        reference_path: File, or files, of the single released mask, if there is one.
        reference_holds: What these files hold: ``labels``, or the ``shares`` of readers who drew each label.
        ignore: Code of the voxels of the reference that do not count; None: all count.
        truth_path: File, or files, of the true mask of a simulated case.
        brain_path: File of the mask of the brain, if the dataset has one.
        naming: How names in the files of masks meet the labels.
        pictures: Which slice of the image an annotated picture is, and how it lies.
        descriptions: Reader -> ITK-SNAP's label descriptions of this reader's label map; ``""`` for the reference.
        annotated_rule: Which slices a reader annotated: ``all``, ``nonempty`` (those with any label) or ``column`` (as
            in the case table).
        annotated_slices: Indices z of the annotated slices under the rule ``column``, as a viewer of the stored file
            counts them from 0; None: all.
        subgroups: Column of the case table -> value.
        split: ``train``, ``validation``, ``test`` or None.
        patient: Name of the patient; None if unknown.
        not_assessed: Labels that no reader could identify in this case.
        repeats: Reader -> all readings of this reader, by condition and session; empty for a dataset without sessions,
            conditions and table of readings.
        session_vote: Whether a reader's first session votes, or all sessions fused, as in ``Entry``.
        reader_labels: Reader -> labels that this reader was asked to draw; a reader who is not named: all.
        reader_weights: Reader -> weight of this reader's vote; a reader who is not named weighs 1.
    """

    id: str
    dataset: str
    labels: LabelSet
    image_path: Path | None = None
    series: str | None = None
    reader_paths: Mapping[str, MaskFiles] = field(default_factory=dict, hash=False)
    reference_path: MaskFiles | None = None
    reference_holds: Literal["labels", "shares"] = "labels"
    ignore: int | None = None
    truth_path: MaskFiles | None = None
    brain_path: Path | None = None
    naming: Naming = field(default_factory=Naming)
    pictures: Pictures = field(default_factory=Pictures)
    descriptions: Mapping[str, Path] = field(default_factory=dict, hash=False)
    annotated_rule: Literal["all", "nonempty", "column"] = "all"
    annotated_slices: tuple[int, ...] | None = None
    subgroups: Mapping[str, str] = field(default_factory=dict, hash=False)
    split: str | None = None
    patient: str | None = None
    not_assessed: tuple[str, ...] = ()
    repeats: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict, hash=False)
    session_vote: Literal["first", "fused"] = "first"
    reader_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    reader_weights: Mapping[str, float] = field(default_factory=dict, hash=False)

    def _facts(self) -> dict[str, object]:
        return {
            "id": self.id,
            "dataset": self.dataset,
            "split": self.split or "",
            "image": self.image_path or "none",
            "readers": names_in_short(self.readers),
            **self.subgroups,
        }

    @property
    def readers(self) -> tuple[str, ...]:
        """The names of the readers who vote in this case; one who only read it under another condition does not."""
        return tuple(self.reader_paths)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings of this case, by reader, condition and session."""
        readers = sorted({*self.reader_paths, *self.repeats}) if self.repeats else self.readers
        return tuple(
            reading
            for reader in readers
            for reading in self.repeats.get(reader) or (Reading(reader, self.reader_paths[reader]),)
        )

    def voting(self, name: str) -> tuple[Reading, ...]:
        """Return the readings of a reader that make this reader's vote: one, or the sessions to be fused.

        Raises:
            DatasetError: The reader does not vote in this case.
        """
        mask = self._mask_of(name)
        own = self.repeats.get(name) or (Reading(name, mask),)
        first = next(one for one in own if one.mask == mask)
        return (
            tuple(one for one in own if one.condition == first.condition) if self.session_vote == "fused" else (first,)
        )

    def image(self) -> Volume:
        """Read the image.

        Raises:
            MissingFileError: the dataset has masks only.
            VolumeFileError: the file cannot be read.
        """
        if self.image_path is None:
            msg = f"{self} has no image, only masks; to predict on it, add an image pattern to the dataset"
            raise MissingFileError(msg)
        try:
            return read_volume(self.image_path, series=_series_of(self.image_path, self.series))
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, image") from error

    def image_geometry(self) -> Geometry | None:
        """Return the grid of the image, from its header alone; None if the dataset has masks only.

        Raises:
            VolumeFileError, MissingFileError: The header cannot be read, or the file is missing.
        """
        if self.image_path is None:
            return None
        try:
            return self._grid(self.image_path)
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, image") from error

    def reader(self, name: str) -> Volume:
        """Read a reader's label map, checked against the label set and the grid of the image.

        A dataset without images takes the grid of the case's first reader. Of several sessions it is the first, or by
        the dataset's rule all of them fused: the label of most sessions, and of equally many that of the earliest.

        Raises:
            DatasetError: The reader did not read this case.
            VolumeFileError, LabelError, GeometryError: The file is not a label map of this label set on this grid.
        """
        sessions = self.voting(name)
        if len(sessions) == 1:
            return self._label_map(self._mask_of(name), f"reader {name!r}", self.descriptions.get(name))
        volumes = [self.reading(session) for session in sessions]
        return volumes[0].with_array(_fused(np.stack([volume.array for volume in volumes])))

    def reading(self, reading: Reading) -> Volume:
        """Read the label map of one reading, one of ``readings``; raises as ``reader``."""
        return self._label_map(reading.mask, str(reading), self.descriptions.get(reading.reader))

    def label_maps(self) -> LabelMaps:
        """Read the label maps of all readers, with the slices that each of them annotated; raises as ``reader``."""
        volumes = {name: self.reader(name) for name in self.readers}
        return LabelMaps(
            volumes,
            {name: self.annotated(name, volume) for name, volume in volumes.items()},
            self.asked,
            {name: weight for name, weight in self.reader_weights.items() if name in volumes},
        )

    @property
    def asked(self) -> dict[str, tuple[int, ...]]:
        """Reader -> codes of the labels that this reader was asked to draw; a reader who is not named: all."""
        return {
            name: tuple(self.labels.codes[label] for label in labels)
            for name, labels in self.reader_labels.items()
            if name in self.reader_paths
        }

    def was_asked(self, reader: str, structure: str) -> bool:
        """Return whether a reader was asked for a label, or for all labels of a group."""
        asked = self.reader_labels.get(reader)
        return asked is None or {self.labels.codes[name] for name in asked} >= set(self.labels.codes_of(structure))

    def reader_path(self, name: str) -> Path:
        """Return the (first) file of a reader's label map; raises ``DatasetError`` if that reader has none here."""
        return files_of(self._mask_of(name))[0]

    def mask_files(self) -> tuple[Path, ...]:
        """Return all files and folders of masks and of their label descriptions: what a predictor must not see."""
        drawn = (reading.mask for reading in self.readings)
        masks = (*drawn, self.reference_path, self.truth_path)
        return (*(path for mask in masks if mask for path in files_of(mask)), *self.descriptions.values())

    def _mask_of(self, name: str) -> MaskFiles:
        if name not in self.reader_paths:
            msg = f"{self} has no reader {name!r}; its readers: {', '.join(self.readers) or 'none'}"
            raise DatasetError(msg)
        return self.reader_paths[name]

    def reference(self) -> Volume | None:
        """Read the single released mask, or return None if there is none; raises as ``reader``.

        Of released shares of votes it is what more than half of the readers drew; see ``shares``.
        """
        if self.reference_path is None:
            return None
        shares = self.shares()
        if shares is not None:
            arrays = {label: volume.array for label, volume in shares.items()}
            return next(iter(shares.values())).with_array(Reference.of_shares(arrays, self.labels).labels)
        return self._label_map(self.reference_path, "reference", self.descriptions.get(""))

    def shares(self) -> dict[str, Volume] | None:
        """Read the released shares of votes: label -> z,y,x float32 from 0 to 1, on the grid of the image.

        Returns:
            None if the case has none; a label without a file has none of the votes.

        Raises:
            LabelError, VolumeFileError, GeometryError: As ``ctbench.annotations.read_shares``.
        """
        if self.reference_holds != "shares" or self.reference_path is None:
            return None
        assert isinstance(self.reference_path, StructureFiles)  # the entry demands one file per label
        try:
            image, image_name = self._expected_grid(self.reference_path)
            return read_shares(self.reference_path, self.labels, image=image, image_name=image_name, naming=self.naming)
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, reference") from error

    def ignored(self) -> NDArray[np.bool_] | None:
        """Return the voxels of the single released mask that do not count, z,y,x; None if the dataset has no such."""
        if self.ignore is None or self.reference_path is None:
            return None
        image, image_name = self._expected_grid(self.reference_path)
        read = read_annotation(self.reference_path, image=image, image_name=image_name)
        return np.asarray(read.array == self.ignore)

    def truth(self) -> Volume | None:
        """Read the true mask of a simulated case, or return None if there is none; raises as ``reader``."""
        return None if self.truth_path is None else self._label_map(self.truth_path, "truth", None)

    def brain(self) -> NDArray[np.bool_] | None:
        """Read the mask of the brain, z,y,x; None if the dataset has none.

        Raises:
            VolumeFileError, GeometryError: The file cannot be read, or has another grid than the image.
            DataError: No voxel of it is inside.
        """
        if self.brain_path is None:
            return None
        try:
            grid, name = self._expected_grid(self.brain_path)
            return read_brain(self.brain_path, grid, name)
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, brain") from error

    def check(self) -> None:
        """Check the files: read all label maps, and the grid and the size of the image.

        Raises:
            VolumeFileError, LabelError, GeometryError, MissingFileError: A file is invalid; the message names the
                reader.
        """
        if self.image_path is not None:
            try:
                self._grid(self.image_path)
                check_file(self.image_path)
            except (DataError, OSError) as error:
                raise _located(error, f"{self}, image") from error
        for reading in self.readings:
            self.reading(reading)
        self.reference()
        self.brain()

    def annotated(self, reader: str | None = None, label_map: Volume | None = None) -> NDArray[np.bool_] | None:
        """Return which slices a reader annotated, by the dataset's rule.

        Args:
            reader: Name of the reader; None (default): the slices of the reference.
            label_map: The label map of the reader or reference, if it has been read already.

        Returns:
            One bool per z; None: all slices.

        Raises:
            DatasetError: The reader did not read this case, the case has no reference, or the case table names a
                slice that the label map does not have.
        """
        if self.annotated_rule == "all" or (self.annotated_rule == "column" and self.annotated_slices is None):
            return None
        if label_map is None and reader is not None:
            label_map = self.reader(reader)
        elif label_map is None:
            shares = self.shares()
            label_map = drawn_by_anyone(shares) if shares else self.reference()
        if label_map is None:
            msg = f"{self} has no reference; name one of its readers: {', '.join(self.readers)}"
            raise DatasetError(msg)
        if self.annotated_rule == "nonempty":
            return np.asarray(label_map.array.any(axis=(1, 2)), dtype=bool)
        return self._listed_slices(label_map.shape[0])

    def _listed_slices(self, size: int) -> NDArray[np.bool_]:
        listed = np.array(self.annotated_slices, dtype=int)
        if listed.size and listed.max() >= size:
            msg = f"{self}: the case table lists slice {listed.max()} as annotated, but the image has {size} slices"
            raise DatasetError(msg)
        annotated = np.zeros(size, dtype=bool)
        annotated[listed] = True
        return annotated

    def _label_map(self, mask: MaskFiles, whose: str, descriptions: Path | None) -> Volume:
        try:
            image, image_name = self._expected_grid(mask)
            return read_annotation(
                mask,
                labels=self.labels or None,
                image=image,
                image_name=image_name,
                naming=self.naming,
                descriptions=descriptions,
                pictures=self.pictures,
            )
        except (DataError, OSError, UsageError) as error:
            raise _located(error, f"{self}, {whose}") from error

    def _expected_grid(self, mask: MaskFiles) -> tuple[Geometry | None, str]:
        """Return the grid that a mask must have, and its name: the image's, or without one that of the first mask.

        The first mask is that of the first reader, or the reference of a dataset without readers.
        """
        if self.image_path is not None:
            return self._grid(self.image_path), f"its image {self.image_path}"
        first = next(iter(self.reader_paths.values()), self.reference_path or mask)
        whose = "the first reader's mask" if self.reader_paths else "the reference"
        return None if first == mask else annotation_geometry(first), f"{whose} {first}"

    def _grid(self, path: Path) -> Geometry:
        return _geometry(path, self.series, path.stat().st_mtime_ns)

    def show(self, run: object, z: int | None = None, structures: Sequence[str] | None = None) -> Picture:
        """Return a slice with the errors of a run's model, or the readers' outlines, which a notebook displays.

        Args:
            run: A ``Run`` on this case's dataset.
            z: Index of the slice. Default: the one with the most errors, for a run of readers the most drawn.
            structures: Names of labels or groups. Default: all that the model claims.

        Raises:
            DataError: The image, a label map or the prediction cannot be read.
            IndexError: The case has no such slice.
            UsageError: The model has no prediction of this case.
        """
        picture: Picture = drawn_by("show_case", self, run, z, structures)
        return picture

    def __str__(self) -> str:
        return f"case {self.id!r} of {self.dataset!r}"


def _fused(drawn: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the label of most sessions (sessions x z,y,x); of equally many, that of the earliest session."""
    support = np.stack([(own == drawn).sum(axis=0) for own in drawn])
    fused: NDArray[np.integer] = np.take_along_axis(drawn, support.argmax(axis=0)[None], axis=0)[0]
    return fused


@lru_cache(maxsize=1024)
def _geometry(path: Path, series: str | None, _changed_ns: int) -> Geometry:
    """Return the grid of a volume; cached, because each reader of a case is checked against the same image."""
    return read_geometry(path, series=_series_of(path, series))


def _series_of(path: Path, series: str | None) -> str | None:
    """Return the series for a folder, None for a file: images of one dataset may be both."""
    return series if path.is_dir() else None


def _located(error: Exception, where: str) -> Exception:
    """Return the error, of the same class, with the case and the reader in its message."""
    kinds = (GeometryError, LabelError, VolumeFileError, MissingFileError, UsageError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), VolumeFileError)
    return kind(f"{where}: {error}")
