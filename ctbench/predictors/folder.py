"""Predictions that were made elsewhere: a folder of label maps, no code at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ctbench.errors import ContractError, MissingFileError, PluginNotFoundError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors.predictor import Finding, Prediction, PredictorInfo
from ctbench.volume import Volume, read_label_map

__all__ = ["FolderPredictions", "read_findings"]

_CARD_FIELDS = ("version", "description", "paper", "licence", "weights_digest", "training_datasets", "parameters")


class FolderPredictions:
    """The predictions ``{case}.nii.gz`` of a folder, with the names of their codes in ``labels.json``.

    ``labels.json`` is ``{"iph": 1, "ivh": 2}`` or a card: ``{"labels": {...}, "groups": {...}, "name": ..., "version":
    ..., "paper": ..., "training_datasets": [...]}``. ``{case}.json`` may stand beside a label map with ``score`` and
    ``findings``.

    Args:
        folder: where the files lie.

    Raises:
        PluginNotFoundError: no such folder, or no ``labels.json`` in it.
        UsageError: ``labels.json`` is not as described.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            msg = (
                f"no folder {self.folder}; folder:PATH expects a folder with labels.json and one {{case}}.nii.gz a case"
            )
            raise PluginNotFoundError(msg)
        self.info = _read_card(self.folder)

    def path(self, case: str) -> Path:
        """Say where the label map of a case should lie."""
        return self.folder / f"{case}.nii.gz"

    def prediction(self, case: str, image: Volume) -> Prediction:
        """Read the prediction of one case.

        Args:
            case: its id.
            image: the grid that the label map must lie on.

        Raises:
            MissingFileError: there is no file for this case.
            DataError: the label map lies on another grid, is not made of integers or holds unknown codes.
        """
        path = self.path(case)
        if not path.is_file():
            msg = f"no prediction for case {case}: {path} is not there"
            raise MissingFileError(msg)
        volume = read_label_map(path, labels=self.info.labels, image=image.geometry, image_name=f"the image of {case}")
        score, findings = read_findings(self.folder / f"{case}.json")
        return Prediction(volume.array, score, findings=findings)

    def unmatched(self, cases: Iterable[str]) -> tuple[str, ...]:
        """Name the label maps that belong to none of ``cases``, sorted."""
        expected = {self.path(case).name for case in cases}
        return tuple(sorted(path.name for path in self.folder.glob("*.nii.gz") if path.name not in expected))


def read_findings(path: Path) -> tuple[float | None, tuple[Finding, ...]]:
    """Read score and findings that stand beside a label map; ``(None, ())`` where there is no such file.

    Raises:
        ContractError: the file is not JSON of the expected form.
    """
    if not path.is_file():
        return None, ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        findings = tuple(
            Finding(int(one["slice"]), tuple(map(float, one["box"])), str(one["type"]), float(one["confidence"]))  # type: ignore[arg-type]  # the contract counts the box
            for one in content.get("findings", ())
        )
        score = content.get("score")
        return (None if score is None else float(score)), findings
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = (
            f"{path} is not what stands beside a prediction: expected "
            '{"score": 0.9, "findings": [{"slice": 3, "box": [y0, x0, y1, x1], "type": "iph", "confidence": 0.9}]}, '
            f"got {error!r}"
        )
        raise ContractError(msg) from error


def _read_card(folder: Path) -> PredictorInfo:
    path = folder / "labels.json"
    if not path.is_file():
        msg = f'{folder} has no labels.json; write one with the names of the codes, e.g. {{"hemorrhage": 1}}'
        raise PluginNotFoundError(msg)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        card = content if isinstance(content.get("labels"), dict) else {"labels": content}
        labels = LabelSet(card["labels"], {name: tuple(of) for name, of in card.get("groups", {}).items()})
    except (ValueError, TypeError, AttributeError) as error:
        msg = f'{path} is not a label set: expected {{"name": code, ...}} or {{"labels": {{...}}, ...}}; {error}'
        raise UsageError(msg) from error
    unknown = set(card) - {"labels", "groups", "name", *_CARD_FIELDS}
    if unknown:
        msg = f"{path} has unknown keys {sorted(unknown)}; known: labels, groups, name, {', '.join(_CARD_FIELDS)}"
        raise UsageError(msg)
    fields: dict[str, Any] = {name: card[name] for name in _CARD_FIELDS if name in card}
    fields["training_datasets"] = tuple(fields.get("training_datasets", ()))
    return PredictorInfo(name=str(card.get("name", folder.name)), labels=labels, **({"version": "1"} | fields))
