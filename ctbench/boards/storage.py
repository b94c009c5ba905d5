"""Folders on this machine or in object stores, through ``fsspec``."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctbench.datasets.patterns import is_safe_name
from ctbench.errors import StoreError, UsageError
from ctbench.files import whole_file

__all__ = ["Place", "expect_digest"]


@dataclass(frozen=True)
class Place:
    """A file or folder of a file system.

    Args:
        path: Path in the file system.
        system: An ``fsspec`` file system.
    """

    path: str
    system: Any

    @classmethod
    def of(cls, url: str | Path) -> Place:
        """Return the folder at a path or a URL (``s3://bucket/board``); it need not exist.

        Raises:
            UsageError: ``fsspec`` does not support the URL, or lacks a package for its protocol.
        """
        try:
            system, path = importlib.import_module("fsspec.core").url_to_fs(str(url))
        except (ImportError, ValueError) as error:
            msg = f"cannot reach {url}: {error}; use a folder, or install the package for its protocol"
            raise UsageError(msg) from error
        system.dircache.use_listings_cache = False  # others write the board meanwhile
        return cls(str(path).rstrip("/"), system)

    @property
    def local(self) -> Path | None:
        """The folder as a path, if it is on this machine."""
        local = importlib.import_module("fsspec.implementations.local").LocalFileSystem
        return Path(self.path) if isinstance(self.system, local) else None

    def __truediv__(self, name: str) -> Place:
        return Place(f"{self.path}/{name}", self.system)

    def __str__(self) -> str:
        return self.path

    def exists(self) -> bool:
        """Whether there is a file or folder."""
        self.system.invalidate_cache(self.path)
        return bool(self.system.exists(self.path))

    def names(self) -> list[str]:
        """Return the names of the folder's entries, sorted; none if the folder does not exist."""
        try:
            self.system.invalidate_cache(self.path)
            found = self.system.ls(self.path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(str(name).rstrip("/").rpartition("/")[2] for name in found)

    def read(self) -> bytes:
        """Return the bytes of a file.

        Raises:
            StoreError: The file cannot be read.
        """
        try:
            return bytes(self.system.cat_file(self.path))
        except OSError as error:
            msg = f"cannot read {self.path}: {error.strerror or error}"
            raise StoreError(msg) from error

    def fetch(self, folder: Path) -> None:
        """Copy the files of this folder, and of the folders in it, to one on this machine."""
        for name in self.names():
            entry = self / name
            if not is_safe_name(name):
                msg = f"{entry} has a name that cannot stand in a path"
                raise StoreError(msg)
            if self.system.isdir(entry.path):
                entry.fetch(folder / name)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(entry.read())

    def write(self, content: bytes) -> None:
        """Write a file atomically (object stores do so by themselves).

        Raises:
            StoreError: The file cannot be written.
        """
        with self.writing() as file:
            file.write(content)

    @contextmanager
    def writing(self) -> Iterator[io.BytesIO]:
        """Yield a buffer that is written to the file when the block ends without an error; raises as ``write``."""
        buffer = io.BytesIO()
        yield buffer
        if self.local is not None:
            with whole_file(self.local) as temporary:
                temporary.write_bytes(buffer.getbuffer())
            return
        try:
            self.system.makedirs(self.path.rpartition("/")[0], exist_ok=True)
            self.system.pipe_file(self.path, buffer.getvalue())
        except OSError as error:
            msg = f"cannot write {self.path}: {error.strerror or error}"
            raise StoreError(msg) from error

    def remove(self) -> None:
        """Remove a file, or a folder with its content, if it exists."""
        if self.exists():
            with suppress(FileNotFoundError):  # somebody else removed it meanwhile
                self.system.rm(self.path, recursive=True)


def expect_digest(text: str) -> None:
    """Refuse what is not the name of a run on a board: it becomes part of a path, and ``..`` is the board itself.

    Raises:
        UsageError: It is not 64 hexadecimal digits.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        msg = f"expected the digest of a run, 64 of the characters 0-9 and a-f, got {text!r}"
        raise UsageError(msg)
