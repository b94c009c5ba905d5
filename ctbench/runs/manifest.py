"""``run.json``: what a run scored, how and with which versions; manifests of earlier schema versions are upgraded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
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

from ctbench.datasets.patterns import is_dataset_name, is_safe_name
from ctbench.errors import SchemaVersionError, StoreError
from ctbench.labels import LabelSet
from ctbench.predictors import CARD_KEYS, INFO_KEYS, PredictorInfo, info_from_json, info_to_json
from ctbench.runs.privacy import public_options, public_text, secrets_in
from ctbench.runs.roles import Role, WithRoles
from ctbench.scores import RaterKind

__all__ = [
    "EXECUTION_OPTIONS",
    "SCHEMA_VERSION",
    "UPGRADES",
    "GitState",
    "Manifest",
    "UsedPredictor",
    "parse_manifest",
    "read_manifest",
    "upgraded",
]

SCHEMA_VERSION = 3
"""Version of ``run.json``; raise it when a field is added, changed or removed, and add the step to ``UPGRADES``."""

EXECUTION_OPTIONS = frozenset({"device"})
"""Options that set where a predictor runs, without effect on what it predicts."""


class GitState(BaseModel):
    """The commit that was checked out in the working folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str
    dirty: bool
    """Whether files that git tracks may differ from it."""


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
    """What the user typed: an entry point, ``module:attribute`` or ``folder:PATH``; see ``public``."""
    options: AsJson
    info: InstanceOf[PredictorInfo]
    code_digest: str = ""
    """SHA-256 of its Python code; empty if no code was found."""
    trusted: bool = False
    """Whether code of another package ran without a sandbox, as the user trusted it."""
    environment: dict[str, str] = {}
    """Variables that the user passed to its process, by name -> first digits of the SHA-256 of ``NAME=VALUE``.

    A run does not keep the digits where the name speaks of a secret: a short password could be guessed from them.
    """

    @classmethod
    def of(
        cls, info: PredictorInfo, spec: str, options: Mapping[str, Any], code_digest: str = "", **passed: Any
    ) -> UsedPredictor:
        """Describe the predictor that was created from ``spec`` with ``options``; ``passed`` are further fields."""
        return cls(spec=spec, options=dict(options), code_digest=code_digest, **passed, **info_to_json(info))

    def public(self, secrets: Iterable[str] = ()) -> UsedPredictor:
        """Return the description without tokens, home folders, and names of users and machines.

        Args:
            secrets: Texts that are hidden wherever they occur, beside those among its parameters and options.
        """
        known = (*secrets_in({**self.info.parameters, **self.options}), *secrets)
        parameters = public_options(self.info.parameters, secrets)
        info = self.info
        changes = {
            "spec": public_text(self.spec, known),
            "options": public_options(self.options, secrets),
            "environment": public_options(self.environment),
            "info": replace(
                info,
                parameters=parameters,
                description=public_text(info.description, known),
                paper=public_text(info.paper, known),
                licence=public_text(info.licence, known),
            ),
        }
        return self.model_copy(update=changes)

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, content: Any) -> Any:
        """Make ``info`` from its keys in the flat object; a key that is missing is an error, as any other value is."""
        if not isinstance(content, Mapping) or not set(INFO_KEYS) <= set(content):
            return content
        kept = {name: value for name, value in content.items() if name not in CARD_KEYS}
        said = {name: content[name] for name in CARD_KEYS if name in content}
        return {**kept, "info": info_from_json(said, "the predictor")}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"spec": self.spec, "options": self.options, "code_digest": self.code_digest}
        # Left out where there is none: the runs without them have the bytes that they had.
        kept |= {name: value for name in ("trusted", "environment") if (value := getattr(self, name))}
        return {**kept, **info_to_json(self.info)}


class Manifest(WithRoles, BaseModel):
    """What was scored, against what, how, and with which versions. No times: two equal runs have equal manifests.

    The role of each field says what it means for comparing, continuing and merging runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Annotated[int, Role.FORMAT]
    dataset: Annotated[str, Role.DATASET]
    """Name of the dataset, never a path: whoever reads the run looks it up in catalogues of their own."""
    dataset_fingerprint: Annotated[str, Role.PORTION]
    """Digest of the sorted case ids and of the files of every case."""
    split: Annotated[str, Role.RULE]
    """The split of the dataset that was scored; empty: all cases."""
    cases: Annotated[tuple[str, ...], Role.PORTION]
    """Sorted."""
    rater: Annotated[str, Role.RATER]
    """Name of the model, or ``readers``."""
    rater_kind: Annotated[RaterKind, Role.RATER]
    predictor: Annotated[UsedPredictor | None, Role.RATER]
    """None for a run of readers."""
    labels: Annotated[dict[str, int], Role.RULE]
    groups: Annotated[dict[str, tuple[str, ...]], Role.RULE]
    unsupported: Annotated[tuple[str, ...], Role.RATER]
    """Structures of the dataset that the predictor does not claim."""
    consensus: Annotated[str, Role.RULE]
    surface: Annotated[Literal["2d", "3d"], Role.RULE]
    tolerance_mm: Annotated[float | dict[str, float], Role.RULE]
    metrics: Annotated[dict[str, int], Role.DEFINITIONS]
    """Metric -> version of its definition."""
    versions: Annotated[dict[str, str], Role.SETTING]
    shard: Annotated[str, Role.PORTION] = ""
    """Which part of the cases this is, e.g. ``3/16``; empty: all."""
    git: Annotated[GitState | None, Role.CIRCUMSTANCE] = None
    """None where the working folder is in no repository."""
    device: Annotated[str, Role.SETTING] = "unknown"
    seeds: Annotated[dict[str, int], Role.SETTING] = {}
    """Those among the predictor's parameters and options; ctbench itself draws no random number for a run."""
    keep_probabilities: Annotated[bool, Role.SETTING] = False
    """Whether ``predictions/`` has the probabilities; left out of ``run.json`` where it is false."""
    counts: Annotated[dict[str, int], Role.RESULT] = {}
    """Status -> number of rows; filled, as the digests are, when the run is whole."""
    consensus_digest: Annotated[str, Role.REFERENCES] = ""
    """Of all references that were scored against."""
    scores_digest: Annotated[str, Role.RESULT] = ""
    """SHA-256 of ``scores.parquet``."""
    predictions_digest: Annotated[str, Role.RESULT] = ""
    """Of all files in ``predictions/``."""
    probabilities_digest: Annotated[str, Role.RESULT] = ""
    """SHA-256 of ``probabilities.parquet``; left out where no probabilities are kept."""

    @model_validator(mode="after")
    def _possible(self) -> Manifest:
        LabelSet(self.labels, self.groups)
        if not is_dataset_name(self.dataset):
            msg = f"{self.dataset!r} is not the name of a dataset"
            raise ValueError(msg)
        unsafe = [case for case in self.cases if not is_safe_name(case)]
        if unsafe:
            msg = f"the case {unsafe[0]!r} cannot stand in a path"
            raise ValueError(msg)
        return self

    def differences(self, other: Manifest) -> tuple[str, ...]:
        """Return the sorted names of the fields that keep one run from being continued as the other."""
        free = type(self).fields_with(Role.CIRCUMSTANCE, Role.REFERENCES, Role.RESULT)
        names = type(self).model_fields.keys() - set(free)
        return tuple(sorted(name for name in names if getattr(self, name) != getattr(other, name)))

    def begun(self) -> Manifest:
        """Return the manifest without results, as it is when the run begins."""
        results = type(self).fields_with(Role.REFERENCES, Role.RESULT)
        return self.model_copy(update={name: type(self).model_fields[name].default for name in results})

    def to_json(self) -> str:
        """Return the text of ``run.json``."""
        content = self.model_dump(mode="json", exclude=self._unused())
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def probability_labels(self) -> tuple[str, ...]:
        """Labels and groups of the predictor whose probabilities the run may hold; empty: it keeps none."""
        return self.predictor.info.labels.names if self.predictor and self.keep_probabilities else ()

    def _unused(self) -> set[str]:
        """Return the fields of an option that was not chosen: the runs without it have the bytes that they had."""
        return set() if self.keep_probabilities else {"keep_probabilities", "probabilities_digest"}


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; one of an earlier schema version is brought up to this one, with what it did not know empty.

    Raises:
        SchemaVersionError: A later version of ctbench wrote it, or one that is too old to be upgraded.
        StoreError: The file cannot be read, or is not a manifest.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        msg = f"{path} is not a run manifest: {type(error).__name__}: {error}; score the run again"
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


def _from_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade from version 1: the fields that version 2 added have the defaults that are declared for them."""
    return {**content, "schema_version": 2}


def _from_2(content: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade from version 2, which did not know a network's size, nor whether it saw phantoms only."""
    card = content["predictor"]
    new = {"phantoms_only": False, "size": 0, "paper_size": 0}
    return {**content, "schema_version": 3, "predictor": {**new, **card} if card else card}


UPGRADES: Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
"""Schema version -> function that upgrades the content of ``run.json`` to the next version."""


def upgraded(content: Mapping[str, Any], wanted: int) -> dict[str, Any]:
    """Return the content of a ``run.json``, upgraded to a schema version as far as ``UPGRADES`` leads."""
    content = dict(content)
    while content["schema_version"] != wanted and content["schema_version"] in UPGRADES:
        content = UPGRADES[content["schema_version"]](content)
    return content
