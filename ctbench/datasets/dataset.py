"""Dataset: its cases, label set, scoring rules and fingerprint."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ctbench.annotations import (
    MaskFiles,
    Naming,
    Pictures,
    SharedFile,
    StructureFiles,
    is_of_pictures,
    picture_files,
)
from ctbench.datasets.case import Case
from ctbench.datasets.casetable import SPLITS
from ctbench.datasets.entry import AnnotatedColumn, Entry
from ctbench.displays import Displayed, names_in_short
from ctbench.errors import DatasetError, MissingFileError, UsageError, VolumeFileError
from ctbench.files import sha256
from ctbench.labels import LabelSet
from ctbench.suggestions import suggestion

__all__ = ["Dataset", "fingerprint_of"]


@dataclass(frozen=True, repr=False)
class Dataset(Displayed):
    """The cases of a catalogue entry; iterates over them in the order of the case table, or sorted by id.

    Args:
        name: Name in the catalogue.
        entry: The catalogue entry.
        root: Folder of the files.
        cases: The cases.
    """

    name: str
    entry: Entry
    root: Path
    cases: tuple[Case, ...]

    def _facts(self) -> dict[str, object]:
        splits = Counter(case.split or "" for case in self.cases)
        return {
            "name": self.name,
            "title": self.title,
            "cases": len(self.cases),
            "splits": ", ".join(f"{split} {count}" for split, count in sorted(splits.items()) if split),
            "structures": names_in_short(self.labels.names),
            "readers": names_in_short(sorted({reader for case in self.cases for reader in case.readers})),
        }

    @property
    def title(self) -> str:
        """Title of the dataset, one line."""
        return self.entry.title

    @property
    def modality(self) -> str:
        """``CT`` or ``MR``."""
        return self.entry.modality

    @property
    def task(self) -> str:
        """``segmentation``, ``detection`` or ``classification``."""
        return self.entry.task

    @property
    def labels(self) -> LabelSet:
        """Names, codes and groups of its structures."""
        return self.entry.label_set

    @property
    def surface(self) -> str:
        """``3d``, or ``2d`` where distances are measured within each axial slice."""
        return self.entry.surface

    @property
    def tolerance_mm(self) -> float | dict[str, float]:
        """Tolerance of the normalized surface Dice, one for all or by structure."""
        return self.entry.tolerance_mm

    @property
    def annotated(self) -> str:
        """The rule of the annotated slices: ``all``, ``nonempty``, or ``column:NAME`` of the case table."""
        rule = self.entry.annotated
        return f"column:{rule.column}" if isinstance(rule, AnnotatedColumn) else rule

    @property
    def is_phantom(self) -> bool:
        """Whether its heads are simulated: it has a builder, or a name like ``phantom-anatomy-training``."""
        return self.entry.builder is not None or self.name.startswith("phantom-")

    @property
    def patients(self) -> dict[str, str]:
        """Case -> patient; the case's own id if its patient is unknown."""
        return {case.id: case.patient or case.id for case in self.cases}

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of all readers of all cases, sorted."""
        return tuple(sorted({reader for case in self.cases for reader in case.readers}))

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, case_id: str) -> Case:
        for case in self.cases:
            if case.id == case_id:
                return case
        hint = suggestion(case_id, (case.id for case in self.cases), otherwise="its cases:")
        msg = f"dataset {self.name!r} has no case {case_id!r}; {hint}"
        raise DatasetError(msg)

    def split(self, name: str) -> Dataset:
        """Return the dataset with the cases of one split only.

        Raises:
            DatasetError: No case is in this split.
        """
        cases = tuple(case for case in self.cases if case.split == name)
        if not cases:
            present = [split for split in SPLITS if any(case.split == split for case in self.cases)]
            have = f"its splits: {', '.join(present)}" if present else "its case table has no splits"
            msg = f"dataset {self.name!r} has no case in the split {name!r}; {have}"
            raise DatasetError(msg)
        return replace(self, cases=cases)

    def select(self, cases: Iterable[str]) -> Dataset:
        """Return the dataset with these cases only, in its own order.

        Args:
            cases: Ids of the cases.

        Raises:
            DatasetError: The dataset has no such case; the message suggests a similar id.
        """
        known = {case.id for case in self.cases}
        wanted = {case_id if case_id in known else self[case_id].id for case_id in cases}
        return replace(self, cases=tuple(case for case in self.cases if case.id in wanted))

    def with_tolerance(self, tolerance_mm: float | Mapping[str, float]) -> Dataset:
        """Return the dataset with another tolerance of the normalized surface Dice; its fingerprint stays the same.

        Args:
            tolerance_mm: Tolerance in mm of all structures, or by label and group; structures that are not named keep
                their own.

        Raises:
            UsageError: A tolerance is not a positive number, or the dataset has no such structure.
        """
        stated = tolerance_mm if isinstance(tolerance_mm, Mapping) else {"": tolerance_mm}
        for name, value in stated.items():
            if name and name not in self.labels.names:
                msg = f"tolerance of {name!r}: dataset {self.name} has {', '.join(self.labels.names)}"
                raise UsageError(msg)
            if not (math.isfinite(value) and value > 0):
                msg = f"expected a positive tolerance in mm, got {value}"
                raise UsageError(msg)
        if isinstance(tolerance_mm, Mapping):
            own = self.tolerance_mm
            tolerance_mm = {**(own if isinstance(own, dict) else dict.fromkeys(self.labels.names, own)), **tolerance_mm}
        return replace(self, entry=self.entry.model_copy(update={"tolerance_mm": tolerance_mm}))

    def fingerprint(self) -> str:
        """Return a digest of the cases' files: datasets with equal fingerprints hold the same bytes.

        It is the SHA-256 of one line per file, ``case<TAB>role<TAB>reader<TAB>file name<TAB>SHA-256``, sorted,
        where role is ``image``, ``reader``, ``reference``, ``brain`` or ``descriptions`` and the file name is
        empty except in a folder of DICOM files; for one file per structure it is the structure. If the entry
        has aliases or a rule of overlaps, each case has one more line with the role ``naming`` and their
        digest; a rule of pictures has one, too. Further readings of a reader have the role ``reading``;
        sessions, conditions and times a line ``readings``; labels and weights of readers a line ``votes``.
        Names of folders, the truth of simulated cases and the catalogue entry are not included.

        Raises:
            MissingFileError, VolumeFileError: A file was deleted since the dataset was loaded, or cannot be read.
        """
        return fingerprint_of(self.file_lines())

    def file_lines(self) -> list[str]:
        """Return the lines of which ``fingerprint`` is the digest, sorted."""
        digest_of = functools.cache(sha256)  # one file may hold the annotations of all cases
        return sorted(line for case in self.cases for line in _digests(case, digest_of))


def fingerprint_of(lines: Iterable[str]) -> str:
    """Return the fingerprint of a dataset from its ``file_lines``, in any order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _digests(case: Case, digest_of: Callable[[Path], str]) -> Iterator[str]:
    voting = list(case.reader_paths.values())
    masks = [("image", "", case.image_path), ("reference", "", case.reference_path), ("brain", "", case.brain_path)]
    masks += [("reader", name, mask) for name, mask in case.reader_paths.items()]
    masks += [("descriptions", name, path) for name, path in case.descriptions.items() if path.is_file()]
    masks += [
        ("reading", f"{one.reader}/{one.condition}/{one.session}", one.mask)
        for one in case.readings
        if one.mask not in voting
    ]
    for role, reader, mask in masks:
        for inner, file in _files(mask):
            yield "\t".join((case.id, role, reader, inner, _digest(case, file, digest_of)))
    if case.naming != Naming():
        yield _rule_line(case, "naming", [sorted(case.naming.aliases.items()), case.naming.overlap])
    if case.reference_holds != "labels":
        yield _rule_line(case, "reference_holds", [case.reference_holds])
    if case.ignore is not None:
        yield _rule_line(case, "ignore", [case.ignore])
    if case.pictures != Pictures():
        yield _rule_line(case, "pictures", [case.pictures.name, case.pictures.first, case.pictures.axes])

    if case.repeats:
        known = [[one.reader, one.session, one.condition, one.seconds, one.order] for one in case.readings]
        yield _rule_line(case, "readings", [case.session_vote, known])
    if case.reader_labels or case.reader_weights:
        yield _rule_line(case, "votes", [sorted(case.reader_labels.items()), sorted(case.reader_weights.items())])


def _rule_line(case: Case, role: str, rules: list[object]) -> str:
    digest = hashlib.sha256(json.dumps(rules).encode()).hexdigest()
    return f"{case.id}\t{role}\t\t\t{digest}"


def _digest(case: Case, file: Path, digest_of: Callable[[Path], str]) -> str:
    try:
        return digest_of(file)
    except FileNotFoundError as error:
        msg = f"{case}: {file} was there a moment ago and is gone; put it back"
        raise MissingFileError(msg) from error
    except OSError as error:
        msg = f"{case}: {file} cannot be read: {error.strerror}; change its permissions, or copy it again"
        raise VolumeFileError(msg) from error


def _files(mask: MaskFiles | None) -> list[tuple[str, Path]]:
    """Return each file with its name in the fingerprint: a structure, a name in a folder, or none for a single file."""
    if mask is None:
        return []
    if isinstance(mask, StructureFiles):
        return list(mask.files)
    if isinstance(mask, SharedFile):
        return [("", mask.path)]
    if mask.is_dir() and is_of_pictures(mask):
        return list(picture_files(mask))
    if mask.is_dir():
        return [(file.name, file) for file in sorted(mask.iterdir()) if file.is_file()]
    return [("", mask)]
