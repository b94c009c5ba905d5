"""Manifests of earlier versions, brought up to this one step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["UPGRADES", "upgraded"]


def _from_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2 knows the predictor's code, where a run was made, and digests of its results; 1 did not."""
    card = content.get("predictor")
    unknown: dict[str, Any] = {"git": None, "device": "unknown", "seeds": {}, "shard": ""}
    digests = dict.fromkeys(("consensus_digest", "scores_digest", "predictions_digest"), "")
    return {
        **unknown,
        **digests,
        **content,
        "predictor": {"code_digest": "", **card} if isinstance(card, Mapping) else card,
        "schema_version": 2,
    }


UPGRADES: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _from_1}
"""Schema version -> what makes a manifest of the next version of one of this."""


def upgraded(content: Mapping[str, Any], wanted: int) -> dict[str, Any]:
    """Bring the content of a ``run.json`` to a schema version, as far as there are steps that lead there."""
    content = dict(content)
    while content["schema_version"] != wanted and content["schema_version"] in UPGRADES:
        content = UPGRADES[content["schema_version"]](content)
    return content
