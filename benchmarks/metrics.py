"""Time and memory of the metric panel, side by side with other tools.

Every tool runs in a process of its own, on one thread, and all of them in turn: round after round each scores the same
pair of label maps once, so that a busy machine is busy for all. Medians of wall time and of processor time (which a
busy machine disturbs less) and their ratios are printed and written to ``results/metrics.json``. Tools that are not
installed are left out (``pip install '.[bench]'`` in the repository).

    python benchmarks/metrics.py                       # everything; half an hour
    python benchmarks/metrics.py --tools ctbench surface-distance --scenes A B --rounds 5
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import workloads
from workloads import WORKLOADS, Labels

RESULTS = Path(__file__).parent / "results" / "metrics.json"
PANEL = ("dice", "volume_ml", "reference_volume_ml", "hd", "hd95", "assd", "nsd")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
Panel = Callable[[Labels, Labels, tuple[float, float, float], int], dict[str, float]]


def with_ctbench(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int, metrics: Any = None
) -> dict[str, float]:
    """All metrics of ctbench, or some."""
    from ctbench.metrics import score

    names = {f"label {code}": code for code in range(1, labels + 1)}
    scores = score(reference, prediction, spacing_mm=spacing, labels=names, metrics=metrics)
    return {str(name): float(value) for name, value in scores.groupby("metric").value.mean().items()}


def with_ctbench_panel(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int
) -> dict[str, float]:
    """The metrics of ctbench that the other tools have too."""
    return with_ctbench(reference, prediction, spacing, labels, PANEL)


def with_surface_distance(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int
) -> dict[str, float]:
    """DeepMind's package, which crops to each label: the fastest of the others."""
    import surface_distance as tool

    found = []
    for code in range(1, labels + 1):
        one, other = reference == code, prediction == code
        distances = tool.compute_surface_distances(one, other, spacing)
        forth, back = tool.compute_average_surface_distance(distances)
        found.append(
            {
                "dice": tool.compute_dice_coefficient(one, other),
                "volume_ml": other.sum() * np.prod(spacing) / 1000,
                "reference_volume_ml": one.sum() * np.prod(spacing) / 1000,
                "hd": tool.compute_robust_hausdorff(distances, 100),
                "hd95": tool.compute_robust_hausdorff(distances, 95),
                "masd": (forth + back) / 2,
                "nsd": tool.compute_surface_dice_at_tolerance(distances, 1.0),
            }
        )
    return _means(found)


def with_monai(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int
) -> dict[str, float]:
    """MONAI's public functions, on one-hot tensors."""
    import torch
    from monai import metrics as tool

    torch.set_num_threads(1)
    codes = torch.arange(1, labels + 1).reshape(-1, 1, 1, 1)
    one, other = (torch.from_numpy(label_map)[None] == codes for label_map in (reference, prediction))
    arguments = {"y_pred": other[None], "y": one[None], "include_background": True}
    distances = arguments | {"spacing": list(spacing)}
    return {
        "dice": float(tool.compute_dice(**arguments).mean()),
        "hd": float(tool.compute_hausdorff_distance(**distances).mean()),
        "hd95": float(tool.compute_hausdorff_distance(percentile=95, **distances).mean()),
        "assd": float(tool.compute_average_surface_distance(symmetric=True, **distances).mean()),
        "nsd": float(tool.compute_surface_dice(class_thresholds=[1.0] * labels, **distances).mean()),
    }


def with_medpy(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int
) -> dict[str, float]:
    """MedPy's public functions, label by label."""
    from medpy.metric import binary as tool

    found = []
    for code in range(1, labels + 1):
        pair = prediction == code, reference == code
        found.append(
            {
                "dice": tool.dc(*pair),
                "hd": tool.hd(*pair, voxelspacing=spacing),
                "hd95_pooled": tool.hd95(*pair, voxelspacing=spacing),
                "assd": tool.assd(*pair, voxelspacing=spacing),
            }
        )
    return _means(found)


def with_simpleitk(
    reference: Labels, prediction: Labels, spacing: tuple[float, float, float], labels: int
) -> dict[str, float]:
    """SimpleITK: the overlap filter, and contours with signed distance maps for what has no filter."""
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    images = [sitk.GetImageFromArray(label_map) for label_map in (reference, prediction)]
    for image in images:
        image.SetSpacing(spacing[::-1])
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    found = []
    for code in range(1, labels + 1):
        masks = [image == code for image in images]
        maps = [
            np.abs(sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(m, squaredDistance=False, useImageSpacing=True)))
            for m in masks
        ]
        contours = [sitk.GetArrayFromImage(sitk.LabelContour(m)) > 0 for m in masks]
        mm = [maps[1][contours[0]], maps[0][contours[1]]]
        found.append(
            {
                "dice": overlap.GetDiceCoefficient(code),
                "hd": max(side.max() for side in mm),
                "hd95": max(np.percentile(side, 95) for side in mm),
                "assd": np.concatenate(mm).mean(),
                "nsd": (np.concatenate(mm) <= 1).mean(),
            }
        )
    return _means(found)


TOOLS: dict[str, tuple[str, Panel]] = {
    "ctbench": ("ctbench", with_ctbench),
    "ctbench, common panel": ("ctbench", with_ctbench_panel),
    "surface-distance": ("surface_distance", with_surface_distance),
    "MONAI": ("monai", with_monai),
    "SimpleITK": ("SimpleITK", with_simpleitk),
    "MedPy": ("medpy", with_medpy),
}


def scenes() -> dict[str, tuple[str, Callable[[], tuple[Labels, Labels]]]]:
    """What to score: name -> (workload, maker)."""
    made: dict[str, tuple[str, Callable[[], tuple[Labels, Labels]]]] = {}
    for name, workload in WORKLOADS.items():

        def plain(workload: workloads.Workload = workload) -> tuple[Labels, Labels]:
            return workloads.make(workload)

        def shifted(workload: workloads.Workload = workload) -> tuple[Labels, Labels]:
            reference, _ = workloads.make(workload)
            return reference, workloads.shifted(reference, workload)

        def noise(workload: workloads.Workload = workload) -> tuple[Labels, Labels]:
            return workloads.noise(workload)

        made |= {name: (name, plain), f"{name} shifted by 8 mm": (name, shifted), f"{name} noise": (name, noise)}
    balls = workloads.balls(WORKLOADS["B"])
    made["25 balls, 25 labels"] = ("B", lambda: balls)
    made["25 balls, 1 label"] = ("B", lambda: (workloads.one_label(balls[0]), workloads.one_label(balls[1])))
    return made


def serve(tool: str, folder: Path) -> None:
    """Score the pair in a folder for each line of standard input, and print time and memory."""
    import warnings

    warnings.simplefilter("ignore")
    panel = TOOLS[tool][1]
    about = json.loads((folder / "about.json").read_text())
    pair = [np.load(folder / f"{name}.npy") for name in ("reference", "prediction")]
    small = [np.roll(np.arange(12_800, dtype=np.int16) % (about["labels"] + 1), by).reshape(8, 40, 40) for by in (0, 1)]
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a tool prints is no answer
    panel(*small, tuple(about["spacing_mm"]), about["labels"])
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        before = _memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # start a new high-water mark
        start, cpu_start = time.perf_counter(), time.process_time()
        values = panel(*pair, tuple(about["spacing_mm"]), about["labels"])
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        extra_mb = _memory_mb("VmHWM") - before
        answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "extra_mb": extra_mb, "values": values}
        print(json.dumps(answer), file=answers, flush=True)


def measure(tools: list[str], scene: str, rounds: int, limit_s: float) -> dict[str, Any]:
    """Score a scene with all tools in turn."""
    name, maker = scenes()[scene]
    workload = WORKLOADS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reference, prediction = maker()
        labels = int(reference.max())
        np.save(folder / "reference.npy", reference)
        np.save(folder / "prediction.npy", prediction)
        (folder / "about.json").write_text(json.dumps({"labels": labels, "spacing_mm": workload.spacing_mm}))
        answers: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
        with _served(tools, folder) as children:
            for _ in range(rounds):
                for tool, child in children.items():
                    # A tool that needs minutes is not asked again and again.
                    if child.poll() is None and sum(answer["seconds"] for answer in answers[tool]) < limit_s:
                        answers[tool] += _ask(child)
        inputs_mb = (reference.nbytes + prediction.nbytes) / 2**20
    found = {
        tool: {
            "median_s": statistics.median(answer["seconds"] for answer in several),
            "median_cpu_s": statistics.median(answer["cpu_seconds"] for answer in several),
            "runs": len(several),
            "extra_mb": max(answer["extra_mb"] for answer in several),
            "values": several[-1]["values"],
        }
        for tool, several in answers.items()
        if several
    }
    return {"labels": labels, "inputs_mb": inputs_mb, "tools": found}


def cold_start() -> dict[str, float]:
    """Time the first score of a new process, imports included, with the compiled loops on disk."""
    code = (
        "import time; start = time.perf_counter(); import numpy as np; from ctbench.metrics import score; "
        "a = np.ones((8, 40, 40), np.int16); score(a, a, spacing_mm=(5, 1, 1), labels={'a': 1}); "
        "print(time.perf_counter() - start, time.process_time())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(6)]
    walls, processor = zip(*[map(float, run.stdout.split()) for run in runs[1:]], strict=True)
    return {"median_s": statistics.median(walls), "median_cpu_s": statistics.median(processor)}


@contextmanager
def _served(tools: list[str], folder: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    children = {}
    for tool in tools:
        command = [sys.executable, __file__, "--serve", tool, "--folder", str(folder)]
        children[tool] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )
        assert children[tool].stdout.readline() == "ready\n", tool
    try:
        yield children
    finally:
        for child in children.values():
            child.stdin.close()
            child.wait()


def _ask(child: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Score once with a tool; return None where it fails, with its traceback on the screen."""
    child.stdin.write("go\n")
    child.stdin.flush()
    answer = child.stdout.readline()
    if not answer:
        child.wait()
        return []
    return [json.loads(answer)]


def _means(found: list[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _memory_mb(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def _show(scene: str, result: dict[str, Any]) -> None:
    print(f"\n{scene}: {result['labels']} labels, both label maps {result['inputs_mb']:.0f} MB")
    ours = result["tools"]["ctbench"]
    for tool, found in result["tools"].items():
        times = "  ".join(
            f"{name} {found[field]:8.3f} s {found[field] / ours[field]:6.1f} x"
            for name, field in (("wall", "median_s"), ("processor", "median_cpu_s"))
        )
        print(f"  {tool:24s} {times}  + {found['extra_mb']:5.0f} MB  ({found['runs']} runs)")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=TOOLS)
    parser.add_argument("--scenes", nargs="+", default=list(scenes()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a tool is not run again")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.folder)
        return
    tools = [tool for tool in options.tools if importlib.util.find_spec(TOOLS[tool][0])]
    print(f"not installed, left out: {', '.join(sorted(set(options.tools) - set(tools))) or 'none'}")
    results: dict[str, Any] = json.loads(options.output.read_text()) if options.output.exists() else {"scenes": {}}
    results |= {"python": platform.python_version(), "processor": platform.processor() or platform.machine()}
    results["cold_start"] = cold_start()
    print(
        "first score of a new process: {median_s:.2f} s, processor {median_cpu_s:.2f} s".format(**results["cold_start"])
    )
    for scene in options.scenes:
        results["scenes"][scene] = measure(tools, scene, options.rounds, options.limit)
        _show(scene, results["scenes"][scene])
        options.output.parent.mkdir(exist_ok=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
