"""`PredictorInfo`: a predictor's name, version, labels and provenance, and their JSON form.

The JSON form stands in ``labels.json``, in ``run.json``, and on the pipe from an isolated predictor's process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ctbench.annotations import Naming
from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.files import write_text
from ctbench.labels import LabelSet
from ctbench.predictors.label_tables import label_table

__all__ = [
    "ALIASES",
    "CARD_KEYS",
    "COVERS",
    "INFO_KEYS",
    "LABELS_FILE",
    "Labels",
    "PredictorInfo",
    "expect_fit_for",
    "info_from_json",
    "info_of_program",
    "info_to_json",
    "labels_content",
    "naming_of",
    "read_labels_file",
    "write_labels_file",
]

LABELS_FILE = "labels.json"
"""Name of the file that holds a label set, or the JSON form of a `PredictorInfo`."""


Labels = str | Mapping[str, Any] | None
"""Path of ``labels.json``, its content, or None for the ``labels.json`` of the working folder."""


@dataclass(frozen=True, slots=True)
class PredictorInfo:
    """A predictor's name, version, labels and provenance, by its own account; a run stores all of it.

    Args:
        name: Name in tables and figures, e.g. ``cai-unet``.
        version: Version of the code and its settings together; a change of version makes it another predictor.
        labels: Names and codes of its label maps. Names are matched with those of a dataset; codes may differ.
        description: One sentence.
        paper: DOI or URL of the paper.
        licence: Licence of code and weights.
        weights_digest: SHA-256 of the weights; empty if there are none.
        training_datasets: Names of the datasets it was trained on, so that an overlap with test data is visible.
        parameters: Settings that change its predictions.
        phantoms_only: It learnt on simulated heads alone, so its predictions of patients mean nothing.
        size: Number of trainable parameters; 0: unknown.
        paper_size: The number that the paper's network has; 0: unknown.
    """

    name: str
    version: str
    labels: LabelSet
    description: str = ""
    paper: str = ""
    licence: str = ""
    weights_digest: str = ""
    training_datasets: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    phantoms_only: bool = False
    size: int = 0
    paper_size: int = 0

    @property
    def provenance(self) -> str:
        """What it learnt on and its size beside the paper's, in words; empty if nothing is known."""
        learnt = f"learnt on {', '.join(self.training_datasets)}" if self.training_datasets else ""
        return "; ".join(filter(None, (learnt, self.size_in_words)))

    @property
    def size_in_words(self) -> str:
        """The number of its parameters, and that of the paper's network where it differs; empty if unknown."""
        if not self.size:
            return ""
        paper = f"; the paper's network has {self.paper_size:,}" if self.paper_size not in {0, self.size} else ""
        return f"{self.size:,} trainable parameters{paper}"


_FIELDS = tuple(one.name for one in fields(PredictorInfo))
_COUNTS = ("size", "paper_size")
_TEXTS = tuple(
    name for name in _FIELDS if name not in {"labels", "training_datasets", "parameters", "phantoms_only", *_COUNTS}
)

INFO_KEYS = ("labels", "groups", *(name for name in _FIELDS if name != "labels"))
"""Keys of the JSON form; the codes and the groups of the label set are two of them."""

COVERS = "covers"
"""Key of the JSON form that is left out where it would be empty: label -> the dataset's labels whose union it is."""

CARD_KEYS = (*INFO_KEYS, COVERS)
"""All keys that the JSON form may have."""

ALIASES = "aliases"
"""Key of ``labels.json`` that the predictor's card has not: names in files of segments -> labels."""

_EXPECTED = 'expected {"name": code, ...} or {"labels": {...}, ...}'


def expect_fit_for(info: PredictorInfo, what: str, *, is_phantom: bool, allow_demo: bool) -> None:
    """Refuse a predictor that saw phantoms only where patients may be predicted.

    Args:
        info: The predictor.
        what: What it would predict, as the message names it.
        is_phantom: Whether that is a phantom.
        allow_demo: Whether the user wants it all the same.

    Raises:
        UsageError: It learnt on simulated heads alone, and this is no phantom.
    """
    if info.phantoms_only and not (is_phantom or allow_demo):
        msg = (
            f"{info.name} learnt on simulated heads alone, so what it draws in {what} means nothing; train or import "
            "weights (docs/train-a-model.md), or add --allow-demo to see it run"
        )
        raise UsageError(msg)


def info_to_json(info: PredictorInfo) -> dict[str, Any]:
    """Return the JSON form of ``info``, from which `info_from_json` makes an equal one."""
    return {
        "labels": dict(info.labels.codes),
        "groups": {name: list(members) for name, members in info.labels.groups.items()},
        **({COVERS: {name: list(parts) for name, parts in info.labels.covers.items()}} if info.labels.covers else {}),
        "training_datasets": list(info.training_datasets),
        # A parameter may be a path or a NumPy scalar; its text is kept.
        "parameters": json.loads(json.dumps(dict(info.parameters), default=str)),
        "phantoms_only": bool(info.phantoms_only),
        **{name: int(getattr(info, name)) for name in _COUNTS},
        **{name: str(getattr(info, name)) for name in _TEXTS},
    }


def info_from_json(content: Mapping[str, Any], where: str, **defaults: Any) -> PredictorInfo:
    """Make a `PredictorInfo` from its JSON form.

    Args:
        content: Any of `CARD_KEYS`; ``labels`` is required.
        where: What to call the content in a message, e.g. its path.
        defaults: Values of keys that the content may lack. The version is ``1`` by default.

    Raises:
        UsageError: A value has the wrong type, or ``labels`` or ``name`` is missing.
    """
    filled = {"version": "1", **defaults, **content}
    try:
        return PredictorInfo(
            labels=LabelSet(filled["labels"], _lists(filled.get("groups", {})), _lists(filled.get(COVERS, {}))),
            training_datasets=_list(filled.get("training_datasets", ())),
            parameters=dict(filled.get("parameters", {})),
            phantoms_only=_flag(filled.get("phantoms_only", False)),
            size=_count(filled.get("size", 0)),
            paper_size=_count(filled.get("paper_size", 0)),
            name=_text(filled["name"]),
            **{name: _text(filled[name]) for name in _TEXTS if name in filled and name != "name"},
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        msg = f"{where} is not a label set: {_EXPECTED}; {error}"
        raise UsageError(msg) from error


def labels_content(content: object, where: str) -> dict[str, Any]:
    """Return the JSON form that ``content`` is; a label set alone becomes ``{"labels": content}``.

    Args:
        content: What ``labels.json`` holds; ``labels`` may be the name of a table of `LABEL_TABLES`.
        where: What to call it in a message.

    Raises:
        UsageError: It is neither form, names no table, or has unknown keys.
    """
    if not isinstance(content, Mapping) or not content:
        msg = f"{where} is not a label set: {_EXPECTED}"
        raise UsageError(msg)
    if isinstance(table := content.get("labels"), str):
        content = {**content, "labels": label_table(table, where)}
    whole = dict(content) if isinstance(content.get("labels"), Mapping) else {"labels": dict(content)}
    unknown = set(whole) - {*CARD_KEYS, ALIASES}
    if unknown:
        msg = f"{where} has unknown keys {sorted(unknown)}; known: {', '.join((*CARD_KEYS, ALIASES))}"
        raise UsageError(msg)
    return whole


def read_labels_file(path: Path) -> dict[str, Any]:
    """Read ``labels.json``: ``{"iph": 1, "ivh": 2}``, or the JSON form of a `PredictorInfo`.

    Raises:
        PluginNotFoundError: The file does not exist.
        UsageError: Its content has neither form.
    """
    if not path.is_file():
        msg = f'{path.parent} has no {path.name}; write one with the names of the codes, e.g. {{"hemorrhage": 1}}'
        raise PluginNotFoundError(msg)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not a label set: {_EXPECTED}; {error}"
        raise UsageError(msg) from error
    return labels_content(content, str(path))


def naming_of(content: Mapping[str, Any], labels: LabelSet, where: str) -> Naming:
    """Return the aliases of names in files of segments, ``{"Hematoma": "iph", "Skull": null, "*": null}``.

    Args:
        content: What ``labels.json`` holds; without ``aliases`` there are none.
        labels: The labels that an alias may name.
        where: Name of the content in messages.

    Raises:
        UsageError: The aliases are no mapping of names to these labels or null.
    """
    aliases = content.get(ALIASES, {})
    if not isinstance(aliases, Mapping) or any(label is not None and label not in labels for label in aliases.values()):
        msg = (
            f"{where} has the aliases {str(aliases)[:100]}; expected names in the files -> one of {', '.join(labels)}, "
        )
        msg += "or null to leave a segment out"
        raise UsageError(msg)
    return Naming(dict(aliases))


def info_of_program(labels: Labels, here: Path, **defaults: Any) -> PredictorInfo:
    """Make the `PredictorInfo` of a program or container from its labels.

    Args:
        labels: Path of ``labels.json``, its content, or None for ``labels.json`` in ``here``.
        here: Folder that a relative path starts from.
        defaults: Values of fields that the labels do not set.

    Raises:
        PluginNotFoundError, UsageError: As for `read_labels_file`.
    """
    if isinstance(labels, Mapping):
        where, content = "labels", labels_content(labels, "labels")
    else:
        path = here / (labels or LABELS_FILE)
        where, content = str(path), read_labels_file(path)
    if ALIASES in content:
        msg = f"{where} has aliases, but the answer of a program is a label map, which has codes and no names"
        raise UsageError(msg)
    return info_from_json(content, where, **defaults)


def write_labels_file(info: PredictorInfo, folder: Path) -> None:
    """Write ``labels.json`` into a folder of label maps, so that ``folder:PATH`` can read them as predictions."""
    write_text(folder / LABELS_FILE, json.dumps(info_to_json(info), indent=1) + "\n")


def _lists(content: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: _list(names) for name, names in content.items()}


def _text(value: object) -> str:
    if not isinstance(value, (str, int, float)):
        msg = f"expected text, got {value!r}"
        raise TypeError(msg)
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        msg = f"expected true or false, got {value!r}"
        raise TypeError(msg)
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"expected a number of parameters, got {value!r}"
        raise TypeError(msg)
    return value


def _list(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        msg = f"expected a list of names, got {value!r}"
        raise TypeError(msg)
    return tuple(map(_text, value))
