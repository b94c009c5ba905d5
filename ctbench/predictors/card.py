"""A predictor's card as plain JSON: in ``labels.json``, and between processes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors.predictor import PredictorInfo

__all__ = ["card_of", "info_of", "read_card"]

_TEXTS = ("version", "description", "paper", "licence", "weights_digest")
_FIELDS = ("labels", "groups", "name", *_TEXTS, "training_datasets", "parameters")


def read_card(path: Path) -> dict[str, Any]:
    """Read ``labels.json``: ``{"iph": 1, "ivh": 2}``, or a card with more than that (see ``info_of``).

    Raises:
        PluginNotFoundError: there is no such file.
        UsageError: it is not JSON of this form.
    """
    if not path.is_file():
        msg = f'{path.parent} has no {path.name}; write one with the names of the codes, e.g. {{"hemorrhage": 1}}'
        raise PluginNotFoundError(msg)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f'{path} is not a label set: expected {{"name": code, ...}} or {{"labels": {{...}}, ...}}; {error}'
        raise UsageError(msg) from error
    return whole_card(content, str(path))


def whole_card(content: object, where: str) -> dict[str, Any]:
    """Give the card that ``content`` is, or is the label set of.

    Raises:
        UsageError: it is neither, or has keys that no card has; the message calls it ``where``.
    """
    if not isinstance(content, Mapping) or not content:
        msg = f'{where} is not a label set: expected {{"name": code, ...}} or {{"labels": {{...}}, ...}}'
        raise UsageError(msg)
    card = dict(content) if isinstance(content.get("labels"), Mapping) else {"labels": dict(content)}
    unknown = set(card) - set(_FIELDS)
    if unknown:
        msg = f"{where} has unknown keys {sorted(unknown)}; known: {', '.join(_FIELDS)}"
        raise UsageError(msg)
    return card


def info_of(card: Mapping[str, Any], where: str, **defaults: Any) -> PredictorInfo:
    """Make a predictor's info of its card.

    Args:
        card: ``labels``, and any of ``groups``, ``name``, ``version``, ``description``, ``paper``, ``licence``,
            ``weights_digest``, ``training_datasets``, ``parameters``.
        where: what to call it in a message.
        defaults: fields that the card may leave out.

    Raises:
        UsageError: a value is not of its kind.
    """
    filled = {"version": "1", **defaults, **card}
    try:
        groups = {str(name): tuple(members) for name, members in filled.get("groups", {}).items()}
        return PredictorInfo(
            name=str(filled["name"]),
            labels=LabelSet(filled["labels"], groups),
            training_datasets=tuple(map(str, filled.get("training_datasets", ()))),
            parameters=dict(filled.get("parameters", {})),
            **{name: str(filled[name]) for name in _TEXTS if name in filled},
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        msg = f'{where} is not a label set: expected {{"name": code, ...}} or {{"labels": {{...}}, ...}}; {error}'
        raise UsageError(msg) from error


def card_of(info: PredictorInfo) -> dict[str, Any]:
    """Give the card of which ``info_of`` makes ``info``; JSON can hold it."""
    return {
        "labels": dict(info.labels.codes),
        "groups": {name: list(members) for name, members in info.labels.groups.items()},
        "training_datasets": list(info.training_datasets),
        # A parameter may be a path or an array's scalar; what is kept of it is its text.
        "parameters": json.loads(json.dumps(dict(info.parameters), default=str)),
        **{name: str(getattr(info, name)) for name in ("name", *_TEXTS)},
    }
