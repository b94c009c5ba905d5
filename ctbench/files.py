"""Atomic writes of files, SHA-256 digests, and the cache folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctbench.errors import DataError, StoreError, UsageError

__all__ = [
    "PARTIAL",
    "cache_folder",
    "expect_new",
    "expect_regular",
    "file_stems",
    "read_json_object",
    "sha256",
    "whole_file",
    "write_bytes",
    "write_json",
    "write_text",
]

PARTIAL = ".partial-"
"""Prefix of temporary files; one that remains was left by a killed process."""

_changing_umask = threading.Lock()
"""It can be read by changing it only; two threads at once would leave it changed."""

_MOST_BYTES = 200
"""File systems allow 255; digest and suffix come behind."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def cache_folder() -> Path:
    """Return the cache folder: the value of ``CTBENCH_CACHE``, or ``ctbench`` in the user's cache folder.

    The user's cache folder is ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows, and ``$XDG_CACHE_HOME`` or
    ``~/.cache`` elsewhere. The folder need not exist.
    """
    if named := os.environ.get("CTBENCH_CACHE"):
        return Path(named).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ctbench"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache") / "ctbench"


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path that is renamed to ``path`` when the block ends.

    If the block raises, the temporary file is deleted and ``path`` keeps its former content.

    Args:
        path: The file to write. Its folder is created if needed.

    Yields:
        A path in the same folder with all suffixes of ``path`` (``.nii.gz``), by which writers choose the format.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=f"-{path.name}", dir=path.parent)
    except OSError as error:
        advice = "free some space" if error.errno in _FULL else "choose a folder that you may write to"
        msg = f"cannot write {path}: {error.strerror or error}; {advice}"
        raise StoreError(msg) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp creates private files; give results the usual permissions of the user.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        msg = f"cannot write {path}: {error.strerror}; free some space"
        raise StoreError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically; raises as ``whole_file``."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``path`` as JSON with two spaces of indent, atomically; raises as ``whole_file``."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` atomically; raises as ``whole_file``."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Return the name of a file, without suffix, for each of several names that users chose.

    Args:
        names: Any texts, such as names of models.

    Returns:
        Name -> stem of letters, digits, ``_``, ``.`` and ``-`` (other characters become a hyphen), which neither begins
        nor ends with a dot or hyphen and is at most 200 bytes long. Where two stems would be one file, also on a disk
        that ignores case, each ends in a digest of its name.
    """
    stems = {name: _stem(name) for name in names}
    taken = Counter(stem.casefold() for stem in stems.values())
    return {
        name: stem if taken[stem.casefold()] == 1 else f"{stem}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        for name, stem in stems.items()
    }


def _stem(name: str) -> str:
    plain = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", name))
    return plain.encode()[:_MOST_BYTES].decode(errors="ignore").strip("-.") or "unnamed"


def expect_new(*paths: Path, advice: str = "remove it, or choose another --out") -> None:
    """Check that none of the paths to be written exists.

    Args:
        paths: Files or folders.
        advice: What to do, for the message.

    Raises:
        UsageError: One of them exists.
    """
    existing = next((path for path in paths if path.exists()), None)
    if existing is not None:
        msg = f"{existing} exists; {advice}"
        raise UsageError(msg)


def read_json_object(path: Path, expected: str) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Args:
        path: The file.
        expected: What it should hold, for messages.

    Raises:
        DataError: It is not JSON, or holds something else than an object.
        StoreError: It is a pipe, a device or a folder.
    """
    expect_regular(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not JSON: {error}"
        raise DataError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} holds {type(content).__name__}; expected {expected}"
        raise DataError(msg)
    return content


def expect_regular(path: Path) -> None:
    """Check that a path leads to a file that can be read to its end: reading a named pipe would never return.

    Raises:
        StoreError: It is a folder, a pipe or a device.
    """
    if not path.is_file():
        msg = f"{path} is not a regular file; remove it, or put the file there"
        raise StoreError(msg)


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 digest of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    with _changing_umask:
        mask = os.umask(0)
        os.umask(mask)
    return mask
