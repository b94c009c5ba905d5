"""Choice of device, mixed precision, and batches that shrink when memory runs out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ctbench.errors import PredictionFailedError, UsageError

__all__ = [
    "Precision",
    "apply_in_batches",
    "autocast",
    "choose_device",
    "choose_precision",
    "denormals_as_zero",
    "deterministic",
    "free_memory",
    "is_out_of_memory",
    "memory_does_not_suffice",
    "place",
    "predicting",
]

_log = logging.getLogger("reference_models")

Precision = Literal["auto", "float32", "bfloat16"]
"""Number format of a network's convolutions and matrix products; ``auto`` depends on the device."""

_BFLOAT16 = ("avx512_bf16", "amx_bf16")
"""Instructions for bfloat16, as torch names them."""

_UNKNOWN_MEMORY = 4 * 2**30


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name; ``auto`` is the first GPU, or the CPU where there is none.

    Raises:
        UsageError: The device does not exist or is not supported.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        msg = f"unknown device {name!r}; expected auto, cpu, cuda or cuda:N"
        raise UsageError(msg) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        msg = (
            f"device {name!r} was asked for, but torch sees {torch.cuda.device_count()} CUDA devices; use --device cpu"
        )
        raise UsageError(msg)
    if device.type not in {"cpu", "cuda"}:
        msg = f"device {name!r} is not supported; expected auto, cpu, cuda or cuda:N"
        raise UsageError(msg)
    return device


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device and return it; weights are stored channels last, which is fastest on CPUs too."""
    for layer in network.modules():
        for kind, memory_format in ((nn.Conv2d, torch.channels_last), (nn.Conv3d, torch.channels_last_3d)):
            if isinstance(layer, kind):
                # torch's types do not know that a module accepts a memory format alone.
                layer.to(memory_format=memory_format)  # type: ignore[call-overload]
    return network.to(device)


def choose_precision(name: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """Return the precision in which a network predicts on a device.

    Args:
        name: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU, whatever its instructions.
        device: Device of the network.

    Raises:
        UsageError: There is no such precision.
    """
    if name not in get_args(Precision):
        msg = f"unknown precision {name!r}; expected {', '.join(get_args(Precision))}"
        raise UsageError(msg)
    if name == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    if name == "bfloat16" and device.type == "cpu" and not any(map(torch.cpu.get_capabilities().get, _BFLOAT16)):
        _log.warning("this processor has no instructions for bfloat16 and emulates it; float32 may be quicker")
    return name


def autocast(device: torch.device, precision: str | None = None) -> contextlib.AbstractContextManager[None]:
    """Return the precision context: float32 or bfloat16; None: bfloat16 on a GPU, float32 on a CPU."""
    if (precision or choose_precision("auto", device)) == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Use deterministic algorithms inside the block, where torch has them."""
    # torch.use_deterministic_algorithms sets the same for eager networks, but imports torch's compiler first, 1.6 s.
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    torch.set_deterministic_debug_mode("warn")
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        torch.backends.cudnn.benchmark = before[1]


@contextlib.contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Treat denormal numbers as zero inside the block: they make some networks 20 times slower on a CPU."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextlib.contextmanager
def predicting(device: torch.device, precision: str | None = None) -> Iterator[None]:
    """Compute outputs inside the block: without gradients, with denormal numbers as zero; arguments of `autocast`."""
    with denormals_as_zero(), torch.inference_mode(), autocast(device, precision):
        yield


def free_memory(device: torch.device) -> int:
    """Return the free bytes on a GPU or in main memory; 4 GiB where the system does not report them."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError):
        return _UNKNOWN_MEMORY
    return int(available) * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on a GPU or on the CPU."""
    told = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in told)


def memory_does_not_suffice(device: torch.device, sides: Sequence[int]) -> PredictionFailedError:
    """Return the error for a single input that does not fit; ``sides`` are the sides of the slice or tile in voxels."""
    what = " x ".join(map(str, sides))
    advice = "use --device cpu, a larger machine, or weights of a narrower network"
    return PredictionFailedError(f"not enough memory on {device} for a single input of {what}; {advice}")


def apply_in_batches(
    function: Callable[[Tensor], Tensor],
    inputs: Tensor,
    batch_size: int,
    device: torch.device,
    precision: str | None = None,
) -> Tensor:
    """Return ``function`` of all inputs, computed in batches on the device.

    Where memory does not suffice the batch size is halved and a warning is logged.

    Args:
        function: Function from batch,... to batch,...
        inputs: All inputs, batch,..., on the CPU.
        batch_size: Largest number of inputs per batch.
        device: Device on which ``function`` runs.
        precision: As for ``autocast``.

    Returns:
        float32 on the CPU.

    Raises:
        PredictionFailedError: Memory does not suffice for a single input.
    """
    results, start = [], 0
    while start < len(inputs):
        batch = inputs[start : start + batch_size]
        try:
            with predicting(device, precision):
                results.append(function(batch.to(device)).float().cpu())
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise memory_does_not_suffice(device, batch.shape[2:]) from error
            batch_size = max(1, batch_size // 2)
            _log.warning("not enough memory on %s; going on with batches of %d", device, batch_size)
            if device.type == "cuda":
                torch.cuda.empty_cache()
            continue
        start += len(batch)
    return torch.cat(results)
