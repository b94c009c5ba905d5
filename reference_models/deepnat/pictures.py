"""Pictures of a training of ``deepnat``: eigenfunctions, accuracy by task, filters (the paper's Figures 2, 3, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.files import whole_file, write_text
from reference_models.deepnat.network import DeepNat, task_offsets

__all__ = ["accuracy_rows", "eigenfunction_sheet", "filter_sheet", "write_pictures"]

_SUBJECTS = 4
_MAGNIFIED = 8
_OUTSIDE = -2.0
_LARGEST = 6.0
"""Value of a coordinate that has the full colour: twice the root mean square."""
_LOW, _HIGH = np.array([33, 102, 172], np.float32), np.array([178, 24, 43], np.float32)
_PLANES = (2, 1, 0)
"""The axis across which the first, second and third coordinate (along z, y, x) is cut: sagittal, coronal, axial."""

Picture = NDArray[np.uint8]


def write_pictures(
    folder: Path, network: DeepNat, brains: Sequence[NDArray[np.float32]], accuracies: Sequence[Sequence[float]]
) -> None:
    """Write ``eigenfunctions.png``, ``filters.png``, ``task-accuracies.csv`` and ``task-accuracies.png``.

    Args:
        folder: Folder of the files.
        network: The trained networks.
        brains: Channels of brains as in ``eigenfunction_sheet``, of which the first four are drawn; empty: none is.
        accuracies: As in ``accuracy_rows``.
    """
    if brains:
        _write_png(folder / "eigenfunctions.png", eigenfunction_sheet(brains[:_SUBJECTS]))
    _write_png(folder / "filters.png", filter_sheet(network.structures.conv1.weight.detach().float().cpu().numpy()))
    rows = accuracy_rows(accuracies)
    lines = [f"{row['epoch']},{row['task']},{row['accuracy']:.6f}" for row in rows]
    write_text(folder / "task-accuracies.csv", "\n".join(["epoch,task,accuracy", *lines]) + "\n")
    _write_chart(folder / "task-accuracies.png", rows)


def eigenfunction_sheet(brains: Sequence[NDArray[np.float32]]) -> Picture:
    """Return the three spectral coordinates of some brains: a row for each brain, y,x,3.

    Each is cut in the middle of the brain, so that its gradient is seen: the first (along z) in the sagittal plane, the
    second (along y) in the coronal, the third (along x) in the axial. Blue is negative, red positive, black outside.

    Args:
        brains: channel,z,y,x each: intensity, which is -2 outside the brain, then the spectral coordinates.
    """
    rows = []
    for channels in brains:
        inside = channels[0] > _OUTSIDE
        cuts = []
        for function, axis in zip(channels[1:4], _PLANES, strict=True):
            middle = int(np.median(np.nonzero(inside)[axis]))
            cut = _coloured(function.take(middle, axis), inside.take(middle, axis))
            cuts.append(cut[::-1] if axis else cut)
        rows.append(_joined(cuts, axis=1))
    return _joined(rows, axis=0)


def filter_sheet(weights: NDArray[np.float32]) -> Picture:
    """Return the filters of the first layer, y,x,3: a column for each filter, its slices one below the other.

    Args:
        weights: filter,1,z,y,x; each filter is scaled by its largest weight.
    """
    filters = weights[:, 0]
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    shades = (127.5 * (1 + filters / np.where(largest > 0, largest, 1))).astype(np.uint8)
    framed = np.pad(shades, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=255)
    columns = framed.reshape(len(filters), -1, framed.shape[-1])
    sheet = np.kron(np.concatenate(list(columns), axis=1), np.ones((_MAGNIFIED, _MAGNIFIED), np.uint8))
    return np.repeat(sheet[..., None], 3, axis=-1).astype(np.uint8)


def accuracy_rows(accuracies: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """Return a row for each epoch and task: ``epoch`` from 1, ``task`` (offset z y x from the centre), ``accuracy``.

    Args:
        accuracies: Epoch and task -> share of the validation voxels with the right class.
    """
    return [
        {"epoch": epoch, "task": " ".join(map(str, offset)), "accuracy": share}
        for epoch, shares in enumerate(accuracies, start=1)
        for offset, share in zip(task_offsets(len(shares)), shares, strict=True)
    ]


def _coloured(function: NDArray[np.float32], inside: NDArray[np.bool_]) -> Picture:
    share = np.clip(np.abs(function) / _LARGEST, 0, 1)[..., None]
    ends = np.where(function[..., None] < 0, _LOW, _HIGH)
    colours = np.where(inside[..., None], 255 + share * (ends - 255), 0)
    return np.kron(colours.astype(np.uint8), np.ones((3, 3, 1), np.uint8)).astype(np.uint8)


def _joined(pictures: Sequence[Picture], axis: int) -> Picture:
    """Join pictures along an axis, padded with black at the end of the other one."""
    across = 1 - axis
    size = max(picture.shape[across] for picture in pictures)
    padded = []
    for picture in pictures:
        widths = [(0, 4), (0, 4), (0, 0)]
        widths[across] = (0, size - picture.shape[across])
        padded.append(np.pad(picture, widths))
    return np.concatenate(padded, axis=axis)


def _write_png(path: Path, picture: Picture) -> None:
    from PIL import Image

    with whole_file(path) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")


def _write_chart(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a PNG of the accuracy of every task over the epochs."""
    import vl_convert

    chart = {
        "width": 420,
        "height": 260,
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1}},
            "y": {"field": "accuracy", "type": "quantitative", "scale": {"zero": False}},
            "color": {"field": "task", "type": "nominal", "title": "task (z y x)"},
        },
    }
    with whole_file(path) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_png(chart, vl_version="6.4", scale=2, allowed_base_urls=[]))
