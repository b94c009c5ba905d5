"""``run.json``: everything needed to know what a run is, and to do it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    InstanceOf,
    ValidationError,
    model_serializer,
    model_validator,
)

from ctbench.datasets.patterns import is_safe_name
from ctbench.errors import SchemaVersionError, StoreError
from ctbench.labels import LabelSet
from ctbench.predictors import INFO_KEYS, PredictorInfo, info_from_json, info_to_json
from ctbench.runs.upgrade import upgraded

__all__ = [
    "EXECUTION_OPTIONS",
    "SCHEMA_VERSION",
    "GitState",
    "Manifest",
    "UsedPredictor",
    "parse_manifest",
    "read_manifest",
]

SCHEMA_VERSION = 2
"""Of ``run.json``; raise it when a field is added, changes or goes, and write the step to it in ``upgrade``."""

EXECUTION_OPTIONS = frozenset({"device"})
"""Options that say where a predictor runs, not what it predicts."""

_RESULTS = frozenset({"counts", "consensus_digest", "scores_digest", "predictions_digest"})
"""What is known only when a run is whole."""

_CIRCUMSTANCES = frozenset({"git"})
"""What may change while a run is interrupted: what counts of it is in the predictor's ``code_digest``."""


class GitState(BaseModel):
    """The commit that was checked out in the working folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str
    dirty: bool
    """Whether files that git knows had been changed since."""


def _as_json(value: Any) -> Any:
    """Return a value with tuples as lists, so that it equals itself after it was written as JSON and read again."""
    if isinstance(value, Mapping):
        return {name: _as_json(part) for name, part in value.items()}
    return [_as_json(part) for part in value] if isinstance(value, (tuple, list)) else value


AsJson = Annotated[dict[str, Any], BeforeValidator(_as_json)]


class UsedPredictor(BaseModel):
    """The predictor of a run: its ``info``, and how it was named; in ``run.json`` all of it is one flat object."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    """What the user typed: an entry point, ``module:attribute`` or ``folder:PATH``."""
    options: AsJson
    info: InstanceOf[PredictorInfo]
    code_digest: str = ""
    """SHA-256 of its Python code; empty if no code was found."""

    @classmethod
    def of(cls, info: PredictorInfo, spec: str, options: Mapping[str, Any], code_digest: str = "") -> UsedPredictor:
        """Describe the predictor that was created from ``spec`` with ``options``."""
        return cls(spec=spec, options=dict(options), code_digest=code_digest, **info_to_json(info))

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, content: Any) -> Any:
        """Make ``info`` from its keys in the flat object; a key that is missing is an error, as any other value is."""
        if not isinstance(content, Mapping) or not set(INFO_KEYS) <= set(content):
            return content
        kept = {name: value for name, value in content.items() if name not in INFO_KEYS}
        said = {name: content[name] for name in INFO_KEYS}
        return {**kept, "info": info_from_json(said, "the predictor")}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        kept = {"spec": self.spec, "options": self.options, "code_digest": self.code_digest}
        return {**kept, **info_to_json(self.info)}


class Manifest(BaseModel):
    """What was scored, against what, how, and with which versions. No times: two equal runs have equal manifests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int
    dataset: str
    dataset_fingerprint: str
    """Digest of the sorted case ids and of the files of every case."""
    split: str
    """The split of the dataset that was scored; empty: all cases."""
    cases: tuple[str, ...]
    """Sorted."""
    rater: str
    """Name of the model, or ``readers``."""
    rater_kind: Literal["model", "reader"]
    predictor: UsedPredictor | None
    """None for a run of readers."""
    labels: dict[str, int]
    groups: dict[str, tuple[str, ...]]
    unsupported: tuple[str, ...]
    """Structures of the dataset that the predictor does not claim."""
    consensus: str
    surface: Literal["2d", "3d"]
    tolerance_mm: float | dict[str, float]
    metrics: dict[str, int]
    """Metric -> version of its definition."""
    versions: dict[str, str]
    shard: str = ""
    """Which part of the cases this is, e.g. ``3/16``; empty: all."""
    git: GitState | None = None
    """None where the working folder is in no repository."""
    device: str = "unknown"
    seeds: dict[str, int] = {}
    """Those among the predictor's parameters and options; ctbench itself draws no random number for a run."""
    counts: dict[str, int] = {}
    """Status -> number of rows; filled, as the digests are, when the run is whole."""
    consensus_digest: str = ""
    """Of all references that were scored against."""
    scores_digest: str = ""
    """SHA-256 of ``scores.parquet``."""
    predictions_digest: str = ""
    """Of all files in ``predictions/``."""

    @model_validator(mode="after")
    def _possible(self) -> Manifest:
        LabelSet(self.labels, self.groups)
        unsafe = [case for case in self.cases if not is_safe_name(case)]
        if unsafe:
            msg = f"the case {unsafe[0]!r} cannot stand in a path"
            raise ValueError(msg)
        return self

    def differences(self, other: Manifest) -> tuple[str, ...]:
        """Name the fields in which what two runs are to do differs; their results do not count."""
        names = type(self).model_fields.keys() - _RESULTS - _CIRCUMSTANCES
        return tuple(sorted(name for name in names if getattr(self, name) != getattr(other, name)))

    def begun(self) -> Manifest:
        """Give the manifest without results: of the run before it was made."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in _RESULTS})

    def to_json(self) -> str:
        """Give the text of ``run.json``."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; one of an earlier schema version is brought up to this one, with what it did not know empty.

    Raises:
        SchemaVersionError: a later version of ctbench wrote it, or one so old that no step leads from it.
        StoreError: it cannot be read, or is no manifest.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        msg = f"{path} is not the manifest of a run: {type(error).__name__}: {error}; score the run again"
        raise StoreError(msg) from error
    return parse_manifest(text, str(path))


def parse_manifest(text: str, where: str) -> Manifest:
    """Read the text of a manifest; ``where`` is what messages call it. Raises as ``read_manifest``."""
    try:
        content = upgraded(json.loads(text), SCHEMA_VERSION)
        found = content["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"{where} is not the manifest of a run: {type(error).__name__}: {error}; score the run again"
        raise StoreError(msg) from error
    if found != SCHEMA_VERSION:
        msg = (
            f"{where} was made by another version of ctbench: expected schema version {SCHEMA_VERSION}, "
            f"got {found}; read it with that version, or score it again into a new folder"
        )
        raise SchemaVersionError(msg)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        msg = f"{where} is not the manifest of a run: {place}: {first['msg']}; score the run again"
        raise StoreError(msg) from error
