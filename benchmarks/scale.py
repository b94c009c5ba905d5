"""Overhead of the harness: time and memory per case on volumes so small that nothing else counts.

    python benchmarks/scale.py --cases 2000 --jobs 2       overhead beside bare work; shards, their merging, a report
    python benchmarks/scale.py --cases 2000 --cluster      two workers of a Dask cluster against one
    python benchmarks/scale.py --board --runs 500          a board of many runs, opened

The bare work is what any harness must do for a case: read the image and the masks, predict, write the prediction and
read it back, fuse the readers, score. What a run takes beyond it is the harness: checks of the data, digests, parts,
tables, processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctbench.boards import Board, open_board, rebuild
from ctbench.boards.storage import Place
from ctbench.consensus import fuse, leave_one_out
from ctbench.datasets import Dataset, load_dataset
from ctbench.labels import LabelSet
from ctbench.metrics import score
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.report import build_report
from ctbench.runs import Manifest, Run, Shard, UsedPredictor, merge, run
from ctbench.runs.digests import predictions_digest_of
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import write_frame
from ctbench.scores import SCORE_COLUMNS, without
from ctbench.volume import Volume, read_volume, write_volume

CATALOGUE = """
tiny:
  title: Volumes that take no time
  modality: CT
  task: segmentation
  labels: {iph: 1}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
"""
SPACING_MM = (5.0, 1.0, 1.0)
METRICS = ["dice", "hd95"]
ARGUMENTS: dict[str, Any] = {"metrics": METRICS, "cached": False}


class Bright:
    """Predictor by a threshold."""

    info = PredictorInfo(name="bright", version="1", labels=LabelSet({"iph": 1}))

    def predict(self, image: Volume) -> Prediction:
        """Threshold."""
        return Prediction((image.array > 50).astype(np.uint8))


@contextmanager
def timed(what: str, per: int = 0) -> Iterator[dict[str, float]]:
    """Print the time of a block, in total and per case."""
    found: dict[str, float] = {}
    start = time.perf_counter()
    yield found
    found["seconds"] = time.perf_counter() - start
    each = f", {1e3 * found['seconds'] / per:.2f} ms a case" if per else ""
    print(f"{what}: {found['seconds']:.1f} s{each}", flush=True)


def make_dataset(root: Path, cases: int) -> Dataset:
    """Make a dataset of two readers; all cases share four contents."""
    generator = np.random.default_rng(0)
    (root / "tiny.yaml").write_text(CATALOGUE, encoding="utf-8")
    for kind in ("images", "readers/r1", "readers/r2"):
        (root / kind).mkdir(parents=True)
        for number in range(4):
            labels = np.zeros((4, 16, 16), np.uint8)
            labels[1:3, 4 + number : 10, 4 : 10 + generator.integers(0, 3)] = 1
            array = labels * 60 if kind == "images" else labels
            write_volume(Volume(array, SPACING_MM), root / kind / f"{number}.nii.gz")
        contents = [(root / kind / f"{number}.nii.gz").read_bytes() for number in range(4)]
        for number in range(4):
            (root / kind / f"{number}.nii.gz").unlink()
        for number in range(cases):
            (root / kind / f"case{number:07d}.nii.gz").write_bytes(contents[number % 4])
    return load_dataset(root / "tiny.yaml")


def bare_work(dataset: Dataset, folder: Path) -> None:
    """Do what must be done for each case, and no more."""
    predictor = Bright()
    folder.mkdir()
    for case in dataset:
        image = read_volume(case.image_path)
        masks = {reader: read_volume(path).array for reader, path in case.reader_paths.items()}
        path = folder / f"{case.id}.nii.gz"
        write_volume(image.with_array(predictor.predict(image).labels), path)
        prediction = read_volume(path).array
        references = [fuse(masks), *leave_one_out(masks).values()]
        for reference in references:
            score(reference, prediction, spacing_mm=SPACING_MM, labels={"iph": 1}, metrics=METRICS)


def processor_ms(work: Callable[[], object], per: int) -> float:
    """Return the processor time of some work in this process, which depends less on other load than wall time."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start) / per


def peak_mib() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def check(dataset: Dataset) -> None:
    """Check all files as a run does before it begins."""
    for case in dataset:
        case.check()


def measure_overhead(dataset: Dataset, root: Path, repeats: int = 5) -> None:
    """Print what a run takes beyond the bare work: the minimum of several, since other load only adds."""
    run(dataset, Bright(), root / "warm", jobs=1, **ARGUMENTS)
    each: dict[str, list[float]] = {"bare work": [], "run": [], "first check": []}
    for turn in range(repeats):
        steps: dict[str, Callable[[], object]] = {
            "bare work": partial(bare_work, dataset, root / f"bare{turn}"),
            "run": partial(run, dataset, Bright(), root / f"run{turn}", jobs=1, **ARGUMENTS),
            "first check": partial(check, dataset),
        }
        for name, work in steps.items():
            for case in dataset:
                case.image_path.touch()  # else the process would remember where it lies
            each[name].append(processor_ms(work, len(dataset)))
    least = {name: min(found) for name, found in each.items()}
    told = ", ".join(f"{name} {found:.2f}" for name, found in least.items())
    print(f"processor time, ms a case: {told}; harness overhead {least['run'] - least['bare work']:.2f}", flush=True)


def run_in_shards(dataset: Dataset, folder: Path, jobs: int, count: int = 4) -> Run:
    """Run a dataset in shards, one after the other, and merge them; print times and how memory grows."""
    before, shards = peak_mib(), []
    for number in range(1, count + 1):
        shard = Shard(number, count)
        with timed(f"shard {shard}, {jobs} processes", len(dataset) // count):
            shards.append(run(dataset, Bright(), shard.folder(folder), shard=shard, jobs=jobs, **ARGUMENTS))
        workers = shards[-1].times["memory_mib"].max()
        print(f"peak memory: {before:.0f} MiB before, {peak_mib():.0f} MiB now; workers {workers:.0f} MiB", flush=True)
    with timed(f"merging {count} shards", len(dataset)):
        return merge(shards, folder)


def measure_run(cases: int, jobs: int) -> None:
    """Print what a run takes beyond the bare work, and what shards of many cases, their merging and a report take."""
    with tempfile.TemporaryDirectory(prefix="ctbench-scale-") as name:
        root = Path(name)
        os.environ["CTBENCH_CACHE"] = str(root / "cache")
        with timed(f"making {cases} cases"):
            dataset = make_dataset(root, cases)
        few = dataset.select([case.id for case in list(dataset)[:100]])
        measure_overhead(few, root)
        whole, split = run(few, Bright(), root / "whole", jobs=1, **ARGUMENTS), run_in_shards(few, root / "split", 1)
        print(f"merged equals unsplit: {whole.manifest == split.manifest}")
        merged = run_in_shards(dataset, root / "many", jobs)
        size = RunFolder(merged.folder).scores.stat().st_size / cases
        print(f"scores {size:.0f} bytes a case; peak memory {peak_mib():.0f} MiB")
        with timed("a report without pictures"):
            build_report([merged], root / "report.html", datasets={})


def measure_cluster(cases: int) -> None:
    """Print how long the same run takes on a Dask cluster of one worker and of two."""
    from distributed import LocalCluster

    with tempfile.TemporaryDirectory(prefix="ctbench-scale-") as name:
        root = Path(name)
        dataset = make_dataset(root, cases)
        for workers in (1, 2):
            # Workers begin with their imports, which is no part of the work.
            few = dataset.select([case.id for case in list(dataset)[: 8 * workers]])
            with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
                where = {"cluster": cluster.scheduler_address, **ARGUMENTS}
                run(few, Bright(), root / f"warm{workers}", **where)
                with timed(f"run of {cases} on {workers} workers", cases):
                    run(dataset, Bright(), root / f"on{workers}", **where)


READERS = ("r1", "r2", "r3")


def make_board(root: Path, runs: int, cases: int, structures: int) -> Place:
    """Write simulated runs of models, and one of readers, to a board, without submitting them one by one."""
    labels = {f"structure{number}": number + 1 for number in range(structures)}
    generator = np.random.default_rng(0)
    references = ("majority", *(without("majority", reader) for reader in READERS))
    grid = pd.MultiIndex.from_product(
        [[f"case{number:04d}" for number in range(cases)], references, labels, METRICS],
        names=["case", "reference", "label", "metric"],
    ).to_frame(index=False)
    hard = generator.normal(0, 0.05, cases).repeat(len(grid) // cases)
    for number in range(runs):
        name = f"model{number:03d}"
        scores = grid.assign(dataset="tiny", rater=name, rater_kind="model", unit="1", status="ok", detail="")
        quality = 0.9 - 0.3 * generator.random()
        scores["value"] = np.clip(quality + hard + generator.normal(0, 0.08, len(scores)), 0, 1)
        _put(root, name, scores, labels)
    own = [grid[grid["reference"].isin(["majority", without("majority", name)])].assign(rater=name) for name in READERS]
    scores = pd.concat(own).assign(dataset="tiny", rater_kind="reader", unit="1", status="ok", detail="")
    scores["value"] = np.clip(0.88 + generator.normal(0, 0.08, len(scores)), 0, 1)
    _put(root, "readers", scores, labels)
    return Place.of(root)


def _put(root: Path, name: str, scores: pd.DataFrame, labels: dict[str, int]) -> None:
    written = root / "scores.parquet"
    write_frame(scores[list(SCORE_COLUMNS)].reset_index(drop=True), written)
    write_run(root, name, labels, list(scores["case"].unique()), METRICS, written.read_bytes())
    written.unlink()


def write_run(
    root: Path, name: str, labels: dict[str, int], cases: Iterable[str], metrics: Iterable[str], scores: bytes = b""
) -> str:
    """Write manifest and scores of a simulated run of a model, or of ``readers``, to a board; return its digest."""
    is_model = name != "readers"
    info = PredictorInfo(name=name, version="1", labels=LabelSet(labels), description="Made up.", licence="Apache-2.0")
    manifest = Manifest(
        schema_version=2,
        dataset="tiny",
        dataset_fingerprint="0" * 64,
        split="test",
        cases=tuple(cases),
        rater=name,
        rater_kind="model" if is_model else "reader",
        predictor=UsedPredictor.of(info, name, {}) if is_model else None,
        labels=labels,
        groups={},
        unsupported=(),
        consensus="majority",
        surface="3d",
        tolerance_mm=1.0,
        metrics=dict.fromkeys(metrics, 1),
        versions={},
        scores_digest=hashlib.sha256(scores).hexdigest(),
        predictions_digest=predictions_digest_of({}),
    )
    content = manifest.to_json().encode()
    digest = hashlib.sha256(content).hexdigest()
    paths = RunFolder(root / "runs" / digest)
    paths.path.mkdir(parents=True)
    paths.manifest.write_bytes(content)
    paths.scores.write_bytes(scores)
    return digest


def measure_board(runs: int, cases: int, structures: int) -> None:
    """Print how long a board takes to be derived and, in a new process, to be opened."""
    with tempfile.TemporaryDirectory(prefix="ctbench-board-") as name:
        root = Path(name) / "board"
        with timed(f"making {runs} runs of {cases} cases and {structures} structures"):
            make_board(root, runs, cases, structures)
        with timed("deriving the tables of all"):
            rebuild(root)
        subprocess.run([sys.executable, __file__, "--open", str(root)], check=True)


def expect_whole(board: Board) -> None:
    """Stop if the board refuses one of the simulated runs: there would be less to measure."""
    problems = board.runs.loc[board.runs["problem"] != "", "problem"]
    if len(problems):
        sys.exit(f"{len(problems)} of {len(board.runs)} runs are refused, the first: {problems.iloc[0]}")


def open_and_read(root: str) -> None:
    """Open a board and read what a first page shows, as a new process."""
    with timed("opening a board") as opening:
        board = open_board(root)
    expect_whole(board)
    with timed("reading one metric against one reference") as reading:
        rows = board.scores("tiny", METRICS[0], "majority")
    total = opening["seconds"] + reading["seconds"]
    print(
        json.dumps(
            {"runs": len(board.runs), "rows": len(rows), "seconds": round(total, 2), "peak_mib": round(peak_mib())}
        )
    )


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--board", action="store_true")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--structures", type=int, default=11)
    parser.add_argument("--open", metavar="BOARD", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.open:
        open_and_read(given.open)
    elif given.board:
        measure_board(given.runs, 500, given.structures)
    elif given.cluster:
        measure_cluster(given.cases)
    else:
        measure_run(given.cases, given.jobs)


if __name__ == "__main__":
    main()
