"""DICOM files that hold segments (SEG and RTSTRUCT): find them in a folder, and open them with pydicom."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctbench.errors import CtbenchError, MissingFileError, VolumeFileError
from ctbench.extras import import_extra
from ctbench.volume.dicom.candidates import candidates
from ctbench.volume.dicom.kinds import expect_not_deflated, kind_of

__all__ = ["code_of", "opened", "segment_file"]


def segment_file(path: Path) -> Path | None:
    """Return the DICOM file with segments that a path means: itself, or the only one in a folder; else None.

    Raises:
        VolumeFileError: A folder has several of them, or a broken link.
    """
    if not path.is_dir():
        return path if kind_of(path) else None
    found = [file for file in candidates(path) if kind_of(file)]
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:5])
        msg = f"{path} has {len(found)} DICOM files with segments, expected one: {names}; name one of them"
        raise VolumeFileError(msg)
    return found[0] if found else None


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield the data set of a DICOM file; whatever fails inside the block becomes ``VolumeFileError`` with the path.

    Raises:
        UsageError: pydicom is not installed.
        VolumeFileError: The file is damaged.
    """
    pydicom = import_extra("pydicom", f"reading {kind_of(path) or 'DICOM'} files")
    try:
        expect_not_deflated(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of values that are odd, but can be read
            yield pydicom.dcmread(path)
    except FileNotFoundError as error:
        msg = f"there is no file {path}; check the path"
        raise MissingFileError(msg) from error
    except CtbenchError:
        raise
    except Exception as error:  # a damaged file raises errors of many classes
        msg = f"{path} cannot be read as {kind_of(path) or 'DICOM'}: {_reason(error)}; export it again"
        raise VolumeFileError(msg) from error


def code_of(item: Any, keyword: str) -> tuple[str, str, str] | None:
    """Return scheme, value and meaning of the first code of a code sequence of a data set, or None."""
    for code in getattr(item, keyword, None) or ():
        parts = ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")
        scheme, value, meaning = (str(getattr(code, part, "")) for part in parts)
        return scheme, value, meaning
    return None


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
