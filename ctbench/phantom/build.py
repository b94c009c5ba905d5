"""Builders of the phantom datasets: write images, readers' label maps and a case table into a folder."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from ctbench.datasets import size_class
from ctbench.errors import UsageError
from ctbench.files import write_text
from ctbench.parallel import in_parallel
from ctbench.phantom.head import DEFAULT_SHAPE, Head, head
from ctbench.phantom.hemorrhage import Hemorrhage
from ctbench.phantom.protocol import representative_slices
from ctbench.phantom.reader import ReaderProfile, draw
from ctbench.phantom.scanner import OTHER_SCANNER, Scanner
from ctbench.phantom.structures import anatomy_labels, hemorrhage_labels
from ctbench.volume import Volume, write_volume

__all__ = ["ANATOMY_READERS", "HEMORRHAGE_READERS", "build_anatomy", "build_hemorrhage"]

Shape = tuple[int, int, int]


def _biases(**mm: float) -> dict[int, float]:
    return {anatomy_labels[name]: value for name, value in mm.items()}


ANATOMY_READERS: Mapping[str, ReaderProfile] = {
    "reader1": ReaderProfile(
        label_bias_mm=_biases(
            subarachnoid_space=-0.1,
            septum_pellucidum=0.2,
            lentiform=0.2,
            insular_cortex=-0.2,
            internal_capsule=-0.25,
        ),
        jitter_mm=0.65,
        wander_mm=0.6,
    ),
    "reader2": ReaderProfile(
        label_bias_mm=_biases(subarachnoid_space=0.1, dural_folds_sinuses=0.2, caudate=0.1, central_sulcus=0.1),
        jitter_mm=0.6,
        wander_mm=0.5,
    ),
    "reader3": ReaderProfile(
        label_bias_mm=_biases(brainstem_cerebrum=0.1, insular_cortex=0.15, ventricles=-0.15),
        jitter_mm=0.5,
        wander_mm=0.45,
    ),
}
"""Readers who agree with their majority about as well as Cai's three observers did with theirs (Table 3)."""

_TYPES = tuple(hemorrhage_labels.values())
HEMORRHAGE_READERS: Mapping[str, ReaderProfile] = {
    "reader1": ReaderProfile(bias_mm=-0.2, jitter_mm=0.5, wander_mm=0.4, types=_TYPES),
    "reader2": ReaderProfile(bias_mm=0.3, jitter_mm=0.5, wander_mm=0.4, types=_TYPES),
    "reader3": ReaderProfile(jitter_mm=0.6, wander_mm=0.5, types=_TYPES),
}
"""Readers of similar skill of whom one draws a little inside, and one a little outside."""

CONFUSED = 0.05
"""Chance that a reader calls a hemorrhage by another type, unless another chance is chosen."""

_VOLUMES_ML = {"small": (0.8, 4.5), "medium": (6.0, 23.0), "large": (27.0, 55.0)}
_TAKEN_FOR = {"central_sulcus": "subarachnoid_space"}
"""A structure that readers cannot identify -> what they take it for."""
_COMPANION = {"iph": "ivh", "edh_sdh": "sah"}


def build_anatomy(
    folder: str | os.PathLike[str],
    *,
    train: int = 8,
    validation: int = 2,
    test: int = 12,
    shape: Shape = DEFAULT_SHAPE,
    seed: int = 20190183,
    cohort: Literal["normal", "inph"] = "normal",
    other_scanner: bool = False,
    jobs: int = -1,
) -> None:
    """Write a dataset of the eleven structures, read by three readers.

    Training and validation cases are annotated on every slice, test cases on four to six, as in the paper.

    Args:
        folder: Folder for ``images/CASE.nii.gz``, ``readers/READER/CASE.nii.gz``, ``truth/CASE.nii.gz`` and
            ``cases.csv``.
        train: number of training cases.
        validation: number of validation cases.
        test: number of test cases.
        shape: Shape of every scan, z,y,x; the field of view stays the same.
        seed: Seed of all random numbers; equal seeds produce equal files.
        cohort: normal; or inph, as in Cai's Table 4: ventricles 1.4 to 1.6 times as wide as the mean, a shunt in every
            second case, and in every sixth a central sulcus that no reader can identify (``not_assessed`` in the case
            table). Wide ventricles cover a part of the caudate instead of displacing it.
        other_scanner: Whether all scans are of one scanner that the usual datasets do not have.
        jobs: Number of worker processes; -1 uses all cores.

    Raises:
        UsageError: There is no such cohort.
    """
    if cohort not in {"normal", "inph"}:
        msg = f"unknown cohort {cohort!r}; expected normal or inph"
        raise UsageError(msg)
    splits = _splits(train, validation, test)
    cases = [
        replace(_case("anatomy", number, split, seed), basal_slices=2 + number % 3 if split == "test" else None)
        for number, split in enumerate(splits)
    ]
    if cohort == "inph":
        cases = [_with_inph(case, number) for number, case in enumerate(cases)]
    if other_scanner:
        cases = [replace(case, scanner=OTHER_SCANNER) for case in cases]
    _build("anatomy", _write_anatomy, cases, Path(folder), shape, jobs)


def build_hemorrhage(
    folder: str | os.PathLike[str],
    *,
    train: int = 24,
    validation: int = 6,
    test: int = 24,
    shape: Shape = DEFAULT_SHAPE,
    seed: int = 20185742,
    confuse: float = CONFUSED,
    jobs: int = -1,
) -> None:
    """Write a dataset of scans with and without hemorrhage, read by three readers on every slice.

    Half of each split is normal. The others go round the four types and the size classes small, medium and large, so
    that twelve of them hold every pair once; some have a second, small hemorrhage.

    Args:
        folder: Folder for the same files as in ``build_anatomy``; ``cases.csv`` also has the columns ``type`` and
            ``size_class`` of a case's first hemorrhage, and ``types`` of all, joined by ``+``.
        train: number of training cases.
        validation: number of validation cases.
        test: number of test cases.
        shape: Shape of every scan, z,y,x; the field of view stays the same.
        seed: Seed of all random numbers; equal seeds produce equal files.
        confuse: Probability that a reader calls a hemorrhage by another type. Default .05.
        jobs: Number of worker processes; -1 uses all cores.

    Raises:
        UsageError: ``confuse`` is not a probability.
    """
    readers = {name: replace(profile, confuse=confuse) for name, profile in HEMORRHAGE_READERS.items()}
    cases = [_case("hemorrhage", number, split, seed) for number, split in enumerate(_splits(train, validation, test))]
    for split in ("train", "validation", "test"):
        members = [index for index, case in enumerate(cases) if case.split == split]
        order = np.random.Generator(np.random.PCG64([seed, len(split)])).permutation(members)
        for turn, index in enumerate(order[: len(members) // 2]):
            cases[index] = replace(cases[index], hemorrhages=_hemorrhages(turn, cases[index].seed))
    write = partial(_write_hemorrhage, readers=readers)
    _build("hemorrhage", write, cases, Path(folder), shape, jobs)


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    split: str
    patient: str
    seed: int
    hemorrhages: tuple[Hemorrhage, ...] = ()
    basal_slices: int | None = None
    ventricle: float = 0.0
    shunted: bool = False
    hidden: tuple[str, ...] | None = None
    """Structures that no reader can identify; None: the case table has no such column."""
    scanner: Scanner | None = None


def _case(kind: str, number: int, split: str, seed: int) -> _Case:
    (own_seed,) = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
    return _Case(f"{kind}-{number + 1:03d}", split, f"{kind[0].upper()}{number + 1:03d}", int(own_seed))


def _with_inph(case: _Case, number: int) -> _Case:
    rng = np.random.Generator(np.random.PCG64([case.seed, 3]))
    hidden = ("central_sulcus",) if number % 6 == 5 else ()
    return replace(case, ventricle=float(rng.uniform(1.4, 1.6)), shunted=number % 2 == 0, hidden=hidden)


def _splits(train: int, validation: int, test: int) -> list[str]:
    return ["train"] * train + ["validation"] * validation + ["test"] * test


def _hemorrhages(turn: int, seed: int) -> tuple[Hemorrhage, ...]:
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    # Four and three have no common divisor, so twelve turns meet every pair of type and size once.
    kind, size = list(hemorrhage_labels)[turn % 4], list(_VOLUMES_ML)[turn % 3]
    low, high = np.log(_VOLUMES_ML[size])
    first = Hemorrhage(kind, float(np.exp(rng.uniform(low, high))))
    if kind not in _COMPANION or rng.random() < 0.5:
        return (first,)
    return first, Hemorrhage(_COMPANION[kind], float(rng.uniform(1.0, 4.0)))


def _build(
    kind: str,
    write: Callable[[Path, _Case, Shape], dict[str, str]],
    cases: list[_Case],
    folder: Path,
    shape: Shape,
    jobs: int,
) -> None:
    rows = in_parallel(write, [(folder, case, tuple(shape)) for case in cases], jobs, in_order=True)
    # The table comes last: a folder with it is complete.
    write_text(folder / "cases.csv", _table(_shown(rows, len(cases), kind)))


def _shown(rows: Iterable[dict[str, str]], total: int, kind: str) -> Iterator[dict[str, str]]:
    console = Console(stderr=True)
    yield from track(rows, f"making the {kind} phantoms", total=total, console=console, disable=not console.is_terminal)


def _table(rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return text.getvalue()


def _write_anatomy(folder: Path, case: _Case, shape: Shape) -> dict[str, str]:
    scan = head(
        case.seed,
        shape=shape,
        ventricle_at_least=case.ventricle,
        shunted=case.shunted,
        scanner=case.scanner,
    )
    seen = scan.anatomy.array.copy()
    for name in case.hidden or ():
        seen[seen == anatomy_labels[name]] = anatomy_labels[_TAKEN_FOR[name]]
    annotated = np.ones(shape[0], bool)
    if case.basal_slices is not None:
        annotated = representative_slices(scan.anatomy.array, case.basal_slices)
    _write(folder, case, scan.image, scan.anatomy, ANATOMY_READERS, annotated, seen)
    told = {} if case.hidden is None else {"not_assessed": ";".join(case.hidden)}
    return {**_row(case, scan), **told}


def _write_hemorrhage(folder: Path, case: _Case, shape: Shape, readers: Mapping[str, ReaderProfile]) -> dict[str, str]:
    scan = head(case.seed, shape=shape, hemorrhages=case.hemorrhages)
    _write(folder, case, scan.image, scan.hemorrhage, readers, np.ones(shape[0], bool))
    found = scan.hemorrhages
    return {
        **_row(case, scan),
        "type": found[0].type if found else "normal",
        "size_class": str(size_class(found[0].volume_ml)) if found else "normal",
        "types": "+".join(one.type for one in found) or "normal",
    }


def _write(
    folder: Path,
    case: _Case,
    image: Volume,
    truth: Volume,
    readers: Mapping[str, ReaderProfile],
    annotated: NDArray[np.bool_],
    seen: NDArray[np.uint8] | None = None,
) -> None:
    file = f"{case.name}.nii.gz"
    write_volume(image, folder / "images" / file)
    write_volume(truth, folder / "truth" / file)
    for number, (name, profile) in enumerate(readers.items()):
        (own_seed,) = np.random.SeedSequence([case.seed, 2, number]).generate_state(1, np.uint64)
        drawn = draw(
            truth.array if seen is None else seen, truth.spacing_mm, profile, int(own_seed), annotated=annotated
        )
        write_volume(truth.with_array(drawn), folder / "readers" / name / file)


def _row(case: _Case, scan: Head) -> dict[str, str]:
    return {
        "case": case.name,
        "split": case.split,
        "patient": case.patient,
        "scanner": scan.scanner.name,
        "noise": scan.noise,
        "slice_thickness_mm": f"{scan.image.spacing_mm[0]:g}",
    }
