"""``onnx:PATH``: a network exported to ONNX, run by onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ctbench.errors import DataError, UsageError
from ctbench.extras import import_extra
from reference_models.external.exported import ExportedNetwork, ExportedPredictor, exported_predictor

__all__ = ["METADATA", "onnx"]

METADATA = "ctbench"
"""Key of the file's metadata (``metadata_props``) that may hold the card and the settings, as JSON."""

_TYPES: Mapping[str, Any] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def onnx(
    path: Path,
    /,
    *,
    labels: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int | None = None,
    **settings: Any,
) -> ExportedPredictor:
    """Return the predictor of a network in ONNX's format.

    Args:
        path: File of the network: input batch,1,(z,)y,x, first output batch,channels,(z,)y,x.
        labels: Content of a ``labels.json``; None: read from the file or beside it, see `read_card`.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.
        settings: Fields of `NetworkSettings`.

    Raises:
        MissingFileError: There is no such file.
        DataError: onnxruntime cannot read it.
        UsageError: onnxruntime is not installed, the input is not one channel of floats, or a setting is wrong.
    """
    return exported_predictor(
        path, "onnx:PATH expects a network exported to ONNX", _opened, labels, device, threads, settings
    )


def _opened(path: Path, device: torch.device) -> ExportedNetwork:
    runtime = import_extra("onnxruntime", "onnx:PATH")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    try:
        session = runtime.InferenceSession(str(path), options, providers=_providers(runtime, device))
    except Exception as error:
        msg = f"{path} cannot be read as ONNX: {str(error)[:300]}"
        raise DataError(msg) from error
    taken = session.get_inputs()[0]
    batch, channels, *sides = taken.shape
    if (
        taken.type not in _TYPES
        or (channels not in (1, None) and not isinstance(channels, str))
        or len(sides) not in {2, 3}
    ):
        msg = (
            f"{path} takes {taken.type} of shape {taken.shape}; expected floats batch,1,y,x or batch,1,z,y,x. "
            "Wrap another network in a class of its own (docs/add-a-predictor.md)"
        )
        raise UsageError(msg)

    def run(tiles: Tensor) -> Tensor:
        given = tiles.cpu().numpy().astype(_TYPES[taken.type])
        parts = np.split(given, len(given)) if batch == 1 else [given]
        return torch.from_numpy(np.concatenate([session.run(None, {taken.name: part})[0] for part in parts]))

    fixed = tuple(side if isinstance(side, int) else None for side in sides)
    return ExportedNetwork(run, len(sides), fixed, _metadata(session, path))


def _providers(runtime: Any, device: torch.device) -> list[Any]:
    if device.type == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in runtime.get_available_providers():
        msg = f"this onnxruntime cannot use {device}; install onnxruntime-gpu, or use --device cpu"
        raise UsageError(msg)
    return [("CUDAExecutionProvider", {"device_id": device.index or 0}), "CPUExecutionProvider"]


def _metadata(session: Any, path: Path) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA, "{}")
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"the metadata {METADATA!r} of {path} is not a JSON object: {error}"
        raise DataError(msg) from error
