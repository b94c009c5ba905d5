"""Scoring rules of a run: the differences between two runs, and a digest that comparable runs share."""

from __future__ import annotations

import hashlib
import json

from ctbench.runs.manifest import Manifest
from ctbench.runs.roles import Role

__all__ = ["differing_rules", "rules_digest"]

_RULES = Manifest.fields_with(Role.RULE, Role.PORTION)


def differing_rules(first: Manifest, other: Manifest) -> list[str]:
    """Return why two runs on one dataset cannot be compared, as phrases; empty if they are comparable.

    For runs too old to have a digest of their references, equal references are assumed.
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
    """Return a digest that is equal for two runs that were scored on the same references by the same rules.

    Definitions of metrics do not count: runs of different metrics may share a board.
    """
    rules = manifest.model_dump(mode="json", include={*_RULES, *Manifest.fields_with(Role.DATASET, Role.REFERENCES)})
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
