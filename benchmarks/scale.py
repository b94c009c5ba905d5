"""What the harness itself costs: seconds and memory a case on volumes so small that nothing else counts.

    python benchmarks/scale.py --cases 2000 --jobs 2      a run, bare work beside it, four shards and their merging
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ctbench.consensus import fuse, leave_one_out
from ctbench.datasets import Dataset, load_dataset
from ctbench.labels import LabelSet
from ctbench.metrics import score
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.runs import SCORE_COLUMNS, Manifest, Shard, merge, open_board, rebuild, run
from ctbench.runs.folder import RunFolder, write_frame
from ctbench.runs.places import Place
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


class Bright:
    """Finds what is bright."""

    info = PredictorInfo(name="bright", version="1", labels=LabelSet({"iph": 1}))

    def predict(self, image: Volume) -> Prediction:
        """Threshold."""
        return Prediction((image.array > 50).astype(np.uint8))


@contextmanager
def timed(what: str, per: int = 0) -> Iterator[dict[str, float]]:
    """Print how long a block took, and for how many cases."""
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


def check_again(dataset: Dataset) -> None:
    """Read all masks as a run does before it begins."""
    for case in dataset:
        for reader in case.readers:
            case.reader(reader)


def processor_ms(work: Callable[[], object], per: int) -> float:
    """Give the processor time of some work in this process: on a busy machine it says more than the clock."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start) / per


def peak_mib() -> float:
    """Give the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_run(cases: int, jobs: int) -> None:
    """Print what a run of so many cases takes beyond the bare work, and what four shards and their merging take."""
    with tempfile.TemporaryDirectory(prefix="ctbench-scale-") as name:
        root = Path(name)
        os.environ["CTBENCH_CACHE"] = str(root / "cache")
        with timed(f"making {cases} cases"):
            dataset = make_dataset(root, cases)
        few = dataset.select([case.id for case in list(dataset)[:8]])
        arguments = {"metrics": METRICS, "cached": False}
        run(few, Bright(), root / "warm", jobs=1, **arguments)
        sample = dataset.select([case.id for case in list(dataset)[: min(cases, 500)]])
        bare = processor_ms(lambda: bare_work(sample, root / "bare"), len(sample))
        alone = processor_ms(lambda: run(sample, Bright(), root / "alone", jobs=1, **arguments), len(sample))
        checked = processor_ms(lambda: check_again(sample), len(sample))
        print(f"processor time, ms a case: bare work {bare:.2f}, run {alone:.2f}, of which first check {checked:.2f}")
        print(f"harness overhead: {alone - bare:.2f} ms a case, {alone - bare - checked:.2f} beyond the check")
        before = peak_mib()
        with timed(f"run of {cases}, {jobs} processes", cases):
            made = run(dataset, Bright(), root / "run", jobs=jobs, **arguments)
        times = made.times.groupby("phase")["seconds"].median() * 1e3
        print(f"median of a case in its worker, ms: {times.round(2).to_dict()}")
        workers = made.times["memory_mib"].max()
        print(f"peak memory: {before:.0f} MiB before, {peak_mib():.0f} MiB after; workers {workers:.0f} MiB")
        shards = []
        for number in range(1, 5):
            shard = Shard(number, 4)
            shards.append(run(dataset, Bright(), shard.folder(root / "split"), shard=shard, jobs=jobs, **arguments))
        with timed("merging four shards", cases):
            merged = merge(shards, root / "merged")
        size = RunFolder(merged.folder).scores.stat().st_size / cases
        print(f"merged equals unsplit: {merged.manifest == made.manifest}; scores {size:.0f} bytes a case")


def make_board(root: Path, runs: int, cases: int, structures: int) -> Place:
    """Put made-up runs on a board, without handing in one by one."""
    labels = {f"structure{number}": number + 1 for number in range(structures)}
    generator = np.random.default_rng(0)
    references = ("majority", "majority-without-r1", "majority-without-r2", "majority-without-r3")
    grid = pd.MultiIndex.from_product(
        [[f"case{number:04d}" for number in range(cases)], references, labels, METRICS],
        names=["case", "reference", "label", "metric"],
    ).to_frame(index=False)
    for number in range(runs):
        name = f"model{number:03d}"
        scores = grid.assign(dataset="tiny", rater=name, rater_kind="model", unit="1", status="ok", detail="")
        scores["value"] = generator.random(len(scores))
        manifest = Manifest(
            schema_version=2,
            dataset="tiny",
            dataset_fingerprint="0" * 64,
            split="test",
            cases=tuple(grid["case"].unique()),
            rater=name,
            rater_kind="model",
            predictor=None,
            labels=labels,
            groups={},
            unsupported=(),
            consensus="majority",
            surface="3d",
            tolerance_mm=1.0,
            metrics=dict.fromkeys(METRICS, 1),
            versions={},
            scores_digest="0" * 64,
        )
        paths = RunFolder(root / "runs" / hashlib.sha256(name.encode()).hexdigest())
        paths.path.mkdir(parents=True)
        write_frame(scores[list(SCORE_COLUMNS)], paths.scores)
        paths.manifest.write_text(manifest.to_json(), encoding="utf-8")
    return Place.of(root)


def measure_board(runs: int, cases: int, structures: int) -> None:
    """Print how long a board takes to be derived and, in a new process, to be opened."""
    with tempfile.TemporaryDirectory(prefix="ctbench-board-") as name:
        root = Path(name) / "board"
        with timed(f"making {runs} runs of {cases} cases and {structures} structures"):
            make_board(root, runs, cases, structures)
        with timed("deriving the tables of all"):
            rebuild(root)
        subprocess.run([sys.executable, __file__, "--open", str(root)], check=True)


def open_and_read(root: str) -> None:
    """Open a board and read what a first page shows, as a new process."""
    with timed("opening a board") as opening:
        board = open_board(root)
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
    parser.add_argument("--board", action="store_true")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--structures", type=int, default=11)
    parser.add_argument("--open", metavar="BOARD", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.open:
        open_and_read(given.open)
    elif given.board:
        measure_board(given.runs, 500, given.structures)
    else:
        measure_run(given.cases, given.jobs)


if __name__ == "__main__":
    main()
