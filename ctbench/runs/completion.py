"""The end of a run: parts become one table, the manifest is written, and what has no more use goes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ctbench.files import PARTIAL, sha256, write_text
from ctbench.runs.digests import predictions_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.manifest import Manifest
from ctbench.runs.parts import join_parts

__all__ = ["commit", "is_intact", "sweep", "tidy"]


def commit(begun: Manifest, parts: Iterable[Path], paths: RunFolder) -> Manifest:
    """Write the scores and then the manifest: from there on the run is whole.

    Args:
        begun: the manifest without results.
        parts: in the order of their cases.
        paths: of the run.

    Returns:
        the manifest with results.
    """
    joined = join_parts(parts, paths.scores)
    results = {
        "counts": joined.counts,
        "consensus_digest": joined.consensus_digest,
        "scores_digest": sha256(paths.scores),
        "predictions_digest": predictions_digest(paths.predictions),
    }
    manifest = begun.model_copy(update=results)
    write_text(paths.manifest, manifest.to_json())
    tidy(paths, manifest)
    return manifest


def is_intact(manifest: Manifest, paths: RunFolder) -> bool:
    """Say whether the scores and predictions of a whole run are those that its manifest was written for.

    A shard must also have its parts still.
    """
    parts = paths.all_parts(len(manifest.cases)) if manifest.shard else []
    return (
        all(part.is_file() for part in parts)
        and paths.scores.is_file()
        and sha256(paths.scores) == manifest.scores_digest
        and predictions_digest(paths.predictions) == manifest.predictions_digest
    )


def sweep(paths: RunFolder) -> None:
    """Remove the unfinished files of a process that was killed."""
    for folder in (paths.path, paths.parts, paths.predictions):
        for left in folder.glob(f"{PARTIAL}*"):
            left.unlink(missing_ok=True)


def tidy(paths: RunFolder, manifest: Manifest) -> None:
    """Remove what a whole run has no use for; the manifest of the partial run goes last, and says that this is done."""
    sweep(paths)
    if not manifest.shard:  # merging needs a shard's parts
        shutil.rmtree(paths.parts, ignore_errors=True)
    paths.costs.unlink(missing_ok=True)
    paths.partial.unlink(missing_ok=True)
