"""Time per scan, peak memory and operations of the paper-size networks: ``python benchmarks/models.py --device cpu``.

Every model runs in a process of its own, with random weights, on one simulated head of 40 slices of 512 x 512. What
comes before and after the network (brain extraction, registration, resampling) is timed apart. The arithmetic limit is
what a large matrix product reaches on the same device, in the same precision.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import Any, get_args

import torch

from reference_models import models
from reference_models.inference.devices import Precision

MODELS = tuple(name for name, record in models().items() if record.network_class)
RESULTS = Path(__file__).parent / "results"
REPEATS_ON_GPU = 5


def predictor(model: str, device: str, precision: Any) -> Any:
    """Return a predictor of paper size with random weights."""
    from ctbench.labels import LabelSet
    from reference_models.blast_ct.predictor import BlastConfiguration, BlastPredictor
    from reference_models.blast_ct.weights_import import BLAST_LABELS
    from reference_models.cai_unet.predictor import CaiConfiguration, CaiPredictor
    from reference_models.cascade_unet.predictor import CascadeConfiguration, CascadePredictor
    from reference_models.deepbleed.predictor import DeepBleedConfiguration, DeepBleedPredictor
    from reference_models.deepnat.predictor import DeepNatConfiguration, DeepNatPredictor
    from reference_models.hemorrhage import LABEL
    from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration, ChangPredictor
    from reference_models.inference.weightsfile import Weights

    torch.manual_seed(0)
    if model == "cai-unet":
        configuration: Any = CaiConfiguration()
        labels, kind = LabelSet({f"structure-{code}": code for code in range(1, 12)}), CaiPredictor
    elif model == "blast-ct":
        configuration, labels = BlastConfiguration(), LabelSet(BLAST_LABELS)
        kind = lambda weights, device, **more: BlastPredictor([weights], device, **more)  # noqa: E731  # as the others
    elif model == "cascade-unet":
        configuration, labels, kind = CascadeConfiguration(), LabelSet({LABEL: 1}), CascadePredictor
    elif model == "deepnat":
        configuration = DeepNatConfiguration(structures=11)
        labels, kind = LabelSet({f"structure-{code}": code for code in range(1, 12)}), DeepNatPredictor
    elif model == "hybrid-mask-rcnn":
        configuration, labels, kind = ChangConfiguration(), LabelSet({LABEL: 1}), ChangPredictor
    else:
        configuration = DeepBleedConfiguration.paper(model)
        labels, kind = LabelSet({LABEL: 1}), DeepBleedPredictor
    weights = Weights.of(configuration.network(), model=model, configuration=asdict(configuration), labels=labels)
    return kind(weights, device, precision=precision)


class Watch:
    """Adds up the seconds of every call of some networks, and records the shapes of their inputs."""

    def __init__(self, networks: list[torch.nn.Module], device: torch.device) -> None:
        self.seconds, self.device = 0.0, device
        self.calls: list[tuple[torch.nn.Module, tuple[int, ...]]] = []
        for network in networks:
            network.register_forward_pre_hook(self._start)
            network.register_forward_hook(self._stop)

    def _start(self, network: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._wait()
        self.calls.append((network, tuple(inputs[0].shape)))
        self.began = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self._wait()
        self.seconds += time.perf_counter() - self.began

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def flops(calls: list[tuple[torch.nn.Module, tuple[int, ...]]]) -> int:
    """Return the number of operations of calls with these shapes, without executing them."""
    from torch.utils.flop_counter import FlopCounterMode

    total = 0
    for network, shape in calls:
        with FlopCounterMode(display=False) as counter:
            network.to("meta")(torch.empty(shape, device="meta"))
        total += counter.get_total_flops()
    return total


def flops_of_boxes(made: Any, image: Any) -> int:
    """Return the number of operations of one executed prediction: the number of boxes is known only then."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        made.predict(image)
    return int(counter.get_total_flops())


def limit(device: torch.device, precision: str) -> float:
    """Return the operations per second of a large matrix product, the best of five."""
    size, kind = 8192 if device.type == "cuda" else 2048, getattr(torch, precision)
    one = torch.randn(size, size, device=device, dtype=kind)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        one @ one
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def measure(model: str, device: str, precision: str, slices: int, side: int) -> dict[str, Any]:
    """Predict one scan and return its time, memory and operations."""
    from ctbench.phantom import head

    image = head(1, shape=(slices, side, side)).image
    made = predictor(model, device, precision)
    place = made.device
    if place.type == "cuda":
        made.predict(image)  # the first call compiles and allocates
        torch.cuda.reset_peak_memory_stats(place)
    networks = made.networks if model == "blast-ct" else [made.network]
    if model == "deepnat":
        networks = list(made.network.children())
    watch = Watch(networks, place)  # begins after the first call
    runs = REPEATS_ON_GPU if place.type == "cuda" else 1
    start = time.perf_counter()
    for _ in range(runs):
        made.predict(image)
    total, network = (time.perf_counter() - start) / runs, watch.seconds / runs
    calls = watch.calls[-(len(watch.calls) // runs) :]
    gpu = {"peak_gpu_gib": torch.cuda.max_memory_allocated(place) / 2**30} if place.type == "cuda" else {}
    peak = limit(place, made.precision)
    done = flops_of_boxes(made, image) if model == "hybrid-mask-rcnn" else flops(calls)
    return {
        "model": model,
        "precision": made.precision,
        "slices": slices,
        "side": side,
        "network_seconds": network,
        "other_seconds": total - network,
        "calls": len(calls),
        "teraflop": done / 1e12,
        "share_of_limit": done / network / peak,
        "limit_teraflop_per_second": peak / 1e12,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        **gpu,
    }


def main() -> None:
    """Measure some models, each in a process of its own, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto", choices=get_args(Precision))
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--side", type=int, default=512, help="rows and columns")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.models[0], given.device, given.precision, given.slices, given.side)))
        return
    for model in given.models or MODELS:
        size = ["--slices", str(given.slices), "--side", str(given.side)]
        how = ["--device", given.device, "--precision", given.precision]
        command = [sys.executable, __file__, model, *how, *size, "--one"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(row, indent=1), flush=True)
        keep(row, given.device)


def keep(row: dict[str, Any], device: str) -> None:
    """Put a model's row into the results of its device, beside those of the other models measured there."""
    kind = torch.cuda.get_device_name() if device != "cpu" else platform.processor() or platform.machine()
    facts = {"device": kind, "threads": torch.get_num_threads(), "torch": torch.__version__}
    path = RESULTS / f"models-{device.partition(':')[0]}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    rows = known.pop("rows") if known.get("rows") and facts.items() <= known.items() else []
    key = itemgetter("model", "precision")
    others = [one for one in rows if key(one) != key(row)]
    ordered = sorted([*others, row], key=lambda one: (MODELS.index(one["model"]), one["precision"]))
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps({**facts, "rows": ordered}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
