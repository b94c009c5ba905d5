"""One scan of one patient, with the files that readers drew on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, DatasetError, GeometryError, LabelError, MissingFileError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.volume import Geometry, Volume, check_file, read_geometry, read_label_map, read_volume

__all__ = ["Case", "LabelMaps"]


class LabelMaps(NamedTuple):
    """What the readers of a case drew, and where they looked.

    Attributes:
        volumes: reader -> label map.
        annotated: reader -> z bool, the slices that this reader annotated; None: all.
    """

    volumes: dict[str, Volume]
    annotated: dict[str, NDArray[np.bool_] | None]

    @property
    def arrays(self) -> dict[str, NDArray[np.integer]]:
        """Reader -> z,y,x."""
        return {reader: volume.array for reader, volume in self.volumes.items()}


@dataclass(frozen=True)
class Case:
    """A case of a dataset: paths and plain values, so that it travels to worker processes; files are read when asked.

    Args:
        id: its name, unique in the dataset; it can stand in a file name.
        dataset: name of the dataset.
        labels: what its label maps may hold; an empty label set allows any codes.
        image_path: a file, or a folder of DICOM files; None where the dataset has masks only.
        series: which series of a DICOM folder the image is, as ``read_volume`` takes it.
        reader_paths: reader -> label map, for the readers of this case.
        reference_path: the single released mask, where there is one.
        truth_path: the true mask of a simulated case.
        annotated_rule: ``all``, ``nonempty`` or ``column``: which slices a reader annotated.
        annotated_slices: indices of the annotated slices under the rule ``column``; None: all.
        subgroups: column of the case table -> value.
        split: ``train``, ``validation``, ``test`` or None.
        patient: who was scanned, or None where unknown.
        not_assessed: labels that nobody could identify in this case.
    """

    id: str
    dataset: str
    labels: LabelSet
    image_path: Path | None = None
    series: str | None = None
    reader_paths: Mapping[str, Path] = field(default_factory=dict, hash=False)
    reference_path: Path | None = None
    truth_path: Path | None = None
    annotated_rule: Literal["all", "nonempty", "column"] = "all"
    annotated_slices: tuple[int, ...] | None = None
    subgroups: Mapping[str, str] = field(default_factory=dict, hash=False)
    split: str | None = None
    patient: str | None = None
    not_assessed: tuple[str, ...] = ()

    @property
    def readers(self) -> tuple[str, ...]:
        """The names of the readers whose label maps this case has."""
        return tuple(self.reader_paths)

    def image(self) -> Volume:
        """Read the image.

        Raises:
            MissingFileError: the dataset has masks only.
            VolumeFileError: the file cannot be read.
        """
        if self.image_path is None:
            msg = f"{self} has no image, only masks; give the dataset an image pattern to predict on it"
            raise MissingFileError(msg)
        try:
            return read_volume(self.image_path, series=_series_of(self.image_path, self.series))
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, image") from error

    def reader(self, name: str) -> Volume:
        """Read a reader's label map, checked against the label set and the grid of the image.

        A dataset without images takes the grid of the case's first reader.

        Raises:
            DatasetError: nobody of that name read this case.
            VolumeFileError, LabelError, GeometryError: the file is no label map of this label set on this grid.
        """
        return self._label_map(self.reader_path(name), f"reader {name!r}")

    def label_maps(self) -> LabelMaps:
        """Read the label maps of all readers, with the slices that each of them annotated; raises as ``reader``."""
        volumes = {name: self.reader(name) for name in self.readers}
        return LabelMaps(volumes, {name: self.annotated(name, volume) for name, volume in volumes.items()})

    def reader_path(self, name: str) -> Path:
        """Give the file of a reader's label map; ``DatasetError`` if nobody of that name read this case."""
        if name not in self.reader_paths:
            msg = f"{self} has no reader {name!r}; its readers: {', '.join(self.readers) or 'none'}"
            raise DatasetError(msg)
        return self.reader_paths[name]

    def reference(self) -> Volume | None:
        """Read the single released mask, or give None where the dataset has single readers instead; as ``reader``."""
        return None if self.reference_path is None else self._label_map(self.reference_path, "reference")

    def truth(self) -> Volume | None:
        """Read the true mask of a simulated case, or give None; raises as ``reader``."""
        return None if self.truth_path is None else self._label_map(self.truth_path, "truth")

    def check(self) -> None:
        """See whether the files can be used: all label maps as they are read, of the image its grid and its size.

        Raises:
            VolumeFileError, LabelError, GeometryError, MissingFileError: a file cannot; the message names the reader.
        """
        if self.image_path is not None:
            try:
                self._grid(self.image_path)
                check_file(self.image_path)
            except (DataError, OSError) as error:
                raise _located(error, f"{self}, image") from error
        for name in self.readers:
            self.reader(name)
        self.reference()

    def annotated(self, reader: str | None = None, label_map: Volume | None = None) -> NDArray[np.bool_] | None:
        """Say which slices a reader annotated, by the dataset's rule.

        Args:
            reader: whose slices; None for those of the reference.
            label_map: that label map, if it has been read already.

        Returns:
            One bool for each z; None: all slices.

        Raises:
            DatasetError: nobody of that name read this case, the case has no reference, or the case table names a
                slice that the label map does not have.
        """
        if self.annotated_rule == "all" or (self.annotated_rule == "column" and self.annotated_slices is None):
            return None
        if label_map is None:
            label_map = self.reference() if reader is None else self.reader(reader)
        if label_map is None:
            msg = f"{self} has no reference; name one of its readers: {', '.join(self.readers)}"
            raise DatasetError(msg)
        if self.annotated_rule == "nonempty":
            return np.asarray(label_map.array.any(axis=(1, 2)), dtype=bool)
        return self._listed_slices(label_map.shape[0])

    def _listed_slices(self, size: int) -> NDArray[np.bool_]:
        listed = np.array(self.annotated_slices, dtype=int)
        if listed.size and listed.max() >= size:
            msg = f"{self}: the case table says that slice {listed.max()} is annotated, but there are only {size}"
            raise DatasetError(msg)
        annotated = np.zeros(size, dtype=bool)
        annotated[listed] = True
        return annotated

    def _label_map(self, path: Path, whose: str) -> Volume:
        first = next(iter(self.reader_paths.values()), path)
        grid, name = (first, "the first reader's mask") if self.image_path is None else (self.image_path, "its image")
        try:
            image = None if grid == path else self._grid(grid)
            return read_label_map(path, labels=self.labels or None, image=image, image_name=f"{name} {grid}")
        except (DataError, OSError) as error:
            raise _located(error, f"{self}, {whose}") from error

    def _grid(self, path: Path) -> Geometry:
        return _geometry(path, self.series, path.stat().st_mtime_ns)

    def __str__(self) -> str:
        return f"case {self.id!r} of {self.dataset!r}"


@lru_cache(maxsize=1024)
def _geometry(path: Path, series: str | None, _changed_ns: int) -> Geometry:
    """Give the grid of a volume; kept, because every reader of a case is checked against the same image."""
    return read_geometry(path, series=_series_of(path, series))


def _series_of(path: Path, series: str | None) -> str | None:
    """Of a dataset whose images are partly files, only the folders hold series."""
    return series if path.is_dir() else None


def _located(error: Exception, where: str) -> Exception:
    """Say for which case and reader a file was read; the error stays of its kind."""
    kinds = (GeometryError, LabelError, VolumeFileError, MissingFileError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), VolumeFileError)
    return kind(f"{where}: {error}")
