"""Published results: the numbers that papers print for a dataset, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctbench.datasets.catalogs import CatalogEntry, Paths, find_entry
from ctbench.datasets.catalogs import catalog as list_datasets
from ctbench.errors import DatasetError, MissingFileError
from ctbench.suggestions import suggestion

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "published"]

COLUMNS = {
    "paper": "first author and year",
    "table": "the table, figure or section that prints the figure",
    "dataset": "name of the catalogue entry",
    "subset": "the cohort or split, in our words",
    "label": "structure; 'overall' is the paper's own summary over structures",
    "size": "size class of hemorrhages, or 'all'",
    "rater": "model or reader, as the paper names it",
    "rater_kind": "'model' or 'reader'",
    "reference": "what it was scored against",
    "population": "cases of the statistic: 'positives' (the reference holds the structure), 'all', 'balanced' (as many "
    "negatives as positives), 'structure x subject' (pooled); empty where the paper does not say",
    "tolerance_mm": "tolerance of a surface Dice; empty where the paper prints none, and for other metrics",
    "metric": "name of the metric",
    "statistic": "what the value is: mean, median, count, pearson_r, ...",
    "value": "the printed value; null where the paper prints NA",
    "sd": "the printed standard deviation",
    "n": "number of cases, if the paper prints it",
    "unit": "'1', 'mL', '%'; empty where the paper prints none",
    "mark": "'*' where the paper prints an asterisk",
    "compared_with": "the rater, or else the subset, that the mark refers to",
    "detail": "a remark",
    "value_decimals": "digits printed after the point of the value, which determine its rounding interval",
    "sd_decimals": "digits printed after the point of the standard deviation",
}
"""Column -> meaning, in order; the last two are computed from the text and are not in the files."""

_DERIVED = ("value_decimals", "sd_decimals")
_NEEDED = ("paper", "table", "dataset", "label", "rater", "metric", "statistic", "value")
_PACKAGE = Path(__file__).parent / "published"


def published(dataset: str | None = None, *, catalog: Paths | None = None) -> pd.DataFrame:
    """Return the numbers that papers print for a dataset, or for all datasets of the catalogue.

    A printed mean with its standard deviation is one row with ``statistic`` ``mean``, ``value`` and ``sd``.

    Args:
        dataset: Name of the dataset; None (default): all.
        catalog: As in ``load_dataset``.

    Returns:
        One row per printed number with the columns of ``COLUMNS``; what a paper does not print is an empty text or a
        null.

    Raises:
        DatasetError: The dataset is unknown, or a table has an unknown column or a cell that is not a number.
        MissingFileError: A table named by the entry does not exist.
    """
    import pandas as pd

    found = [find_entry(dataset, catalog)] if dataset else list(list_datasets(catalog).values())
    frames = [_rows(entry, name) for entry in found for name in entry.entry.published]
    return pd.concat(frames, ignore_index=True) if frames else _typed(pd.DataFrame(columns=list(COLUMNS)), Path())


def _rows(found: CatalogEntry, name: str) -> pd.DataFrame:
    candidates = (found.file.parent / name, _PACKAGE / name)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        msg = f"{found} lists the published figures {name!r}, but the file {candidates[0]} does not exist"
        raise MissingFileError(msg)
    rows = _table(path)
    _check_columns(rows, path)
    rows = rows[rows["dataset"] == found.name].reindex(columns=list(COLUMNS), fill_value="")
    for derived, column in zip(_DERIVED, ("value", "sd"), strict=True):
        rows[derived] = [len(text.partition(".")[2]) if text else None for text in rows[column]]
    return _typed(rows, path)


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, compression=None)
    except (OSError, ValueError) as error:  # ValueError: pandas' own errors
        msg = f"cannot read the published figures {path}: {error}; expected CSV in UTF-8"
        raise DatasetError(msg) from error
    if not isinstance(rows.index, pd.RangeIndex):  # pandas' result if rows are longer than the header
        msg = f"{path} has a row with more cells than the header"
        raise DatasetError(msg)
    return rows


def _check_columns(rows: pd.DataFrame, path: Path) -> None:
    allowed = [name for name in COLUMNS if name not in _DERIVED]
    for name in rows.columns:
        if name not in allowed:
            msg = f"{path} has an unknown column {name!r}; {suggestion(name, allowed)}"
            raise DatasetError(msg)
    missing = [name for name in _NEEDED if name not in rows.columns]
    if missing:
        msg = f"{path} has no column {missing[0]!r}; published figures need {', '.join(_NEEDED)}"
        raise DatasetError(msg)


def _typed(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    import pandas as pd

    for column in ("value", "sd", "tolerance_mm", "n", *_DERIVED):
        try:
            numbers = pd.to_numeric(rows[column].mask(rows[column] == ""))
            rows[column] = (
                numbers.astype("float64") if column in ("value", "sd", "tolerance_mm") else numbers.astype("Int64")
            )
        except (ValueError, TypeError) as error:
            msg = f"{path}: expected numbers in the column {column!r}: {error}"
            raise DatasetError(msg) from error
    return rows.reset_index(drop=True)
