"""Find the files of a folder that could be DICOM, links to folders included, and files that are no image on purpose."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ctbench.errors import VolumeFileError

__all__ = ["START_BYTES", "candidates", "is_certain", "is_other_object"]

START_BYTES = 1024
"""Number of bytes at the start of a file by which it is judged."""

_DICOM_SUFFIXES = {"", ".dcm", ".ima", ".dicom", ".dic"}
_OTHER_SUFFIXES = {
    *(".txt", ".md", ".pdf", ".xml", ".json", ".csv", ".tsv", ".yaml", ".yml", ".html", ".htm", ".log", ".py", ".sh"),
    *(".nii", ".gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".raw", ".zip", ".tar", ".png", ".jpg", ".jpeg", ".gif", ".bmp"),
    *(".exe", ".dll", ".inf", ".ini", ".bat", ".doc", ".docx", ".xls", ".xlsx"),
}
_TEXTS = {"DICOMDIR", "README", "LICENSE", "LICENCE", "VERSION", "CHANGES", "LOCKFILE", "MAKEFILE"}
"""Names without a suffix that are no images."""
_UID_PART = re.compile(r"\.\d+")
"""The last part of a name such as ``1.2.840.113619.2.55`` or ``IM.0001``, which pathlib takes for a suffix."""
_STORED_CLASS = re.compile(rb"\x02\x00\x02\x00UI..([0-9.]+)", re.DOTALL)
_OTHER_CLASS = re.compile(
    r"1\.2\.840\.10008\.(1\.3\.10|5\.1\.4\.1\.1\.(8|9|10|11|34|66|67|68|78|79|80|81|82|88|104|131|481\.[3-9]|481\.1\d))(\.|$)"
)
"""Classes of objects without an image: DICOMDIR, reports, waveforms, presentation states, registrations, contours."""


def candidates(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders that could be DICOM, sorted by path; links are followed.

    Hidden files, and files of other known suffixes, are passed over.

    Raises:
        VolumeFileError: A link leads nowhere, or a file is empty, and its name could be that of a slice.
    """
    for path in sorted(_files(folder)):
        if path.name.startswith(".") or path.suffix.lower() in _OTHER_SUFFIXES or path.name.upper() in _TEXTS:
            continue
        if not path.exists():
            msg = f"{path} is a broken link to {path.readlink()}; fetch the file that it names, or remove the link"
            raise VolumeFileError(msg)
        if not path.is_file():
            continue
        if path.stat().st_size == 0 and is_certain(path):
            msg = f"{path} is empty (0 bytes); copy or export it again"
            raise VolumeFileError(msg)
        yield path


def is_certain(path: Path) -> bool:
    """Return whether the name of a file is one of DICOM: .dcm, .ima, no suffix, or a UID."""
    suffix = path.suffix.lower()
    return suffix in _DICOM_SUFFIXES or _UID_PART.fullmatch(suffix) is not None


def is_other_object(start: bytes) -> bool:
    """Return whether a file is a DICOM object without an image, such as a report, by its first bytes."""
    found = _STORED_CLASS.search(start[:START_BYTES])
    return found is not None and _OTHER_CLASS.match(found[1].decode("ascii")) is not None


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, those in linked folders too, each folder once: links may form a circle."""
    seen: set[str] = set()
    for here, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        # A broken link to a folder is listed among the files.
        yield from (Path(here) / name for name in files)
