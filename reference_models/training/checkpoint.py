"""Checkpoints: the state of a training in one safetensors file, written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ctbench.errors import UsageError
from ctbench.files import whole_file

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, Tensor], state: dict[str, Any]
) -> None:
    """Write a checkpoint.

    Args:
        path: File to write; an existing one is replaced.
        network: Network after the epoch.
        optimizer: Optimizer after the epoch; its state must be tensors (Adam's is).
        best: Tensors of the network's best epoch so far.
        state: JSON values: the settings and the curves.
    """
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
    with whole_file(path) as temporary:
        cpu = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(cpu, temporary, {"state": json.dumps(state)})


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore network and optimizer from a checkpoint.

    Args:
        path: File that ``save_checkpoint`` wrote.
        network: Network of the same configuration; changed.
        optimizer: New optimizer of the same type; changed.
        settings: Settings that must equal those of the checkpoint.

    Returns:
        The best tensors and the state.

    Raises:
        UsageError: The file is not a checkpoint, or has other settings; the message names what differs.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
            before = dict(state["settings"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file is no mapping
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        msg = f"{path} is no checkpoint: {error}; remove it and train anew"
        raise UsageError(msg) from error
    differing = [key for key in settings if before.get(key) != settings[key]]
    if differing:
        was = ", ".join(f"{key} was {before.get(key)!r}, now {settings[key]!r}" for key in differing)
        msg = f"{path} is of another training ({was}); give the same settings, or another --out"
        raise UsageError(msg)
    try:
        network.load_state_dict(_part(tensors, "network."))
        adam = optimizer.state_dict()
        adam["state"] = {}
        for name, tensor in _part(tensors, "optimizer.").items():
            index, _, key = name.partition(".")
            adam["state"].setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict(adam)
    except (RuntimeError, ValueError, KeyError) as error:
        msg = f"{path} is a checkpoint of another network: {str(error)[:300]}; remove it and train anew"
        raise UsageError(msg) from error
    return _part(tensors, "best."), state


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
