"""The YAML and the case table that an import writes: the description of a dataset whose files stay where they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ctbench.files import expect_new, write_text

__all__ = ["CHOOSE_OUT", "dataset_name", "write_description", "write_table"]

CHOOSE_OUT = "expected a new file to write, which --out names"
"""What to do where a file that an import writes exists."""


def write_description(out: Path, name: str, entry: Mapping[str, Any], rows: Sequence[Mapping[str, str]] = ()) -> Path:
    """Write the YAML of a dataset and, if there are rows, its case table beside it with the suffix ``.csv``.

    Args:
        out: The YAML file to write.
        name: Name of the dataset.
        entry: The keys of the entry, as in ``ctbench.datasets.Entry``; empty values are left out.
        rows: Column -> text, one row per case; columns without any text are left out. Default: no case table.

    Returns:
        ``out``.

    Raises:
        UsageError: One of the two files exists.
    """
    table = out.with_suffix(".csv")
    expect_new(*((out, table) if rows else (out,)), advice=CHOOSE_OUT)
    content = {key: value for key, value in entry.items() if value not in (None, "", {}, [])}
    if rows:
        content["cases"] = str(table.absolute())
        write_table(table, rows)
    write_text(out, yaml.safe_dump({name: content}, sort_keys=False, allow_unicode=True))
    return out


def dataset_name(folder: Path) -> str:
    """Return the name of the dataset in a folder: that of the folder in lower case, with ``-`` between words.

    >>> dataset_name(Path("Head CT_2024"))
    'head-ct-2024'
    """
    return re.sub(r"[^0-9a-z]+", "-", folder.absolute().name.lower()).strip("-") or "dataset"


def write_table(path: Path, rows: Sequence[Mapping[str, str]], *, delimiter: str = ",", missing: str = "") -> None:
    """Write rows (column -> text) as CSV in UTF-8; columns without any text are left out.

    Args:
        path: File to write.
        rows: The rows; columns stand in the order in which rows name them.
        delimiter: What stands between two cells.
        missing: What stands in a cell without text.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if any(row.get(name) for row in rows)]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name) or missing for name in columns] for row in rows)
    write_text(path, text.getvalue())
