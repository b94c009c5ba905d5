"""``run.json``: everything needed to know what a run is, and to do it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ctbench.errors import SchemaVersionError, StoreError
from ctbench.predictors import PredictorInfo

__all__ = ["SCHEMA_VERSION", "Manifest", "PredictorCard", "package_versions", "read_manifest"]

SCHEMA_VERSION = 1
"""Of the files of a run folder; another version is another layout."""

_NUMERIC_PACKAGES = ("numpy", "scipy", "pandas", "SimpleITK", "numba", "torch")


class PredictorCard(BaseModel):
    """A predictor's ``PredictorInfo`` as it is kept, and how it was named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    """What the user typed: an entry point, ``module:attribute`` or ``folder:PATH``."""
    options: dict[str, Any]
    name: str
    version: str
    labels: dict[str, int]
    groups: dict[str, tuple[str, ...]]
    description: str
    paper: str
    licence: str
    weights_digest: str
    training_datasets: tuple[str, ...]
    parameters: dict[str, Any]

    @classmethod
    def of(cls, info: PredictorInfo, spec: str, options: Mapping[str, Any]) -> PredictorCard:
        """Make the card of a predictor that was made from ``spec`` with ``options``."""
        return cls(
            spec=spec,
            options=dict(options),
            name=info.name,
            version=info.version,
            labels=dict(info.labels.codes),
            groups=dict(info.labels.groups),
            description=info.description,
            paper=info.paper,
            licence=info.licence,
            weights_digest=info.weights_digest,
            training_datasets=info.training_datasets,
            parameters=dict(info.parameters),
        )


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
    predictor: PredictorCard | None
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
    counts: dict[str, int] = {}
    """Status -> number of rows; filled when the run is whole."""

    def differences(self, other: Manifest) -> tuple[str, ...]:
        """Name the fields, other than the counts, in which two manifests differ."""
        names = type(self).model_fields.keys() - {"counts"}
        return tuple(sorted(name for name in names if getattr(self, name) != getattr(other, name)))

    def to_json(self) -> str:
        """Give the text of ``run.json``."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        SchemaVersionError: another version of ctbench wrote it.
        StoreError: it cannot be read, or is no manifest.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["schema_version"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        msg = f"{path} is not the manifest of a run: {type(error).__name__}: {error}; score the run again"
        raise StoreError(msg) from error
    if found != SCHEMA_VERSION:
        msg = (
            f"{path.parent} was made by another version of ctbench: expected schema version {SCHEMA_VERSION}, "
            f"got {found}; read it with that version, or score it again into a new folder"
        )
        raise SchemaVersionError(msg)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        msg = f"{path} is not the manifest of a run: {where}: {first['msg']}; score the run again"
        raise StoreError(msg) from error


def package_versions() -> dict[str, str]:
    """Give the versions of Python, ctbench and of the packages that can move a number."""
    versions = {"python": platform.python_version()}
    for name in ("ctbench", *_NUMERIC_PACKAGES):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # an optional package that is not there moves no number
            continue
    return versions
