"""Speed of DeepNAT run densely and patch by patch, at paper size: ``python benchmarks/deepnat_dense.py``.

Both ways run the same weights on the same device: one patch of 24^3 a voxel, in batches, and one tile at once.
The literal network of the paper, 23^3 with pooling that rounds up, is compared with ours of 24^3 as well.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from reference_models.deepnat.network import BEFORE, SUPPORT, PatchNetwork

RESULTS = Path(__file__).parent / "results"


def seconds(function: Callable[[], Tensor], repeats: int) -> float:
    """Return the shortest time of a few runs, after a warm-up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def literal(network: PatchNetwork, patches: Tensor) -> Tensor:
    """Run the layers on the first 23^3 of patches: pooling rounds 17 up to 9, its last windows see one plane only."""
    y = torch.relu(nn.functional.max_pool3d(network.conv1(patches[:, :1, :-1, :-1, :-1]), 2, ceil_mode=True))
    centre = slice(BEFORE, BEFORE + 1)
    return network._classified(y, patches[:, 1:, centre, centre, centre])  # noqa: SLF001


def difference(network: PatchNetwork, patches: Tensor) -> float:
    """Return the relative difference of the logits between 24^3 and the literal 23^3, as a ratio of norms."""
    ours, theirs = network(patches), literal(network, patches)
    return float((ours - theirs).norm() / ours.norm())


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=24, help="side of the tile in voxels")
    parser.add_argument("--patches", type=int, default=16, help="number of patches per batch")
    given = parser.parse_args()
    torch.manual_seed(0)
    network = PatchNetwork(25).to(given.device, memory_format=torch.channels_last_3d)
    patches = torch.randn(given.patches, 7, SUPPORT, SUPPORT, SUPPORT, device=given.device)
    with torch.no_grad():
        network(patches)  # normalisation has seen something
    network.eval()
    tile = torch.randn(1, 7, *[given.side + SUPPORT - 1] * 3, device=given.device)
    with torch.inference_mode():
        by_patch = seconds(lambda: network(patches), 3) / given.patches
        densely = seconds(lambda: network(tile), 3) / given.side**3
        facts = {
            "device": given.device,
            "threads": torch.get_num_threads(),
            "microseconds_a_voxel_by_patch": 1e6 * by_patch,
            "microseconds_a_voxel_densely": 1e6 * densely,
            "times_faster": by_patch / densely,
            "relative_difference_to_23": difference(network, patches),
        }
    print(json.dumps(facts, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "deepnat_dense.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
