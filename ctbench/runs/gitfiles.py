"""The commit of a working folder, read from git's own files.

git itself is not run: the folder may be a stranger's, and git runs the programs that a repository's ``.git/config``
names (``core.fsmonitor``, filters, hooks). Formats: gitformat-index(5), gitrepository-layout(5).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["head_commit", "is_changed", "repository"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SMALL = 2**12
_LARGE = 2**28
_LINKS = 5
_REGULAR, _LINK, _SUBMODULE = 0o100000, 0o120000, 0o160000
_ASSUME_VALID, _EXTENDED, _SKIP_WORKTREE = 0x8000, 0x4000, 0x4000


class _Entry(NamedTuple):
    """A file as git last saw it: seconds, nanoseconds, mode, bytes, digest of its content, and path."""

    seconds: int
    nanoseconds: int
    mode: int
    size: int
    digest: bytes
    path: bytes


class Repository(NamedTuple):
    """The folder of the working files, git's folder of this working tree, and the one that working trees share."""

    top: Path
    own: Path
    common: Path


def repository(folder: Path) -> Repository | None:
    """Return the repository that ``folder`` is in; None if there is none."""
    for top in (folder, *folder.parents):
        own = top / ".git"
        if own.is_file():  # a linked working tree, or a submodule
            place = _text(own).removeprefix("gitdir:").strip()
            own = top / place
        if (own / "HEAD").is_file():
            return Repository(top, own, own / (_text(own / "commondir").strip() or "."))
    return None


def head_commit(repo: Repository) -> str:
    """Return the hash of the commit that is checked out; empty if there is none yet or git's files cannot be read."""
    content = _text(repo.own / "HEAD").strip()
    for _ in range(_LINKS):
        name = content.removeprefix("ref:").strip()
        if name == content:
            break
        if not name.startswith("refs/") or ".." in Path(name).parts:
            return ""
        content = _text(repo.own / name).strip() or _text(repo.common / name).strip() or _packed(repo, name)
    return content if _COMMIT.fullmatch(content) else ""


def is_changed(repo: Repository, commit: str) -> bool:
    """Return whether files that git tracks may differ from the commit; untracked files do not count.

    Files are compared with git's index, by time and size, then by content. An index that holds staged changes, or that
    cannot be read, counts as changed. Content is compared as it lies on disk, without filters.
    """
    index = _read(repo.own / "index", _LARGE)
    try:
        entries, is_committed = _index(index, len(commit) // 2)
        return not is_committed or any(_differs(repo.top, entry) for entry in entries)
    except (ValueError, struct.error, IndexError):
        return True


def _packed(repo: Repository, name: str) -> str:
    lines = _read(repo.common / "packed-refs", _LARGE).decode(errors="replace").splitlines()
    return next((line.partition(" ")[0] for line in lines if line.partition(" ")[2] == name), "")


def _index(content: bytes, digest_bytes: int) -> tuple[list[_Entry], bool]:
    """Return the files of an index, and whether nothing was staged since its trees were written."""
    signature, version, count = struct.unpack_from(">4sII", content)
    if signature != b"DIRC" or version not in {2, 3}:
        msg = "an index of another version"
        raise ValueError(msg)
    entries, place = [], 12
    for _ in range(count):
        start, numbers = place, struct.unpack_from(">10I", content, place)
        place += 40
        digest = content[place : place + digest_bytes]
        (flags,) = struct.unpack_from(">H", content, place + digest_bytes)
        place += digest_bytes + 2
        more = 0
        if flags & _EXTENDED:
            (more,) = struct.unpack_from(">H", content, place)
            place += 2
        end = content.index(b"\0", place)
        if not flags & _ASSUME_VALID and not more & _SKIP_WORKTREE:
            entries.append(_Entry(numbers[2], numbers[3], numbers[6], numbers[9], digest, content[place:end]))
        place = start + (end - start + 8) // 8 * 8  # one to eight zeros up to a multiple of eight
    extensions = dict(_extensions(content, place, digest_bytes))
    # The entry of the root: no name, then the number of files that the written tree holds, -1 after a change.
    tree = extensions.get(b"TREE", b"\0-1")
    return entries, b"link" not in extensions and tree[:1] == b"\0" and tree[1:2] != b"-"


def _extensions(content: bytes, place: int, digest_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    while place + 8 <= len(content) - digest_bytes:
        name, size = struct.unpack_from(">4sI", content, place)
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size


def _differs(top: Path, entry: _Entry) -> bool:
    name = os.fsdecode(entry.path)
    kind = entry.mode & 0o170000
    if kind == _SUBMODULE:
        return False
    path = top / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return True
    try:
        found = path.lstat()
        if stat.S_IFMT(found.st_mode) != kind or (entry.size and found.st_size & 0xFFFFFFFF != entry.size):
            return True
        # git writes a size of 0 where the time proves nothing, because file and index were written together.
        if entry.size and divmod(found.st_mtime_ns, 10**9) == (entry.seconds, entry.nanoseconds):
            return False
        content = os.fsencode(path.readlink()) if kind == _LINK else _read(path, found.st_size)
    except OSError:
        return True
    algorithm = hashlib.sha1 if len(entry.digest) == 20 else hashlib.sha256  # as git names content; not for security
    return algorithm(b"blob %d\0" % len(content) + content).digest() != entry.digest


def _text(path: Path) -> str:
    return _read(path, _SMALL).decode(errors="replace")


def _read(path: Path, limit: int) -> bytes:
    """Read a file; empty if it is not a regular one (a pipe would block), is larger than ``limit`` or is not there."""
    with contextlib.suppress(OSError, ValueError):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode) and found.st_size <= limit:
                return file.read(limit)
    return b""
