"""Indeterminate voxels of a dataset, by structure."""

from itertools import combinations

import numpy as np

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.indeterminate import indeterminate


def test_indeterminate_voxels(runs, dataset):
    """Over all cases: the voxels that some reader drew, and those of them on which all three differ."""
    (results,) = gather(runs)
    table = indeterminate(results, dataset).set_index("label")
    drawn = undecided = 0
    for case in dataset:
        first, second, third = (case.reader(name).array for name in case.readers)
        drawn += np.count_nonzero(first | second | third)
        undecided += np.count_nonzero((first != second) & (second != third) & (first != third))
    assert table.loc["overall", ["annotated_voxels", "indeterminate_voxels"]].tolist() == [drawn, undecided]
    assert table.loc["overall", "share"] == undecided / drawn


def test_two_readers_decide_less_than_three(runs, dataset):
    """On the references without a reader the two others must agree: a voxel that one of them drew is undecided."""
    (results,) = gather(runs)
    table = indeterminate(results, dataset).set_index("label")
    drawn = undecided = 0
    for case in dataset:
        arrays = [case.reader(name).array for name in case.readers]
        for one, other in combinations(arrays, 2):
            drawn += np.count_nonzero(one | other)
            undecided += np.count_nonzero(one != other)
    assert table.loc["overall", "share_without"] == undecided / drawn > table.loc["overall", "share"]
