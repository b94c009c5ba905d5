"""Shards of a run: made on several machines, and merged into one run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from ctbench.datasets import fingerprint_of
from ctbench.errors import StoreError, UsageError
from ctbench.files import whole_file, write_text
from ctbench.runs.claims import claimed, expect_same, expect_vacant
from ctbench.runs.completion import commit, is_intact, sweep
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.journal import append_line, write_frame
from ctbench.runs.manifest import Manifest, read_manifest
from ctbench.runs.roles import Role

__all__ = ["Shard", "merge"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several nearly equal ranges of the sorted cases.

    Args:
        number: Number of the shard, from 1.
        count: Number of shards.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read e.g. ``3/16``.

        Raises:
            UsageError: The text does not have that form, or the number is beyond the count.
        """
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        msg = f"expected a shard as NUMBER/COUNT, from 1/COUNT to COUNT/COUNT, e.g. 3/16; got {text!r}"
        raise UsageError(msg)

    def of(self, cases: Sequence[T]) -> tuple[T, ...]:
        """Return the cases of this shard.

        Raises:
            UsageError: There are fewer cases than shards.
        """
        if len(cases) < self.count:
            msg = f"{len(cases)} cases cannot be split into {self.count} shards; use at most {len(cases)}"
            raise UsageError(msg)
        return tuple(cases[len(cases) * (self.number - 1) // self.count : len(cases) * self.number // self.count])

    def folder(self, run: Path) -> Path:
        """Return the folder of this shard of a run, beside the run's own: ``RUN.shard-03-of-16``."""
        digits = len(str(self.count))
        return run.with_name(f"{run.name}.shard-{self.number:0{digits}d}-of-{self.count}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


_OWN = frozenset(Manifest.fields_with(Role.PORTION))


def merge(shards: Sequence[Run], folder: str | Path) -> Run:
    """Merge all shards of a run; the results have the same bytes as a run without shards.

    Args:
        shards: All shards, complete, in any order.
        folder: Folder of the merged run.

    Raises:
        UsageError: A shard is missing or occurs twice, they belong to different runs, or the folder holds other files.
        StoreError: A shard lost some of its files or holds links, or the folder cannot be written.
    """
    shards, paths = _in_order(shards), RunFolder(Path(folder))
    for run in shards:
        RunFolder(run.folder).expect_no_links()
    plan = _plan(shards)
    if paths.manifest.is_file():
        found = read_manifest(paths.manifest)
        expect_same(plan, found, paths)
        if is_intact(found, paths):
            return Run(paths.path, found, reused=True)
    with claimed(paths):
        if not paths.manifest.is_file() and not paths.partial.is_file():
            expect_vacant(paths)
        sweep(paths)
        write_text(paths.partial, plan.to_json())
        paths.manifest.unlink(missing_ok=True)
        _gather(shards, paths)
        parts = [part for shard in shards for part in RunFolder(shard.folder).all_parts(len(shard.manifest.cases))]
        return Run(paths.path, commit(plan, parts, paths))


def _in_order(shards: Sequence[Run]) -> list[Run]:
    whole = [str(run.folder) for run in shards if not run.manifest.shard]
    if whole or not shards:
        msg = f"expected shards made by `ctbench run --shard`, got {', '.join(whole) or 'none'}"
        raise UsageError(msg)
    ordered = sorted(shards, key=lambda run: Shard.parse(run.manifest.shard).number)
    count = Shard.parse(ordered[0].manifest.shard).count
    found = [run.manifest.shard for run in ordered]
    wanted = [str(Shard(number, count)) for number in range(1, count + 1)]
    if found != wanted:
        absent = [name for name in wanted if name not in found]
        what = f"{', '.join(absent)} is absent" if absent else "one of them is there twice"
        msg = f"these are the shards {', '.join(found)}, of which {what}; pass each shard of one run once"
        raise UsageError(msg)
    return ordered


def _plan(shards: Sequence[Run]) -> Manifest:
    first = shards[0].manifest
    for run in shards[1:]:
        differing = set(first.differences(run.manifest)) - _OWN
        if differing:
            msg = (
                f"{shards[0].folder} and {run.folder} are shards of different runs: they differ in "
                f"{', '.join(sorted(differing))}"
            )
            raise UsageError(msg)
    lines = [line for run in shards for line in _files(run)]
    cases = tuple(case for run in shards for case in run.manifest.cases)
    own = {"cases": cases, "dataset_fingerprint": fingerprint_of(lines), "shard": ""}
    return first.begun().model_copy(update=own)


def _files(shard: Run) -> list[str]:
    path = RunFolder(shard.folder).files
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    if fingerprint_of(lines) != shard.manifest.dataset_fingerprint or not is_intact(
        shard.manifest, RunFolder(shard.folder)
    ):
        msg = f"{shard.folder} lost some of its files, or they were changed; repeat its `ctbench run` command"
        raise StoreError(msg)
    return lines


def _gather(shards: Sequence[Run], paths: RunFolder) -> None:
    """Merge the predictions, times and messages of shards."""
    for run in shards:
        for path in sorted(RunFolder(run.folder).predictions.glob("*")):
            _link(path, paths.predictions / path.name)
    paths.log.unlink(missing_ok=True)
    for message in (message for run in shards for message in run.messages()):
        append_line(paths.log, message)
    times = pd.concat([run.times for run in shards])
    write_frame(times.sort_values(["phase", "case"], ignore_index=True), paths.times)


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, which is never written to again, into another folder; copy it where links do not work."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with suppress(OSError):
        target.hardlink_to(source)
        return
    with whole_file(target) as temporary:
        shutil.copyfile(source, temporary)
