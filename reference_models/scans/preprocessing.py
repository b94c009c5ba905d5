"""Cache of preprocessing that several models share, in the cache folder, by the digest of the image."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import StoreError
from ctbench.files import cache_folder, whole_file
from ctbench.volume import Volume

__all__ = ["remembered", "volumes_digest"]

_log = logging.getLogger("reference_models")


def remembered(what: str, version: int, images: tuple[Volume, ...], make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return an array computed from some images, from the cache if it is there, otherwise computed and cached.

    A cache folder that cannot be written is ignored. An entry is a line with a digest and then an ``.npz`` archive; one
    that cannot be read, or that does not match its digest, is computed again.

    Args:
        what: Name of the step, a folder of the cache.
        version: Version of the step; entries of other versions are not used.
        images: All images that the result depends on.
        make: Function that computes the result; bool arrays are stored in one bit per voxel.
    """
    folder = cache_folder() / "preprocessing" / f"{what}-{version}"
    path = folder / f"{volumes_digest(images)}.array"
    if (archive := _read(path)) is not None:
        with np.load(io.BytesIO(archive), allow_pickle=False) as kept:
            return _unpacked(kept)
    result = make()
    written = io.BytesIO()
    np.savez_compressed(written, allow_pickle=False, **_packed(result))
    content = written.getvalue()
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    except StoreError as error:
        _log.debug("%s was not kept: %s", what, error)
    return result


def _read(path: Path) -> bytes | None:
    """Return the archive of an entry; None if there is none, or if it was damaged."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None


def volumes_digest(images: tuple[Volume, ...]) -> str:
    """Return a digest of the voxels and geometries of some images."""
    digest = hashlib.blake2b(digest_size=20)
    for image in images:
        geometry = (image.array.dtype.str, image.shape, image.spacing_mm, image.origin_mm, image.direction.tolist())
        digest.update(repr(geometry).encode())
        digest.update(np.ascontiguousarray(image.array).view(np.uint8).data)
    return digest.hexdigest()


def _packed(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    if array.dtype == np.bool_:
        return {"bits": np.packbits(array), "shape": np.array(array.shape)}
    return {"array": array}


def _unpacked(kept: Any) -> NDArray[Any]:
    if "array" in kept:
        whole: NDArray[Any] = kept["array"]
        return whole
    shape = tuple(kept["shape"])
    return np.unpackbits(kept["bits"], count=int(np.prod(shape))).astype(bool).reshape(shape)
