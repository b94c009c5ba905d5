"""SHA-256 digests of images, references, predictions and code, and the keys of cached predictions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.files import PARTIAL, expect_regular, sha256
from ctbench.predictors import installed_predictors, own_files, package_lists
from ctbench.reference import GroupReference, Reference
from ctbench.runs.manifest import EXECUTION_OPTIONS, UsedPredictor
from ctbench.volume import Volume

__all__ = [
    "array_digest",
    "beside_digest",
    "code_digest",
    "code_files",
    "key",
    "prediction_identity",
    "predictions_digest",
    "predictions_digest_of",
    "readable_files",
    "reference_digest",
    "short_digest",
    "volume_digest",
]


_MOST_BESIDE = 10_000
_RUN_MARKS = ("run.json", "run.partial.json")


def key(**parts: Any) -> str:
    """Return the SHA-256 of named values that JSON can hold, whatever their order."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def short_digest(text: str) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a text: enough to tell two values apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def array_digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's dtype, shape and voxels in C order."""
    found = hashlib.sha256(f"{array.dtype.newbyteorder('<').str}{array.shape}".encode())
    found.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).ravel().data)
    return found.hexdigest()


def volume_digest(volume: Volume) -> str:
    """Return the digest of what a predictor sees of an image: its voxels, its geometry and how a file stores it."""
    geometry = [volume.spacing_mm, volume.origin_mm, np.asarray(volume.direction).tolist()]
    # Left out where it is the usual one, so that what was cached before stays known.
    stored = {} if volume.stored_axes == (0, 1, 2) else {"stored_axes": volume.stored_axes}
    return key(voxels=array_digest(volume.array), geometry=geometry, **stored)


def reference_digest(reference: Reference) -> str:
    """Return the digest of everything in a reference that can change a score."""
    possible, groups = reference.possible, reference.groups
    fused = {"groups": {name: _group_digest(groups[name]) for name in sorted(groups)}} if groups else {}
    return key(
        **fused,
        labels=_codes_digest(reference.labels),
        excluded=_bits_digest(reference.excluded),
        annotated=np.asarray(reference.annotated).astype(int).tolist(),
        possible=None if possible is None else {str(code): _bits_digest(possible[code]) for code in sorted(possible)},
    )


def predictions_digest(folder: Path) -> str:
    """Return the SHA-256 of one line ``name<TAB>SHA-256`` for each file of a folder of predictions, sorted by name.

    Raises:
        StoreError: The folder holds something else than files.
    """
    files = [path for path in folder.glob("*") if not path.name.startswith(PARTIAL)]
    for path in files:
        expect_regular(path)
    return predictions_digest_of({path.name: sha256(path) for path in files})


def predictions_digest_of(files: Mapping[str, str]) -> str:
    """Return the same from the SHA-256 of each file by its name."""
    lines = sorted(f"{name}\t{digest}" for name, digest in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _group_digest(group: GroupReference) -> str:
    """Digest where the group is, or may be: contested voxels in which it is not change no score."""
    held = group.drawn | group.excluded
    parts = {"drawn": group.drawn[held].astype(np.uint8)}
    parts |= {axis: index[held].astype(np.int64) for axis, index in zip("zyx", group.at, strict=True)}
    return key(**{name: array_digest(array) for name, array in parts.items()})


def _codes_digest(labels: NDArray[np.integer]) -> str:
    """Digest codes independently of their integer type."""
    return array_digest(labels.astype(np.min_scalar_type(int(labels.max(initial=0))), copy=False))


def _bits_digest(mask: NDArray[np.bool_]) -> str:
    return key(shape=mask.shape, bits=array_digest(np.packbits(mask)))


def code_digest(spec: str, here: Path, mounts: Iterable[Path] = ()) -> str:
    """Return a digest of a predictor's own files, which shows a change although ``version`` stayed the same.

    They are its package, or its module and the files beside it, or the program and the files that a command names;
    and ``mounts``. Of the Python environment of a command the lists of installed packages count. Other installed
    packages that a package or module uses are not covered.

    Args:
        spec: What the user typed.
        here: The working folder.
        mounts: Other files and folders that it may read.

    Returns:
        SHA-256; empty for a predictor without such files: a folder of predictions, a container.
    """
    lines = sorted({f"{name}\t{sha256(path)}" for name, path in code_files(spec, here, mounts)})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def code_files(spec: str, here: Path, mounts: Iterable[Path] = ()) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file that `code_digest` digests; the arguments are the same."""
    if spec.startswith(("folder:", "container:")):
        return
    for place in (*own_files(spec, here, environment=False), *mounts):
        yield from _files(place)
    yield from package_lists(spec, here).items()


def readable_files(spec: str, here: Path, mounts: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield each file that a sandbox shows a predictor besides the system's; the arguments are as for `code_digest`."""
    yield from (path for place in (*own_files(spec, here), *mounts) for _, path in _files(place))


def beside_digest(folder: Path) -> str | None:
    """Return a digest of all that lies in a working folder, which a predictor without a sandbox may read.

    Names, sizes and times count, not contents. Hidden files and the folders of runs are left out.

    Returns:
        SHA-256; None if there are too many files to look at.
    """
    lines, folders = [], [folder]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                folders += [] if any((path / name).exists() for name in _RUN_MARKS) else [path]
            else:
                found = path.stat() if path.exists() else path.lstat()
                lines.append(f"{path.relative_to(folder)}\t{found.st_size}\t{found.st_mtime_ns}")
        if len(lines) > _MOST_BESIDE:
            return None
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def prediction_identity(card: UsedPredictor, beside: Path | None = None) -> str:
    """Return the predictor's part of the key of cached predictions; empty: do not cache.

    Predictions of a predictor whose files cannot be digested (a container, an object made in Python) are never cached:
    a change of it could not be noticed. The ``device`` is not part of the key.

    Args:
        card: The predictor's card.
        beside: Its working folder, if all files of it may be read; None (default): it reads those of the card only.
    """
    if not card.code_digest:
        return ""
    around = {} if beside is None else {"beside": beside_digest(beside)}
    if None in around.values():
        return ""
    info, entry = card.info, installed_predictors().get(card.spec)
    return key(
        target=entry.value if entry else card.spec,
        name=info.name,
        version=info.version,
        weights=info.weights_digest,
        code=card.code_digest,
        parameters=info.parameters,
        options={name: value for name, value in card.options.items() if name not in EXECUTION_OPTIONS},
        labels=dict(info.labels.codes),
        # Left out where there is none, so that what was cached before stays known.
        **({"trusted": True} if card.trusted else {}),
        **({"environment": card.environment} if card.environment else {}),
        **around,
    )


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    """Return the names of the files in a folder relative to it, without Python's compiled ones."""
    if place.is_file():
        yield place.name, place
    elif place.is_dir():
        for path in place.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{place.name}/{path.relative_to(place)}", path
