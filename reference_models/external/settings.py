"""What an exported network expects of its input: spacing, orientation, HU window, normalisation, tiles, activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import UsageError
from ctbench.files import read_json_object
from ctbench.predictors import PredictorInfo
from ctbench.predictors.info import LABELS_FILE, info_from_json, labels_content, read_labels_file
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.scans.hounsfield import windowed

__all__ = ["SETTINGS", "NetworkSettings", "per_axis", "read_card"]

SETTINGS = "settings"
"""Key of the JSON beside or inside a network's file that holds its `NetworkSettings`; the others are its card."""

Share = Annotated[float, Field(ge=0, lt=1)]
Sides = Annotated[tuple[Size, ...], Field(min_length=2, max_length=3)]


@dataclass(frozen=True)
class NetworkSettings:
    """Preprocessing and tiling of an exported network. Lists have one value for each axis, in the network's order.

    Args:
        orientation: Sides that the network's axes run towards, as in nibabel: ``SPL`` (slices upwards, rows to the
            back, columns to the left) or e.g. ``RAS``. The first axis of a 2D network counts the slices.
        spacing_mm: Voxel sides in mm; one number for cubes; null: the image's own.
        antialias: Smooth before resampling to larger voxels.
        window: Lowest and highest HU; the image is clipped to them. Null: not clipped.
        normalise: ``unit``: the window becomes 0..1; ``signed``: -1..1; ``zscore``: mean 0 and deviation 1 over the
            image; ``none``: values stay. Default: ``unit`` with a window, else ``none``.
        mean: Subtracted after that.
        sd: Divisor after that.
        tile: Sides of a tile in voxels, one number for all. Default: the size that the file fixes; else whole slices
            for a 2D network and 96 for a 3D one.
        overlap: Overlap of neighbouring tiles, as a share of their side.
        multiple: Whole slices are padded to a multiple of this.
        batch_size: Number of tiles or slices at a time.
        activation: ``softmax``, ``sigmoid`` or ``none`` (the output holds probabilities). Default: ``softmax`` if
            there is one channel more than labels, else ``sigmoid``.
        threshold: Probability from which a voxel belongs to a label, without softmax.
        dimensions: 2 or 3. Default: what the file says.
    """

    orientation: str = "SPL"
    spacing_mm: Millimetres | tuple[Millimetres | None, Millimetres | None, Millimetres | None] | None = None
    antialias: bool = False
    window: Window | None = None
    normalise: Literal["unit", "signed", "zscore", "none"] | None = None
    mean: float = 0.0
    sd: Annotated[float, Field(gt=0)] = 1.0
    tile: Size | Sides | None = None
    overlap: Share = 0.5
    multiple: Size = 16
    batch_size: Size = 1
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    threshold: float = 0.5
    dimensions: Literal[2, 3] | None = None

    @classmethod
    def read(cls, *sources: Mapping[str, Any]) -> NetworkSettings:
        """Return the settings from JSON values; a later source overrides an earlier one.

        Raises:
            UsageError: An unknown setting, or a value of the wrong type or out of range.
        """
        values = {name: value for source in sources for name, value in source.items()}
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            msg = f"unknown option {', '.join(unknown)}; known: labels, device, threads, {', '.join(known)}"
            raise UsageError(msg)
        settings = read_configuration(cls, values)
        if settings.normalise in {"unit", "signed"} and settings.window is None:
            msg = f"normalise={settings.normalise} needs the window that it scales, e.g. window=[0,100]"
            raise UsageError(msg)
        return settings

    @property
    def stored(self) -> dict[str, Any]:
        """The settings that differ from the defaults, as JSON values."""
        usual = NetworkSettings()
        return {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}

    def normalised(self, hu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an image as the network sees its values."""
        how = self.normalise or ("unit" if self.window else "none")
        if how in {"unit", "signed"}:
            values = windowed(hu, self.window)
            values = 2 * values - 1 if how == "signed" else values
        else:
            values = np.clip(hu, *self.window) if self.window else hu
        if how == "zscore":
            values = (values - values.mean()) / max(float(values.std()), 1e-8)
        return np.asarray((values - self.mean) / self.sd, np.float32)


def read_card(
    path: Path, labels: Mapping[str, Any] | None, options: Mapping[str, Any], inside: Mapping[str, Any], **defaults: Any
) -> tuple[PredictorInfo, NetworkSettings]:
    """Return the card and the settings of the network in a file.

    The card is the first of these: ``labels``; ``NAME.json`` beside ``NAME.onnx``; the metadata inside of the file;
    ``labels.json`` beside it. Settings are read from all of them, and ``options`` override them.

    Args:
        path: File of the network.
        labels: Content of a ``labels.json``, or None.
        options: Settings that the user asked for.
        inside: Metadata in the file: a card, whose key ``settings`` holds settings; empty: none.
        defaults: Values of the card's fields that it does not set.

    Raises:
        UsageError: There are no labels, or a card or a setting is malformed.
    """
    sidecar = path.with_name(f"{path.name.partition('.')[0]}.json")
    expected = f'a card: {{"labels": {{...}}, "{SETTINGS}": {{...}}}}'
    beside = read_json_object(sidecar, expected) if sidecar.is_file() else {}
    cards = [({} if labels is None else labels, "labels"), (beside, str(sidecar)), (inside, f"the metadata of {path}")]
    found = [(dict(card), where) for card, where in cards]
    settings = NetworkSettings.read(*(card.pop(SETTINGS, {}) for card, _ in reversed(found)), options)
    known = next(((labels_content(card, where), where) for card, where in found if card), None)
    if known is None and path.with_name(LABELS_FILE).is_file():
        known = read_labels_file(path.with_name(LABELS_FILE)), str(path.with_name(LABELS_FILE))
    if known is None:
        msg = (
            f'{path} does not say which labels its channels are; add -o \'labels={{"iph": 1, "ivh": 2}}\' '
            f"(channel 0 is the background), or write them to {sidecar.name} or {LABELS_FILE} beside it"
        )
        raise UsageError(msg)
    content, where = known
    parameters = {**content.pop("parameters", {}), **settings.stored}
    return info_from_json(content, where, parameters=parameters, **defaults), settings


def per_axis(value: float | Sequence[Any] | None) -> tuple[Any, Any, Any]:
    """Return a setting as three values, one for each axis of the network."""
    if value is None or isinstance(value, (int, float)):
        return (value, value, value)
    first, *others = value
    return (1, first, *others) if len(value) == 2 else (first, *others)
