"""Files of an unfinished run that end with the SHA-256 of their content, so that damage is found when they are read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ctbench.errors import StoreError
from ctbench.files import write_bytes

__all__ = ["read_sealed", "write_sealed"]

_DIGEST_BYTES = hashlib.sha256().digest_size


def write_sealed(content: bytes, path: Path) -> None:
    """Write a file atomically, followed by the SHA-256 of its bytes: Parquet has no checksum of its metadata.

    Raises:
        StoreError: The file cannot be written.
    """
    write_bytes(path, content + hashlib.sha256(content).digest())


def read_sealed(path: Path) -> bytes:
    """Return the content of a file that `write_sealed` wrote.

    Raises:
        StoreError: The file cannot be read, or was damaged since it was written.
    """
    try:
        content = path.read_bytes()
        content, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            msg = "it was damaged"
            raise ValueError(msg)
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}; repeat the same `ctbench run` command to make it again"
        raise StoreError(msg) from error
    return content
