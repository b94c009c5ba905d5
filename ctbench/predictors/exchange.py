"""Files that pass an image to a program or container, and its prediction back."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from ctbench.errors import ContractError, DataError, MissingFileError
from ctbench.predictors.answers import MAP_SUFFIX, MAP_SUFFIXES, read_answer
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.layouts import is_label_map
from ctbench.predictors.predictor import Prediction
from ctbench.temporary import remove_tree
from ctbench.volume import Volume, write_volume

__all__ = ["Exchange", "exchange"]

_SHOWN = 3
_MOST_REFUSED_BYTES = 2 * 2**20


class Exchange:
    """Paths of a program's image and prediction.

    Args:
        folder: Folder with the folders ``in`` and ``out``.
        image: Path of the image in the folder ``in``.
    """

    def __init__(self, folder: Path, image: str) -> None:
        self.inputs, self.outputs = folder / "in", folder / "out"
        self.image = self.inputs / image
        self.output = self.outputs / f"prediction{MAP_SUFFIX}"

    def answer(
        self, image: Volume, info: PredictorInfo, place: PurePosixPath | None = None, printed: str = ""
    ) -> Prediction:
        """Read the prediction, with ``NAME_{label}.prob.nii.gz`` beside it if the program wrote any.

        Args:
            image: The image.
            info: The predictor.
            place: Path in the folder ``out`` of the label map, or of a folder that holds one. Default: ``output``.
            printed: What the program printed, which becomes a note of an error.

        Raises:
            ContractError, DataError: As for `read_answer`; also if there is no prediction, or several.
        """
        try:
            return self._read(image, info, place)
        except (ContractError, DataError) as error:
            error.add_note(printed)
            error.refused = _small_files(self.outputs)
            raise

    def _read(self, image: Volume, info: PredictorInfo, place: PurePosixPath | None) -> Prediction:
        try:
            found = self.output if place is None else _label_map(self.outputs, place)
            return read_answer(found, image, info, probabilities=True)
        except MissingFileError as error:
            msg = f"{info.name} ended with exit code 0, but wrote no prediction: {error}"
            raise ContractError(msg) from error


@contextmanager
def exchange(image: Volume, name: str = f"image{MAP_SUFFIX}") -> Iterator[Exchange]:
    """Write ``image`` into a temporary folder for a program; remove the folder afterwards.

    Args:
        image: The image.
        name: Path of its file in the folder of inputs; the suffix is the format.
    """
    folder = Path(mkdtemp(prefix="ctbench-"))
    try:
        files = Exchange(folder, name)
        write_volume(image, files.image)
        files.outputs.mkdir()
        yield files
    finally:
        remove_tree(folder)


def _label_map(folder: Path, answer: PurePosixPath) -> Path:
    """Return the file of a label map; no part of its path may be a link, which could lead to a reader's mask."""
    place = folder
    for part in answer.parts:
        place /= part
        if place.is_symlink():
            msg = f"{place} is a symbolic link; expected a file or folder of the container's own"
            raise ContractError(msg)
    if not place.is_dir():
        return place  # a missing file is reported where it is read
    found = sorted(path for path in place.iterdir() if is_label_map(path))
    if not found:
        msg = f"there is no label map (*{', *'.join(MAP_SUFFIXES)}) in {place}"
        raise MissingFileError(msg)
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:_SHOWN])
        msg = f"{place} holds {len(found)} label maps ({names}); name the one that counts, e.g. by -o out=/FOLDER/NAME"
        raise ContractError(msg)
    return found[0]


def _small_files(folder: Path) -> dict[str, bytes]:
    """Return the content of the files in a folder, by name.

    Links, what cannot be read, and what passes 2 MiB in all are left out.
    """
    found, left = dict[str, bytes](), _MOST_REFUSED_BYTES
    for size, path in sorted(_sized_files(folder)):
        if size <= left and path.name not in found:
            with suppress(OSError):
                found[path.name] = path.read_bytes()
                left -= len(found[path.name])
    return found


def _sized_files(folder: Path) -> list[tuple[int, Path]]:
    found, folders = [], [folder]
    while folders:  # a program may nest them beyond Python's recursion
        with suppress(OSError):  # of a folder that cannot be listed, or whose path is too long
            for path in folders.pop().iterdir():
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode):
                    folders.append(path)
                elif stat.S_ISREG(status.st_mode):
                    found.append((status.st_size, path))
    return found
