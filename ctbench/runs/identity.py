"""Who a predictor is: what must be equal for its kept predictions to stand for new ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ctbench.files import sha256
from ctbench.predictors import installed_predictors, own_files
from ctbench.runs.digests import key
from ctbench.runs.manifest import EXECUTION_OPTIONS, UsedPredictor

__all__ = ["code_digest", "prediction_identity"]


def code_digest(spec: str, here: Path, mounts: Iterable[Path] = ()) -> str:
    """Give a digest of the files that a predictor is made of, so that a change is seen where ``version`` stayed.

    They are those that a sandbox would show it besides the system's: its package, or its module and what lies beside
    that, or the program and the files that a command names; and ``mounts``. What it uses of other installed packages is
    not covered.

    Args:
        spec: what the user typed.
        here: the working folder.
        mounts: what else it may read.

    Returns:
        SHA-256; empty where there are no such files: a folder of predictions, a container.
    """
    if spec.startswith(("folder:", "container:")):
        return ""
    owned = [*own_files(spec, here), *mounts]
    lines = sorted({f"{name}\t{sha256(path)}" for place in owned for name, path in _files(place)})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def prediction_identity(card: UsedPredictor) -> str:
    """Give the part of the key of cached predictions that is the predictor's; empty: do not cache.

    A predictor whose files cannot be digested (a container, an object made in Python) is never cached: nothing would
    tell when it changes. Where it runs (``device``) does not count.
    """
    if not card.code_digest:
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
    )


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    """Name the files of a place relative to it; what Python compiles of them does not count."""
    if place.is_file():
        yield place.name, place
    elif place.is_dir():
        for path in place.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{place.name}/{path.relative_to(place)}", path
