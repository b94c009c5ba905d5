"""Matching a predictor's labels to a dataset's by name, and translating its label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.labels import LabelSet

__all__ = ["LabelMatch", "match_labels"]


_TABLE = 2**20
"""Codes below this are translated by a table of all codes."""


@dataclass(frozen=True)
class LabelMatch:
    """How the label maps of a predictor are scored on a dataset.

    Args:
        translation: predictor's code -> code in the translated map. Codes beyond the dataset's own stand for
            what the predictor knows only as a whole; each counts in every group that it is part of.
        structures: dataset's label or group -> codes that make it, alike in the reference and in the translated map.
        unsupported: the dataset's labels and groups that the predictor does not claim.
    """

    translation: Mapping[int, int]
    structures: Mapping[str, tuple[int, ...]]
    unsupported: tuple[str, ...]

    def translate(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return a label map of the predictor in the dataset's codes; unclaimed codes become background."""
        dtype = np.min_scalar_type(max(1, *self.translation.values(), 1))
        if max(self.translation, default=0) >= _TABLE:
            return self._translate_sparse(labels.astype(np.int64), dtype)
        table = np.zeros(max(self.translation, default=0) + 1, dtype)
        for source, target in self.translation.items():
            table[source] = target
        clipped = np.where(labels < len(table), labels, 0)
        return table[clipped]

    def _translate_sparse(self, labels: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Translate codes of which a table would be too large, by a search among the known ones."""
        known = np.array(sorted(self.translation), np.int64)
        targets = np.array([self.translation[int(code)] for code in known], dtype)
        place = np.minimum(np.searchsorted(known, labels), len(known) - 1)
        return np.where(known[place] == labels, targets[place], dtype.type(0))


def match_labels(dataset: LabelSet, predictor: LabelSet) -> LabelMatch:
    """Match a predictor's labels to a dataset's by name, through the groups of both.

    A structure of the dataset is claimed if the predictor has a label or a group of that name, or, for a group, if what
    it claims covers every member. A label or group of the predictor that ``covers`` structures of the dataset counts in
    every group that their union is a part of, and in no other structure.

    Args:
        dataset: The dataset's label set.
        predictor: The predictor's label set.

    Raises:
        UsageError: No name is common to both, or one code of the predictor would stand for two labels of the dataset.
    """
    translation: dict[int, int] = {}
    claimed: dict[str, set[int]] = {}  # structure of the dataset -> codes of the predictor that are part of it
    for name, code in dataset.items():
        if name in predictor.names:
            claimed[name] = set(predictor.codes_of(name))
            _translate(translation, predictor.codes_of(name), code, name)
    claimed |= {name: set(predictor.codes_of(name)) for name in dataset.groups if name in predictor.names}
    unions = _unions(dataset, predictor)
    for name in sorted(dataset.groups, key=lambda name: len(dataset.groups[name])):
        whole = set(dataset.codes_of(name))
        known = [(set(dataset.codes_of(part)), codes) for part, codes in claimed.items() if part != name]
        inside = [(covered, codes) for covered, codes in (*known, *unions) if covered <= whole]
        if name in claimed or set().union(*(covered for covered, _ in inside)) == whole:
            claimed[name] = claimed.get(name, set()).union(*(codes for _, codes in inside))
    if not claimed:
        msg = (
            f"the predictor knows none of the dataset's structures: expected some of {', '.join(dataset.names)}; "
            f"it claims {', '.join(predictor.names)}. Labels meet by name: rename them, or add a group"
        )
        raise UsageError(msg)
    # A code that stands for no single label gets one beyond the dataset's own; every group that holds it counts it.
    coarse = sorted(set().union(*claimed.values()) - translation.keys())
    beyond = {code: number for number, code in enumerate(coarse, start=max(dataset.values(), default=0) + 1)}
    structures = {
        name: (*dataset.codes_of(name), *(beyond[code] for code in coarse if code in claimed[name]))
        for name in dataset.names
        if name in claimed
    }
    translation |= beyond
    return LabelMatch(translation, structures, tuple(name for name in dataset.names if name not in claimed))


def _unions(dataset: LabelSet, predictor: LabelSet) -> list[tuple[set[int], set[int]]]:
    """Return the dataset's codes that a label of the predictor covers together, and the predictor's codes for them.

    A label is left out if the dataset has its name, or lacks one of the structures that it covers.
    """
    return [
        ({code for part in parts for code in dataset.codes_of(part)}, set(predictor.codes_of(name)))
        for name, parts in predictor.covers.items()
        if name not in dataset.names and all(part in dataset.names for part in parts)
    ]


def _translate(translation: dict[int, int], sources: tuple[int, ...], target: int, name: str) -> None:
    for source in sources:
        if translation.setdefault(source, target) != target:
            msg = (
                f"code {source} of the predictor would be {name!r} and another label of the dataset at once; "
                "let its groups name no two labels of the dataset that share a code"
            )
            raise UsageError(msg)
