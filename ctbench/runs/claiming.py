"""A folder for one run and one process: claimed, checked, given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ctbench.errors import StoreError, UsageError
from ctbench.files import PARTIAL
from ctbench.runs.exclusive import exclusive
from ctbench.runs.folder import RunFolder
from ctbench.runs.manifest import Manifest

__all__ = ["claimed", "expect_same", "expect_vacant"]


@contextmanager
def claimed(paths: RunFolder) -> Iterator[None]:
    """Make the folder and be alone in it; folders that were made for a run that never began go again.

    Raises:
        UsageError: another process is at work in it.
        StoreError: it cannot be written.
    """
    made = [folder for folder in (paths.path, *paths.path.parents) if not folder.exists()]
    try:
        paths.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot write the run folder {paths.path}: {error.strerror}; choose a folder that you may write to"
        raise StoreError(msg) from error
    try:
        with exclusive(paths.lock):
            yield
    except BaseException:
        if not any(paths.path.iterdir()):
            for folder in made:
                with suppress(OSError):  # somebody else put something into it meanwhile
                    folder.rmdir()
        raise


def expect_same(wanted: Manifest, found: Manifest, paths: RunFolder) -> None:
    """Raise ``UsageError`` if the run that is in a folder is to do anything else than the one that is wanted."""
    differing = wanted.differences(found)
    if differing:
        msg = (
            f"{paths.path} holds another run (it differs in {', '.join(differing)}); "
            "give another folder, or remove this one"
        )
        raise UsageError(msg)


def expect_vacant(paths: RunFolder) -> None:
    """Raise ``UsageError`` if there is anything in a folder but what a run that never began would leave."""
    if any(
        path not in (paths.lock, paths.files) and not path.name.startswith(PARTIAL) for path in paths.path.iterdir()
    ):
        msg = f"{paths.path} has files in it but is no run; give an empty or a new folder"
        raise UsageError(msg)
