"""Files of JSON lines, to which a process that may be killed at any moment appends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ctbench.errors import StoreError

__all__ = ["append_line", "read_lines"]


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Append one object; a line that a killed process left unfinished is closed first.

    Raises:
        StoreError: the file cannot be written.
    """
    line = json.dumps(dict(content), ensure_ascii=False) + "\n"
    try:
        with path.open("a+b") as file:
            if file.tell() and file.seek(-1, 2) and file.read(1) != b"\n":
                line = "\n" + line
            file.write(line.encode())
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}; free some space, or choose a folder that you may write to"
        raise StoreError(msg) from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Give the objects of a file, oldest first; a line that was cut off is left out, a file that is absent is empty."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                content = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict):
                yield content
