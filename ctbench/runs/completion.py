"""Completion of a run: its parts are written as it proceeds, and joined to its scores and manifest at the end."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ctbench.errors import StoreError
from ctbench.files import PARTIAL, sha256, whole_file, write_text
from ctbench.runs.cache import Columns
from ctbench.runs.digests import predictions_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.forecasts import is_whole_forecast_part, join_forecasts
from ctbench.runs.manifest import Manifest
from ctbench.runs.parquet import expect_bounded
from ctbench.runs.sealed import read_sealed, write_sealed
from ctbench.scores import COLUMNS, KEYS

__all__ = [
    "Joined",
    "commit",
    "consensus_digest",
    "is_intact",
    "is_whole_part",
    "join_parts",
    "sweep",
    "tidy",
    "write_part",
]


def commit(begun: Manifest, parts: Iterable[Path], paths: RunFolder) -> Manifest:
    """Write the scores and then the manifest, which makes the run complete.

    Args:
        begun: The manifest without results.
        parts: Paths of the parts, in the order of their cases.
        paths: The run's folder.

    Returns:
        The manifest with results.
    """
    parts = list(parts)
    joined = join_parts(parts, paths.scores)
    results: dict[str, Any] = {
        "counts": joined.counts,
        "consensus_digest": joined.consensus_digest,
        "scores_digest": sha256(paths.scores),
        "predictions_digest": predictions_digest(paths.predictions),
    }
    if begun.keep_probabilities:
        results["probabilities_digest"] = join_forecasts(parts, paths.forecasts)
    manifest = begun.model_copy(update=results)
    write_text(paths.manifest, manifest.to_json())
    tidy(paths, manifest)
    return manifest


def is_intact(manifest: Manifest, paths: RunFolder) -> bool:
    """Return whether the files of a complete run have the digests in its manifest: scores, predictions, forecasts.

    A shard must still have its parts too.
    """
    parts = paths.all_parts(len(manifest.cases)) if manifest.shard else []
    return (
        all(map(is_whole_part, parts))
        and (not manifest.keep_probabilities or all(map(is_whole_forecast_part, parts)))
        and paths.scores.is_file()
        and sha256(paths.scores) == manifest.scores_digest
        and predictions_digest(paths.predictions) == manifest.predictions_digest
        and (not manifest.keep_probabilities or _digest(paths.forecasts) == manifest.probabilities_digest)
    )


def _digest(path: Path) -> str | None:
    return sha256(path) if path.is_file() else None


def sweep(paths: RunFolder) -> None:
    """Remove the unfinished files of a process that was killed."""
    for folder in (paths.path, paths.parts, paths.predictions):
        for left in folder.glob(f"{PARTIAL}*"):
            left.unlink(missing_ok=True)


def tidy(paths: RunFolder, manifest: Manifest) -> None:
    """Remove the files that a complete run no longer needs; the partial manifest last, which marks the end of this."""
    sweep(paths)
    if not manifest.shard:  # merging needs a shard's parts
        shutil.rmtree(paths.parts, ignore_errors=True)
    paths.costs.unlink(missing_ok=True)
    paths.kept.unlink(missing_ok=True)
    paths.partial.unlink(missing_ok=True)


_ROW_GROUP = 1 << 17
_REFERENCES = b"references"


class Joined(NamedTuple):
    """Results of joining parts.

    Attributes:
        counts: Status -> number of rows.
        consensus_digest: Digest of the digests of all references.
    """

    counts: dict[str, int]
    consensus_digest: str


def write_part(cases: Iterable[Columns], references: Mapping[str, Mapping[str, str]], path: Path) -> None:
    """Write the rows of some cases, sorted, atomically: a Parquet file, followed by the SHA-256 of its bytes.

    Args:
        cases: The columns ``SCORE_COLUMNS`` of each case.
        references: Case -> name of a reference -> its digest.
        path: The file of the part.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pa.Table.from_pydict(columns, schema=_schema()) for columns in cases]
    table = pa.concat_tables([_schema().empty_table(), *tables])
    table = table.sort_by([(name, "ascending") for name in KEYS])
    kept = {_REFERENCES: json.dumps(references, sort_keys=True).encode()}
    written = io.BytesIO()
    # It is read once and then goes: what makes Parquet small and quick to search would only cost.
    pq.write_table(table.replace_schema_metadata(kept), written, compression="none", write_statistics=False)
    write_sealed(written.getvalue(), path)


def is_whole_part(path: Path) -> bool:
    """Return whether there is a part that can be read and was not damaged since it was written."""
    try:
        _read_part(path)
    except StoreError:
        return False
    return True


def join_parts(parts: Iterable[Path], path: Path) -> Joined:
    """Write the table of all parts, which are in the order of their cases; memory does not grow with their number.

    Equal rows result in equal bytes, however they are split into parts.

    Raises:
        StoreError: A part is missing or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    digest = hashlib.sha256()
    with (
        whole_file(path) as temporary,
        temporary.open("wb") as file,
        pq.ParquetWriter(file, _schema(), compression="zstd") as writer,
    ):
        waiting: list[Any] = []
        for table, references in _tables(parts):
            digest.update(_reference_lines(references))
            counts.update(table["status"].to_pylist())
            waiting.append(table.replace_schema_metadata(None))
            if sum(map(len, waiting)) >= _ROW_GROUP:
                waiting = _write_groups(writer, pa.concat_tables(waiting))
        _write_groups(writer, pa.concat_tables([_schema().empty_table(), *waiting]), last=True)
    return Joined(dict(sorted(counts.items())), digest.hexdigest())


def consensus_digest(references: Mapping[str, Mapping[str, str]]) -> str:
    """Return the SHA-256 of one line ``case<TAB>reference<TAB>digest`` for each reference of each case, sorted."""
    return hashlib.sha256(_reference_lines(references)).hexdigest()


def _reference_lines(references: Mapping[str, Mapping[str, str]]) -> bytes:
    lines = (f"{case}\t{name}\t{own[name]}\n" for case, own in sorted(references.items()) for name in sorted(own))
    return "".join(lines).encode()


def _tables(parts: Iterable[Path]) -> Iterator[tuple[Any, dict[str, dict[str, str]]]]:
    return map(_read_part, parts)


def _read_part(part: Path) -> tuple[Any, dict[str, dict[str, str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_sealed(part)
    try:
        # What read_table does beyond this, looking for partitions, takes longer than to read a small part.
        with pq.ParquetFile(io.BytesIO(content)) as file:
            expect_bounded(file.metadata, len(content), str(part))
            table = file.read(use_threads=False)
        kept = table.schema.metadata or {}
        if not table.schema.remove_metadata().equals(_schema()):
            msg = f"its columns are {', '.join(table.schema.names)}"
            raise ValueError(msg)
        return table, json.loads(kept[_REFERENCES])
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        msg = f"{part} cannot be read: {error}; repeat the same `ctbench run` command to make it again"
        raise StoreError(msg) from error


def _write_groups(writer: Any, table: Any, *, last: bool = False) -> list[Any]:
    """Write complete row groups, and return the remaining rows."""
    whole = len(table) if last else len(table) - len(table) % _ROW_GROUP
    if whole:
        writer.write_table(table.slice(0, whole).combine_chunks(), row_group_size=_ROW_GROUP)
    return [table.slice(whole)]


def _schema() -> Any:
    import pyarrow as pa

    types = {"text": pa.string(), "number": pa.float64()}
    return pa.schema([(column.name, types[column.type]) for column in COLUMNS])
