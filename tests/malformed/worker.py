"""Reads files for the tests, in a process of its own that may be killed: one request a line, one answer a line."""

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

from ctbench.annotations import read_annotation
from ctbench.boards import open_board
from ctbench.datasets import check, load_dataset, published
from ctbench.errors import CtbenchError
from ctbench.labels import LabelSet
from ctbench.predictors.folder import FolderPredictions
from ctbench.runs import merge, open_run, read_lock
from ctbench.runs.completion import join_parts
from ctbench.volume import Volume, read_geometry, read_label_map, read_volume
from reference_models import find_model
from reference_models.baselines.atlas import atlas
from reference_models.blast_ct.predictor import blast_ct
from reference_models.cai_unet.network import CaiUNet
from reference_models.cai_unet.predictor import cai_unet
from reference_models.cascade_unet.predictor import cascade_unet
from reference_models.deepbleed.predictor import deepbleed_64
from reference_models.deepnat.predictor import deepnat
from reference_models.hybrid_mask_rcnn.predictor import hybrid_mask_rcnn
from reference_models.training.checkpoint import load_checkpoint

MEMORY_BYTES = 3 * 2**30
"""Beyond what the imported libraries take: torch for graphics cards alone fills three gigabytes of addresses."""


def volume(path):
    """An image: its voxels, and its grid by the header alone."""
    found = read_volume(path)
    if read_geometry(path) != found.geometry:
        msg = "the header says another grid than the volume has"
        raise AssertionError(msg)
    return found.shape


def annotation(path):
    """A mask of named segments on the grid of the image beside it; a label map has its descriptions beside it."""
    beside = path.with_name("mask.txt")
    return read_annotation(
        path,
        labels=LabelSet({"iph": 1, "ivh": 2}),
        image=read_geometry(path.with_name("image.nii.gz")),
        descriptions=beside if beside.is_file() else None,
    ).shape


def prediction(path):
    """What a folder of predictions says of case ``a``, on a grid of 3 x 4 x 5 voxels."""
    image = Volume(np.zeros((3, 4, 5), np.int16), (5.0, 1.0, 1.0))
    return FolderPredictions(path).prediction("a", image).labels.shape


def dataset(path):
    """A dataset, and every file of it."""
    problems = [problem for problem in check(path, deep=True) if problem.is_fatal]
    if problems:
        raise problems[0].error()
    return [case.label_maps().arrays.keys() for case in load_dataset(path)]


def figures(path):
    """Printed figures that a catalogue names."""
    return len(published(catalog=path))


def run(path):
    """All that is read of a run's folder."""
    opened = open_run(path)
    shapes = opened.scores.shape, opened.times.shape, len(opened.messages())
    return [*shapes, *(opened.prediction(case).shape for case in opened.manifest.cases[:1])]


def part(path):
    """One part of a run, joined to a whole table."""
    return join_parts([path], path.with_name("joined.parquet"))


def shards(path):
    """All shards of a run, merged."""
    return merge([open_run(folder) for folder in sorted(path.glob("*.shard-*"))], path / "merged")


def board(path):
    """A board, with the scores of its runs."""
    opened = open_board(path)
    return [len(opened.scores(row.dataset, "dice", "majority")) for row in opened.runs.itertuples()]


def checkpoint(path):
    """A checkpoint of a narrow network."""
    network = CaiUNet(classes=3, width=2)
    return load_checkpoint(path, network, torch.optim.Adam(network.parameters()), {"seed": 1})[1]


def hang(path):
    """Nothing comes back of this."""
    time.sleep(1000)


def hoard(path):
    """More memory than there may be."""
    return len(bytearray(2 * MEMORY_BYTES))


READERS = {
    "annotation": annotation,
    "atlas": lambda path: atlas(weights=str(path)),
    "blast": lambda path: blast_ct(weights=str(path), device="cpu"),
    "blast-import": lambda path: find_model("blast-ct").import_weights(path, path.with_suffix(".ours")),
    "board": board,
    "cai": lambda path: cai_unet(weights=str(path), device="cpu"),
    "cai-import": lambda path: find_model("cai-unet").import_weights(path, path.with_suffix(".ours")),
    "cascade": lambda path: cascade_unet(weights=str(path), device="cpu"),
    "chang": lambda path: hybrid_mask_rcnn(weights=str(path), device="cpu"),
    "checkpoint": checkpoint,
    "crash": lambda path: os.abort(),
    "dataset": dataset,
    "deepbleed": lambda path: deepbleed_64(weights=str(path), device="cpu"),
    "deepbleed-import": lambda path: find_model("deepbleed-64").import_weights(path, path.with_suffix(".ours")),
    "deepnat": lambda path: deepnat(weights=str(path), device="cpu"),
    "hang": hang,
    "hoard": hoard,
    "label_map": lambda path: read_label_map(path).shape,
    "lock": read_lock,
    "part": part,
    "prediction": prediction,
    "published": figures,
    "run": run,
    "shards": shards,
    "volume": volume,
}


def answer(reader, path):
    """Read, and tell how it ended."""
    start = time.perf_counter()
    try:
        outcome, said = "read", repr(READERS[reader](path))[:200]
    except CtbenchError as error:
        outcome, said = "refused", str(error)
    except BaseException as error:  # noqa: BLE001  # whatever else comes is what the tests look for
        outcome, said = type(error).__name__, str(error)
    return {"outcome": outcome, "said": said, "seconds": time.perf_counter() - start}


def main():
    """Answer until the input ends; whatever libraries print goes to stderr, beside the answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    most = MEMORY_BYTES + int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(request["reader"], Path(request["path"]))), file=answers, flush=True)


if __name__ == "__main__":
    main()
