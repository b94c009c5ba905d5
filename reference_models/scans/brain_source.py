"""Where the masks of brains come from: the package's extraction, a program, a file, or the masks of a dataset."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case, Dataset, load_dataset
from ctbench.datasets.case import read_brain
from ctbench.errors import DataError, DatasetError, MissingFileError, UsageError
from ctbench.files import sha256
from ctbench.predictors import CommandPredictor
from ctbench.volume import Volume
from reference_models.scans.brain import BrainFinder, brain_mask
from reference_models.scans.preprocessing import volumes_digest

__all__ = ["BrainSource", "brain_source"]

_log = logging.getLogger("reference_models")

_COMMAND = "command:"
_MASKS = "masks "
_YAML = (".yaml", ".yml")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BrainSource:
    """How the brains of images are found.

    Args:
        find: The function that finds them. It raises ``DataError`` where a mask that was named is not on the grid of
            the image, or none is of this image.
        text: What cards and weights files say of it; empty: the package's own extraction.
    """

    find: BrainFinder = brain_mask
    text: str = ""

    def warn_if_learnt_otherwise(self, learnt: str) -> None:
        """Log a warning if weights learnt on brains that were found in another way.

        Args:
            learnt: The text of their source. Of two sets of masks nobody knows how they were made.
        """
        if self.text != learnt and not (self.text.startswith(_MASKS) and learnt.startswith(_MASKS)):
            here, there = (text or "the package's own extraction" for text in (self.text, learnt))
            _log.warning("these weights learnt on brains found by %s; here they are found by %s", there, here)


def brain_source(brain: str | None) -> BrainSource:
    """Return how brains are found.

    Args:
        brain: None: by ``brain_mask``. The path of a mask, 0 outside and any other value inside, for images on its
            grid. The name of a dataset, or its YAML file: by the masks that its entry names (``brain:``); an image is
            known by its voxels, so this serves its cases in training and in prediction. ``command:`` and a command line
            with ``{image}`` and ``{output}``: by a program, as for the predictor ``command:``, which writes a mask of 0
            and 1. Its masks are not cached, since the program may change; it runs as the user, so that this text must
            never come from a file of somebody else.

    Raises:
        UsageError: There is no such dataset, or it names no masks of the brain; a command is not whole.
        MissingFileError, VolumeFileError: The file of the mask is not there, or cannot be read.
        DataError: No voxel of the mask is inside.
    """
    if brain is None:
        return BrainSource()
    if brain.startswith(_COMMAND):
        program = CommandPredictor(brain.removeprefix(_COMMAND), labels={"brain": 1})
        return BrainSource(lambda image: program.predict(image).labels == 1, brain)
    path = Path(brain)
    if not brain.partition("#")[0].lower().endswith(_YAML) and (path.exists() or path.suffix or len(path.parts) > 1):
        read_brain(path)  # what is wrong with it is told before any image is read
        text = f"{_MASKS}{path.name}, sha256 {_digest([path])}"
        return BrainSource(lambda image: read_brain(path, image.geometry, "the image"), text)
    try:
        dataset = load_dataset(brain)
    except (DatasetError, MissingFileError) as error:
        msg = f"brain={brain}: {error}; it may also be the file of a mask, or 'command:PROGRAM {{image}} {{output}}'"
        raise UsageError(msg) from error
    masks = _MasksOfDataset(dataset)
    return BrainSource(masks, f"{_MASKS}of {dataset.name}, sha256 {_digest(masks.paths)}")


class _MasksOfDataset:
    """The masks of the cases of a dataset, which are known by the digests of their images.

    Images are read, one after the other, until the wanted one is found: each once, and none before it is needed.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset.name
        self._cases = [case for case in dataset if case.image_path is not None and case.brain_path is not None]
        if not self._cases:
            msg = (
                f"the dataset {dataset.name} names no masks of the brain; expected a pattern in its entry, such as "
                "brain: brain/{case}.nii.gz"
            )
            raise UsageError(msg)
        self._known: dict[str, Case] = {}
        self._read = 0

    @property
    def paths(self) -> list[Path]:
        """The files of the masks."""
        return [case.brain_path for case in self._cases if case.brain_path is not None]

    def __call__(self, image: Volume) -> Mask:
        mask = self._case_of(image).brain()
        assert mask is not None, "cases without a mask are left out"
        return mask

    def _case_of(self, image: Volume) -> Case:
        wanted = volumes_digest((image,))
        while wanted not in self._known:
            if self._read == len(self._cases):
                msg = (
                    f"the image is none of the {len(self._cases)} of {self._dataset} that have a mask of the brain; "
                    "name the dataset that it belongs to, or leave brain= out"
                )
                raise DataError(msg)
            case = self._cases[self._read]
            self._read += 1
            try:
                self._known.setdefault(volumes_digest((case.image(),)), case)
            except (DataError, OSError):  # it is told where that case itself is predicted
                continue
        return self._known[wanted]


def _digest(paths: Iterable[Path]) -> str:
    """Return a digest of the content of files, and of those in folders."""
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if file.is_file()]
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()[:12]
