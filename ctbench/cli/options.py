"""Options and arguments that several commands share, and how their values are read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Dataset
    from ctbench.predictors import Isolation
    from ctbench.runs import Run

__all__ = [
    "AsCsv",
    "AsJson",
    "Catalog",
    "Consensus",
    "DatasetArgument",
    "DatasetOfRun",
    "DatasetOption",
    "Device",
    "Environment",
    "Format",
    "Jobs",
    "MaskImage",
    "MemoryGb",
    "Metrics",
    "ModelName",
    "Mounts",
    "Options",
    "PredictorSpec",
    "Processes",
    "RunFolder",
    "Split",
    "Timeout",
    "Tolerance",
    "Trust",
    "TrustPackage",
    "Unsandboxed",
    "chosen_split",
    "dataset_of_run",
    "isolation_from",
    "key_values",
    "with_tolerances",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print the rows as a JSON list of objects.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")]

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset, or its YAML file.")]
DatasetOption = Annotated[
    str, typer.Option("--dataset", "-d", metavar="DATASET", help="Name of a dataset, or its YAML file.")
]
DatasetOfRun = Annotated[
    str | None,
    typer.Option(
        "--dataset", "-d", metavar="DATASET", help="Name of a dataset, or its YAML file. [default: that of the run]"
    ),
]
Catalog = Annotated[
    list[Path] | None,
    typer.Option("--catalog", metavar="FILE", help="YAML file that describes further datasets. May be repeated."),
]
Format = Annotated[
    Literal["nifti", "seg.nrrd", "dicom-seg"],
    typer.Option(
        "--format",
        help="Format of the label maps: NIfTI, 3D Slicer, or DICOM SEG, which needs images that are DICOM series.",
    ),
]
MaskImage = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="PATH",
        help="Image that the masks lie on; DICOM SEG, RTSTRUCT and cropped segmentations need it.",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="SPLIT",
        help="Use the cases of this split, or 'all'. [default: test if the dataset has such a split, else all]",
    ),
]
Consensus = Annotated[
    str,
    typer.Option(
        "--consensus",
        metavar="RULE",
        help="Rule that fuses the readers: majority, plurality, staple, simple, union or intersection.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="Compute this metric, or all. May be repeated. [default: those that `ctbench metrics` marks]",
    ),
]
Tolerance = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance",
        metavar="MM|LABEL=MM",
        help="Tolerance of nsd (surface Dice) in mm, of all structures or of one. May be repeated. "
        "[default: the dataset's]",
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", metavar="N", help="Number of parallel processes, which share the cores; -1: one per core."
    ),
]

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]

PredictorSpec = Annotated[
    str,
    typer.Argument(
        metavar="PREDICTOR",
        help="Name of an installed predictor, module:attribute, command:'PROGRAM {image} {output}', container:IMAGE, "
        "nnunet:FOLDER, bundle:FOLDER, onnx:PATH or torchscript:PATH, or folder:PATH of predictions.",
    ),
]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, e.g. cai-unet.")]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="DEVICE", help="Device of the model, e.g. cpu or cuda. [default: the model chooses]"
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", metavar="KEY=VALUE", help="Keyword argument of the predictor; JSON values. May be repeated."
    ),
]
Trust = Annotated[bool, typer.Option("--trust", help="Run the predictor in this process, without sandbox and limits.")]
Unsandboxed = Annotated[
    bool,
    typer.Option(
        "--unsandboxed",
        help="Run code of other packages also where there is no sandbox: it can read and write all that you can.",
    ),
]
AllowDemo = Annotated[
    bool, typer.Option("--allow-demo", help="Also take a model that learnt on simulated heads alone for patients.")
]
TrustPackage = Annotated[
    bool, typer.Option("--trust", help="Also run code of other packages than ctbench; it runs without a sandbox.")
]
Mounts = Annotated[
    list[str] | None,
    typer.Option(
        "--mount",
        metavar="PATH[:INSIDE]",
        help="File or folder that the predictor may read, in a container also at the path INSIDE. May be repeated.",
    ),
]
Environment = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME[=VALUE]",
        help="Environment variable of the predictor's process; without a value that of this one. May be repeated. "
        "run.json keeps a short digest of NAME=VALUE, but none where the name speaks of a secret.",
    ),
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="Time limit per case in seconds. [default: 1800]")
]
MemoryGb = Annotated[
    float | None, typer.Option("--memory-gb", metavar="GIB", help="Memory limit of the predictor in GiB. [default: 16]")
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes", metavar="N", help="Maximum number of processes and threads of the predictor. [default: 512]"
    ),
]


def chosen_split(dataset: Dataset, split: str | None) -> str:
    """Return the split that ``--split`` means: empty for all cases; without the option ``test`` if there is one."""
    from ctbench.runs.starting import usual_split

    return usual_split(dataset, split)


def with_tolerances(dataset: Dataset, given: list[str] | None) -> Dataset:
    """Return the dataset with the tolerances of ``--tolerance MM`` or ``--tolerance LABEL=MM``.

    Raises:
        UsageError: A tolerance is not a positive number, or the dataset has no such structure.
    """
    # A structure's own tolerance is set after that of all.
    for text in sorted(given or (), key=lambda text: "=" in text):
        name, _, value = text.rpartition("=")
        try:
            number = float(value)
        except ValueError as error:
            msg = f"--tolerance expects MM or LABEL=MM, e.g. 2 or iph=0.5; got {text!r}"
            raise UsageError(msg) from error
        dataset = dataset.with_tolerance({name: number} if name else number)
    return dataset


def dataset_of_run(run: Run, dataset: str | None, catalog: list[Path] | None) -> Dataset:
    """Load the dataset that ``--dataset`` names; without the option the dataset of the run, by its name only.

    Raises:
        DatasetError: No catalogue has the name that stands in ``run.json``; the message says how to name a file.
        DataError: As for ``load_dataset``.
    """
    from ctbench.datasets import find_named, load_dataset, load_entry
    from ctbench.errors import DatasetError

    if dataset is not None:
        return load_dataset(dataset, catalog=catalog)
    try:
        found = find_named(run.manifest.dataset, catalog)
    except DatasetError as error:
        msg = f"{error}; if the run is of your own dataset, name its YAML file: --dataset FILE.yaml"
        raise DatasetError(msg) from error
    return load_entry(found)


def key_values(pairs: list[str] | None, device: str | None = None) -> dict[str, Any]:
    """Return the values of ``--option KEY=VALUE`` and ``--device``; JSON values (numbers, true, null) are decoded.

    Raises:
        UsageError: A pair has no ``=``, or its key is not a Python identifier.
    """
    read: dict[str, Any] = {} if device is None else {"device": device}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            msg = f"--option expects KEY=VALUE, got {pair!r}"
            raise UsageError(msg)
        try:
            read[key] = json.loads(value)
        except ValueError:
            read[key] = value
    return read


def isolation_from(
    *,
    trust: bool,
    unsandboxed: bool,
    mount: list[str] | None,
    env: list[str] | None = None,
    timeout: float | None,
    memory_gb: float | None,
    processes: int | None,
) -> Isolation:
    """Return the `Isolation` that ``--trust``, ``--unsandboxed``, ``--mount`` and the options of limits describe.

    Raises:
        UsageError: A mount does not exist, or a limit is not positive.
    """
    from ctbench.predictors import Isolation, Limits

    mounts, placed = _mounts(mount or ())
    given = {"seconds": timeout, "memory_gb": memory_gb, "processes": processes}
    limits = Limits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # each has its own type
    return Isolation(trust, mounts, limits, unsandboxed, placed, _variables(env or ()))


def _variables(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the variables of ``--env NAME=VALUE``, and of ``--env NAME`` with the values that they have here.

    Raises:
        UsageError: A name is empty, or is not set here.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or (not equals and name not in os.environ):
            msg = f"--env expects NAME=VALUE, or the NAME of a variable that is set here; got {text!r}"
            raise UsageError(msg)
        found[name] = value if equals else os.environ[name]
    return tuple(sorted(found.items()))


def _mounts(texts: Iterable[str]) -> tuple[tuple[Path, ...], tuple[tuple[Path, PurePosixPath], ...]]:
    """Return the files and folders of ``--mount PATH``, and those of ``--mount PATH:INSIDE`` with their paths inside.

    Raises:
        UsageError: One does not exist.
    """
    mounts, placed, absent = [], [], []
    for text in texts:
        here, colon, inside = text.rpartition(":")
        if Path(text).exists():
            mounts.append(Path(text).absolute())
        elif colon and inside.startswith("/") and Path(here).exists():
            placed.append((Path(here).absolute(), PurePosixPath(inside)))
        else:
            absent.append(text)
    if absent:
        msg = f"--mount expects an existing file or folder; not found: {', '.join(absent)}"
        raise UsageError(msg)
    return tuple(mounts), tuple(placed)
