"""``torchscript:PATH``: a network exported by ``torch.jit.script`` or ``torch.jit.trace``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ctbench.errors import DataError
from reference_models.external.channels import labels_of_channels
from reference_models.external.exported import ExportedNetwork, ExportedPredictor, exported_predictor

__all__ = ["METADATA", "torchscript"]

METADATA = "ctbench.json"
"""Extra file inside the archive that may hold the card and the settings; else MONAI's ``metadata.json`` is read."""

_MONAI = "metadata.json"


def torchscript(
    path: Path,
    /,
    *,
    labels: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int | None = None,
    **settings: Any,
) -> ExportedPredictor:
    """Return the predictor of a network in TorchScript's format.

    Args:
        path: File of the network: input batch,1,(z,)y,x, first output batch,channels,(z,)y,x.
        labels: Content of a ``labels.json``; None: read from the file or beside it, see `read_card`.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.
        settings: Fields of `NetworkSettings`.

    Raises:
        MissingFileError: There is no such file.
        DataError: torch cannot read it.
        UsageError: A setting is wrong, or nothing says which labels its channels are.
    """
    return exported_predictor(
        path, "torchscript:PATH expects a file that torch.jit.save wrote", _opened, labels, device, threads, settings
    )


def _opened(path: Path, device: torch.device) -> ExportedNetwork:
    extra: dict[str, Any] = {METADATA: "", _MONAI: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch wants torch.export; people have TorchScript
            load: Any = torch.jit.load  # torch does not type it
            module = load(str(path), map_location=device, _extra_files=extra)
    except (RuntimeError, ValueError) as error:
        msg = f"{path} cannot be read as TorchScript: {str(error)[:300]}"
        raise DataError(msg) from error
    module.eval()
    kernels = [tensor.ndim - 2 for tensor in module.parameters() if tensor.ndim > 3]

    def run(tiles: Tensor) -> Tensor:
        found = module(tiles)
        first = found[0] if isinstance(found, (tuple, list)) else found
        assert isinstance(first, Tensor), f"the network returned {type(first).__name__}"
        return first

    size = sum(tensor.numel() for tensor in module.parameters())
    return ExportedNetwork(run, kernels[0] if kernels else None, (), _metadata(extra, path), size)


def _metadata(extra: Mapping[str, Any], path: Path) -> dict[str, Any]:
    try:
        if extra[METADATA]:
            return dict(json.loads(extra[METADATA]))
        monai = dict(json.loads(extra[_MONAI] or "{}"))
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"the metadata of {path} is not a JSON object: {error}"
        raise DataError(msg) from error
    labels = labels_of_channels(monai)
    return {"labels": labels} if labels else {}
