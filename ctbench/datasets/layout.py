"""Find the files of a dataset's cases by its patterns and case table, and list missing and ambiguous ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ctbench.annotations import ALL_OTHERS, MaskFiles, SharedFile, StructureFiles
from ctbench.datasets.case import Case
from ctbench.datasets.casetable import CaseRow, read_case_table
from ctbench.datasets.catalogs import CatalogEntry
from ctbench.datasets.entry import AnnotatedColumn, Entry
from ctbench.datasets.patterns import Match, Pattern, assign
from ctbench.datasets.readings import Reading, ReadingRow, in_order, read_readings_table
from ctbench.errors import DatasetError, MissingFileError

__all__ = ["Problem", "Survey", "survey"]

Kind = Literal["missing", "ambiguous", "no_mask", "unknown_label", "one_structure", "unmatched", "unreadable"]


@dataclass(frozen=True)
class Problem:
    """A problem of a dataset's files.

    Args:
        kind: ``missing`` (the entry or the case table requires the file), ``ambiguous`` (several files match),
            ``no_mask`` (a case without reader and reference), ``unknown_label`` (the file of a structure that is
            neither a label nor an alias), ``one_structure`` (the pattern names one structure, and others have files of
            their own beside it), ``unmatched`` (the file belongs to no case; a warning),
            ``unreadable`` (not a volume, or another grid or other labels than expected).
        case: Id of the case; empty if there is none.
        reader: Name of the reader; empty if there is none.
        path: The file.
        message: What is wrong and what to do, in one sentence.
    """

    kind: Kind
    case: str
    reader: str
    path: str
    message: str

    @property
    def is_fatal(self) -> bool:
        """Whether it prevents the dataset from being loaded."""
        return self.kind != "unmatched"

    def error(self, more: str = "") -> DatasetError | MissingFileError:
        """Return the problem as an exception, with ``more`` appended to its message."""
        kind = MissingFileError if self.kind == "missing" else DatasetError
        return kind(self.message + more)


@dataclass(frozen=True)
class Survey:
    """The cases of a dataset with the files found, and the problems."""

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]
    matched: frozenset[Path]
    """The files and folders that the entry's patterns match, those that are not used too."""


def survey(found: CatalogEntry, root: Path) -> Survey:
    """Return a dataset's cases, from its case table or else from the files that match its patterns; opens no volume.

    Raises:
        DatasetError: The case table is invalid.
        MissingFileError: The case table does not exist.
    """
    entry = found.entry
    rows = _rows(found, root)
    names = (*entry.labels, *(alias for alias in entry.aliases if alias != ALL_OTHERS))
    files = assign({role: Pattern(text, names, entry.conditions) for role, text in _patterns(entry).items()}, root)
    listed = _listed_readings(found, root)
    if named := _listed_files(listed, root):
        elsewhere = {match.path for match in named}
        files = {role: [match for match in own if match.path not in elsewhere] for role, own in files.items()}
        files["reader"] = [*files.get("reader", []), *named]
    by_case = _by_case(files)
    shared = by_case.pop("", {})
    known = list(rows) if rows is not None else sorted(by_case)
    problems: list[Problem] = []
    cases = []
    for case in known:
        own_files = {**shared, **by_case.get(case, {})}
        own_readings = {key[1:]: row for key, row in listed.items() if key[0] == case}
        placed = _Placement(found, root, (rows or {}).get(case) or CaseRow(case), own_files, own_readings)
        cases.append(placed.case())
        problems.extend(placed.problems())
    problems.extend(_strays(found, by_case, {case.id: case for case in cases}))
    unused = [match for text in entry.unused for match in Pattern(text).matches(root)]
    matched = frozenset(match.path for matches in (*files.values(), unused) for match in matches)
    problems.extend(_unknown_structures(found, root, matched))
    problems.extend(_other_structures(found, root, matched))
    return Survey(tuple(cases), tuple(problems), matched)


Role = tuple[str, str]
"""``("image", "")``, ``("reference", "")``, ``("truth", "")``, ``("brain", "")`` or ``("reader", name)``."""


@dataclass(frozen=True)
class _Placement:
    """One case: its row of the case table, its files, and its rows of the table of readings."""

    found: CatalogEntry
    root: Path
    row: CaseRow
    files: Mapping[Role, list[Match]]
    listed: Mapping[tuple[str, str, str], ReadingRow]

    def case(self) -> Case:
        entry, row = self.found.entry, self.row
        repeats = {name: self._readings(name) for name in self._readers()}
        readers = {name: self._voting(readings) for name, readings in repeats.items()}
        return Case(
            id=row.case,
            dataset=self.found.name,
            labels=entry.label_set,
            image_path=self._first("image"),
            series=entry.series,
            reader_paths={name: path for name, path in readers.items() if path},
            reference_path=self._mask("reference"),
            reference_holds=entry.reference_holds,
            truth_path=self._mask("truth"),
            brain_path=self._first("brain"),
            naming=entry.naming,
            ignore=entry.ignore,
            pictures=entry.picture_rule,
            descriptions=self._descriptions(),
            annotated_rule="column" if isinstance(entry.annotated, AnnotatedColumn) else entry.annotated,
            annotated_slices=row.annotated,
            subgroups=row.subgroups,
            split=row.split,
            patient=row.patient,
            not_assessed=row.not_assessed,
            repeats={name: readings for name, readings in repeats.items() if readings} if self._has_repeats else {},
            session_vote=entry.session_vote,
            reader_labels=entry.reader_labels,
            reader_weights=entry.reader_weights,
        )

    @property
    def _has_repeats(self) -> bool:
        """Whether the entry says more of a reading than whose it is."""
        patterns = [text for role, text in _patterns(self.found.entry).items() if role.startswith("reader")]
        return bool(self.listed) or any(field in text for text in patterns for field in ("{session}", "{condition}"))

    def _readings(self, reader: str) -> tuple[Reading, ...]:
        """Return the readings of a reader, by condition and session."""
        kinds: dict[tuple[str, str], list[Match]] = defaultdict(list)
        for match in self.files.get(("reader", reader), []):
            kinds[match.session, match.condition].append(match)
        readings = []
        for (session, condition), matches in kinds.items():
            row = self.listed.get((reader, session, condition))
            seconds, order = (row.seconds, row.order) if row else (None, None)
            readings.append(Reading(reader, self._mask_files(matches), session, condition, seconds, order))
        return in_order(readings, self.found.entry.conditions)

    def _voting(self, readings: tuple[Reading, ...]) -> MaskFiles | None:
        """Return the mask of the first reading under the first condition."""
        conditions = self.found.entry.conditions
        return next((one.mask for one in readings if not conditions or one.condition in ("", conditions[0])), None)

    def problems(self) -> Iterator[Problem]:
        entry = self.found.entry
        expected: list[tuple[str, str, str | None]] = [
            ("image", "", entry.image),
            ("truth", "", entry.truth),
            ("brain", "", entry.brain),
        ]
        if entry.task == "segmentation":
            expected.append(("reference", "", entry.reference))
        expected += [("reader", name, _reader_pattern(entry, name)) for name in self._readers()]
        for role, reader, pattern in expected:
            if pattern is not None:
                yield from self._count(role, reader, pattern)
            elif reader and not self.files.get((role, reader)):
                message = (
                    f"{self._name()} was read by {reader!r} (case table), but its entry has no pattern for that reader"
                )
                yield Problem("missing", self.row.case, reader, "", message)
        if entry.task == "segmentation" and not entry.reference and not self._readers():
            where = f"in {self.root} for {entry.readers}" if entry.readers else "and its entry no pattern for one"
            message = f"{self._name()} has no reader's mask {where}; add one, or leave the case out with a case table"
            yield Problem("no_mask", self.row.case, "", "", message)
        readings = [one for name in self._readers() for one in self._readings(name)]
        if readings and not self._voting(tuple(readings)):
            message = (
                f"{self._name()} has no reading under the condition {entry.conditions[0]!r}, of which references are "
                "made; add one, or leave the case out with a case table"
            )
            yield Problem("no_mask", self.row.case, "", "", message)
        yield from self._unread()

    def _unread(self) -> Iterator[Problem]:
        """Yield a problem for each row of the table of readings without a file."""
        for (reader, session, condition), row in self.listed.items():
            matches = self.files.get(("reader", reader), [])
            if not any((match.session, match.condition) == (session, condition) for match in matches):
                what = Reading(reader, self.root, session, condition)
                message = (
                    f"{self._name()}, {what} (table of readings): no file matches {row.file or 'the pattern'}; put it "
                )
                message += "there, or correct the table"
                yield Problem("missing", self.row.case, reader, "", message)

    def _count(self, role: str, reader: str, pattern: str) -> Iterator[Problem]:
        matches = self.files.get((role, reader), [])
        paths = [match.path for match in matches]
        whose = f"reader {reader!r}" if reader else role
        if not paths:
            path = self.root / Pattern(pattern).fill(case=self.row.case, reader=reader)
            message = f"{self._name()}, {whose}: there is no file {path}; put it there, or correct the case table"
            yield Problem("missing", self.row.case, reader, str(path), message)
        for path in paths:
            if path.is_symlink() and not path.exists():
                message = f"{self._name()}, {whose}: {path} is a broken link to {path.readlink()}; fetch the file that "
                message += "it names, or remove the link"
                yield Problem("missing", self.row.case, reader, str(path), message)
        if len({(match.label, match.session, match.condition) for match in matches}) < len(matches):
            names = " and ".join(str(path) for path in paths[:2])
            message = f"{self._name()}, {whose}: {len(paths)} files match {pattern!r}, e.g. {names}; leave one"
            yield Problem("ambiguous", self.row.case, reader, str(paths[1]), message)

    def _readers(self) -> tuple[str, ...]:
        """Return the readers of this case by the case table, else by the entry's mapping, else by its files."""
        if self.row.readers is not None:
            return self.row.readers
        if isinstance(self.found.entry.readers, dict):
            return tuple(self.found.entry.readers)
        return tuple(sorted(name for role, name in self.files if role == "reader"))

    def _first(self, role: str) -> Path | None:
        return next((match.path for match in self.files.get((role, ""), [])), None)

    def _mask(self, role: str) -> MaskFiles | None:
        matches = self.files.get((role, ""), [])
        return self._mask_files(matches) if matches else None

    def _mask_files(self, matches: list[Match]) -> MaskFiles:
        if not matches[0].case:
            return SharedFile(matches[0].path, self.row.case)
        if matches[0].label is None:
            return matches[0].path
        return StructureFiles(tuple((match.label or "", match.path) for match in matches))

    def _descriptions(self) -> dict[str, Path]:
        """Return the file of label descriptions of each reader; that of the reference has the name ``""``."""
        pattern = self.found.entry.label_descriptions
        if pattern is None:
            return {}
        names = ("", *self._readers())
        return {name: self.root / Pattern(pattern).fill(case=self.row.case, reader=name) for name in names}

    def _name(self) -> str:
        return f"case {self.row.case!r} of {self.found.name!r}"


def _table_path(found: CatalogEntry, root: Path, name: str, what: str) -> Path:
    """Return the path of a table below the root or beside the YAML."""
    candidates = (root / name, found.file.parent / name)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        msg = f"{found} has no {what}: there is neither {candidates[0]} nor {candidates[1]}"
        raise MissingFileError(msg)
    return path


def _listed_readings(found: CatalogEntry, root: Path) -> dict[tuple[str, str, str, str], ReadingRow]:
    entry = found.entry
    if entry.readings is None:
        return {}
    return read_readings_table(_table_path(found, root, entry.readings, "table of readings"), entry.conditions)


def _listed_files(listed: Mapping[tuple[str, str, str, str], ReadingRow], root: Path) -> list[Match]:
    """Return the files that the table of readings names and that exist."""
    return [
        Match(root / row.file, row.case, row.reader, None, row.session, row.condition)
        for row in listed.values()
        if row.file and ((root / row.file).exists() or (root / row.file).is_symlink())
    ]


def _rows(found: CatalogEntry, root: Path) -> dict[str, CaseRow] | None:
    entry = found.entry
    if entry.cases is None:
        return None
    path = _table_path(found, root, entry.cases, "case table")
    column = entry.annotated.column if isinstance(entry.annotated, AnnotatedColumn) else None
    rows = read_case_table(path, known_labels=entry.label_set.names, annotated=column)
    return {row.case: row for row in rows}


def _patterns(entry: Entry) -> dict[str, str]:
    """Return the patterns by role; a mapping of readers has the roles ``reader:NAME``."""
    named = {"image": entry.image, "reference": entry.reference, "truth": entry.truth, "brain": entry.brain}
    if isinstance(entry.readers, dict):
        named |= {f"reader:{name}": pattern for name, pattern in entry.readers.items()}
    else:
        named["reader"] = entry.readers
    return {role: pattern for role, pattern in named.items() if pattern}


def _reader_pattern(entry: Entry, reader: str) -> str | None:
    return entry.readers.get(reader) if isinstance(entry.readers, dict) else entry.readers


def _by_case(files: Mapping[str, Iterable[Match]]) -> dict[str, dict[Role, list[Match]]]:
    by_case: dict[str, dict[Role, list[Match]]] = defaultdict(lambda: defaultdict(list))
    for pattern, matches in files.items():
        role, _, named = pattern.partition(":")
        for match in matches:
            by_case[match.case][role, match.reader or named].append(match)
    return by_case


def _unknown_structures(found: CatalogEntry, root: Path, matched: frozenset[Path]) -> Iterator[Problem]:
    """Yield a problem for each file whose ``{label}`` is neither a label nor an alias."""
    entry = found.entry
    if ALL_OTHERS in entry.aliases:
        return
    patterns = {role: Pattern(text, (), entry.conditions) for role, text in _patterns(entry).items()}
    of_structures = {role: pattern for role, pattern in patterns.items() if "label" in pattern.fields}
    for matches in assign(of_structures, root).values():
        for match in matches:
            if match.path not in matched:
                message = (
                    f"{match.path} is the mask of {match.label!r}, which is no label of {found.name!r}; the labels: "
                    f"{', '.join(entry.labels)}. Map it in the YAML, e.g. aliases: {{{match.label!r}: "
                    f"{next(iter(entry.labels), 'LABEL')}}} (null leaves it out)"
                )
                yield Problem("unknown_label", match.case, match.reader or "", str(match.path), message)


def _other_structures(found: CatalogEntry, root: Path, matched: frozenset[Path]) -> Iterator[Problem]:
    """Yield a problem for each pattern of masks with the name of a label, where files with another label's name lie."""
    labels = tuple(found.entry.labels)
    for role, text in _patterns(found.entry).items():
        named = next((name for name in sorted(labels, key=len, reverse=True) if _word(name).search(text)), None)
        if role == "image" or named is None or "{label}" in text:
            continue
        general = _word(named).sub("{label}", text, count=1)
        others = (match for match in Pattern(general, labels).matches(root) if match.path not in matched)
        other = next(others, None)
        if other is not None:
            message = (
                f"the pattern {text!r} of {found.name!r} names the structure {named!r} only, but {other.path} beside "
                f"it is of {other.label!r}; for one file per structure write {general!r}"
            )
            yield Problem("one_structure", other.case, other.reader or "", str(other.path), message)


def _word(name: str) -> re.Pattern[str]:
    """Return an expression that finds a name in a pattern, and not within another word or in braces."""
    return re.compile(rf"(?<![A-Za-z0-9{{]){re.escape(name)}(?![A-Za-z0-9}}])")


def _strays(
    found: CatalogEntry, by_case: Mapping[str, Mapping[Role, list[Match]]], cases: Mapping[str, Case]
) -> Iterator[Problem]:
    """Yield a problem for each file that matches a pattern but has no case, or a reader not in the table."""
    for case, files in sorted(by_case.items()):
        for (role, reader), matches in sorted(files.items()):
            if case not in cases:
                reason = "its case has no row in the case table"
            elif role == "reader" and reader not in {*cases[case].readers, *cases[case].repeats}:
                reason = f"the case table does not name the reader {reader!r} for it"
            else:
                continue
            for path in (match.path for match in matches):
                yield Problem("unmatched", case, reader, str(path), f"{path} of {found.name!r} is not used: {reason}")
