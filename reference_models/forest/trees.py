"""Decision trees as plain arrays: taken from a forest of scikit-learn, evaluated with numpy.

A file of weights holds numbers only, never pickled objects. A tree is stored depth first, so the left child of a node
is the node after it, and only the right child is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError

__all__ = ["Trees"]

_NAMES = ("starts", "feature", "threshold", "right", "probability")
_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees of a forest, one after the other.

    Args:
        starts: Index of each tree's first node, then the number of nodes: trees + 1.
        feature: Column that a node compares; -1 for a leaf.
        threshold: float32; values up to it go to the left.
        right: Index of the right child, of all nodes; 0 for a leaf.
        probability: float32 of class 1 in a leaf; 0 for other nodes.
    """

    starts: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    right: NDArray[np.int32]
    probability: NDArray[np.float32]

    @classmethod
    def of(cls, forest: Any) -> Trees:
        """Return the trees of a fitted ``RandomForestClassifier`` with classes 0 and 1.

        Thresholds are rounded down to float32, so the answers are those of the forest.
        """
        trees = [estimator.tree_ for estimator in forest.estimators_]
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])
        leaves = [tree.children_left < 0 for tree in trees]
        right = [
            np.where(leaf, 0, tree.children_right + start)
            for tree, leaf, start in zip(trees, leaves, starts, strict=False)
        ]
        # Of voxels of one kind alone the forest knows that kind alone.
        kinds = np.asarray(forest.classes_, np.float64)
        shares = [tree.value[:, 0, :] @ kinds / tree.value[:, 0, :].sum(axis=1) for tree in trees]
        return cls(
            starts.astype(np.int32),
            np.concatenate([np.where(leaf, -1, tree.feature) for tree, leaf in zip(trees, leaves, strict=True)]).astype(
                np.int16
            ),
            _rounded_down(
                np.concatenate([np.where(leaf, 0.0, tree.threshold) for tree, leaf in zip(trees, leaves, strict=True)])
            ),
            np.concatenate(right).astype(np.int32),
            np.concatenate([np.where(leaf, share, 0.0) for leaf, share in zip(leaves, shares, strict=True)]).astype(
                np.float32
            ),
        )

    @classmethod
    def read(cls, tensors: Mapping[str, NDArray[Any]], columns: int) -> Trees:
        """Return the trees that a weights file holds.

        Args:
            tensors: Arrays by name, as ``arrays`` returns them; others are ignored.
            columns: Number of features.

        Raises:
            DataError: An array is missing, has another type or length, or a node points outside its tree.
        """
        kinds = ("i", "i", "f", "i", "f")
        arrays = [tensors.get(name) for name in _NAMES]
        for name, array, kind in zip(_NAMES, arrays, kinds, strict=True):
            if array is None or array.ndim != 1 or array.dtype.kind != kind:
                msg = f"the weights hold no trees: {name} is not a list of numbers of kind {kind!r}; train again"
                raise DataError(msg)
        made = cls(*arrays)  # type: ignore[arg-type]  # none is None
        if not made._is_whole(columns):
            msg = "the weights hold no trees: a node points outside its tree; train again"
            raise DataError(msg)
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in _NAMES}

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean probability of class 1 over the trees.

        Args:
            features: voxels x columns.
        """
        found = np.zeros(len(features), np.float32)
        for start in range(0, len(features), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            columns = np.ascontiguousarray(features[part].T)
            found[part] = sum(self._of_tree(int(root), columns) for root in self.starts[:-1]) / (len(self.starts) - 1)
        return found

    def _of_tree(self, root: int, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        nodes = np.full(columns.shape[1], root, np.int32)
        going = np.arange(len(nodes))
        while len(going):
            at = nodes[going]
            feature = self.feature[at]
            inner = feature >= 0
            going, at, feature = going[inner], at[inner], feature[inner]
            left = columns[feature, going] <= self.threshold[at]
            nodes[going] = np.where(left, at + 1, self.right[at])
        return self.probability[nodes]

    def _is_whole(self, columns: int) -> bool:
        """Return whether every node leads to a leaf of its own tree."""
        count = len(self.feature)
        lengths = {len(array) for array in (self.threshold, self.right, self.probability)}
        if lengths != {count} or len(self.starts) < 2 or self.starts[0] != 0 or self.starts[-1] != count:
            return False
        if (np.diff(self.starts) < 1).any() or not np.isfinite(self.probability).all():
            return False
        inner = np.flatnonzero(self.feature >= 0)
        ends = np.repeat(self.starts[1:], np.diff(self.starts))[inner]
        right = self.right[inner]
        # Children come after their parent, so no path is endless.
        return bool(
            (self.feature < columns).all()
            and (right > inner).all()
            and (right < ends).all()
            and (inner + 1 < ends).all()
        )


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest).astype(np.float32)
