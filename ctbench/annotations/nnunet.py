"""Label sets of nnU-Net's ``dataset.json``: plain labels, regions made of several codes, and the ignore label."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ctbench.errors import MissingFileError, UsageError
from ctbench.files import read_json_object
from ctbench.labels import LabelSet

__all__ = ["DATASET_JSON", "IGNORE", "labels_of_nnunet", "read_dataset_json"]

DATASET_JSON = "dataset.json"
"""File of a raw data set, a trained model and an output folder of nnU-Net."""

IGNORE = "ignore"
"""Name of the label whose voxels nnU-Net does not learn from; it predicts none of them."""

_BACKGROUND = "background"


def read_dataset_json(folder: Path) -> dict[str, Any]:
    """Return the content of the ``dataset.json`` in a folder.

    Raises:
        MissingFileError: There is none.
        DataError: It is not a JSON object.
    """
    path = folder / DATASET_JSON
    if not path.is_file():
        msg = f"{folder} has no {DATASET_JSON}, which nnU-Net writes"
        raise MissingFileError(msg)
    return read_json_object(path, "nnU-Net's object with labels")


def labels_of_nnunet(content: Mapping[str, Any], where: str) -> LabelSet:
    """Return the label set of nnU-Net's label maps, from the content of its ``dataset.json``.

    A region of several codes is a group. A code that is no region by itself is called after the smallest region that
    holds it: ``core_rest``. Background and the ignore label are left out; labels of nnU-Net 1 (code -> name) are read.

    Args:
        content: Content of ``dataset.json``.
        where: Name of the file in messages.

    Raises:
        UsageError: Its labels have another form.

    Example:
        >>> labels = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
        >>> found = labels_of_nnunet({"labels": labels}, "dataset.json")
        >>> dict(found.codes), dict(found.groups)
        ({'whole_rest': 1, 'core': 2}, {'whole': ('whole_rest', 'core')})
    """
    try:
        regions = _regions(content["labels"])
        single = {next(iter(codes)): name for name, codes in regions.items() if len(codes) == 1}
        held = sorted(set().union(*regions.values()))
        names = {code: single.get(code) or _rest(code, regions) for code in held}
        several = {name: sorted(codes) for name, codes in regions.items() if len(codes) > 1}
        groups = {name: tuple(names[code] for code in codes) for name, codes in several.items()}
        return LabelSet({name: code for code, name in names.items()}, groups)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f'{where} has no labels as nnU-Net writes them: expected {{"background": 0, "iph": 1, ...}}; {error!r}'
        raise UsageError(msg) from error


def _regions(labels: Mapping[str, Any]) -> dict[str, set[int]]:
    """Return the codes of every name but background and ignore, without 0; nnU-Net 1 maps codes to names."""
    if all(key.isdigit() for key in labels):
        labels = {str(name): int(code) for code, name in labels.items()}
    held = {name: codes if isinstance(codes, (list, tuple)) else [codes] for name, codes in labels.items()}
    found = {name: {int(code) for code in codes} - {0} for name, codes in held.items()}
    return {name: codes for name, codes in found.items() if codes and name not in {_BACKGROUND, IGNORE}}


def _rest(code: int, regions: Mapping[str, set[int]]) -> str:
    """Return the name of a code that is no region by itself."""
    holding = min((name for name, codes in regions.items() if code in codes), key=lambda name: len(regions[name]))
    inside = set().union(*(codes for codes in regions.values() if codes < regions[holding]))
    return f"{holding}_rest" if regions[holding] - inside == {code} else f"{holding}_{code}"
