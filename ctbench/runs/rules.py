"""The rules that a run was scored by: two runs may stand beside one another only if these are the same."""

from __future__ import annotations

import hashlib
import json

from ctbench.runs.manifest import Manifest

__all__ = ["differing_rules", "rules_digest"]

_RULES = ("dataset_fingerprint", "split", "cases", "labels", "groups", "consensus", "surface", "tolerance_mm", "shard")


def differing_rules(first: Manifest, other: Manifest) -> list[str]:
    """Name what keeps two runs on one dataset from being compared; empty where nothing does.

    A run that is too old to know the digest of its references is taken at its word.
    """
    differing = [name for name in _RULES if getattr(first, name) != getattr(other, name)]
    differing += [
        f"the definition of {name}"
        for name, version in first.metrics.items()
        if other.metrics.get(name, version) != version
    ]
    if len({first.consensus_digest, other.consensus_digest} - {""}) > 1:
        differing.append("the voxels of their references")
    return differing


def rules_digest(manifest: Manifest) -> str:
    """Give a digest that two runs share where they were scored on the same references by the same rules.

    Definitions of metrics do not count: runs of different metrics may share a board.
    """
    rules = manifest.model_dump(mode="json", include={"dataset", "consensus_digest", *_RULES})
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
