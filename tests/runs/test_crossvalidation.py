from dataclasses import replace

import pytest

from ctbench.errors import UsageError
from ctbench.runs.crossvalidation import cross_validate


@pytest.fixture
def cases(blobs):
    """Four cases of three patients."""
    return [replace(case, patient=patient) for case, patient in zip(blobs, ("p1", "p1", "p2", "p3"), strict=True)]


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_need_as_many_patients(cases, blobs, tmp_path, folds):
    """Nothing is trained or written when the number of folds is impossible."""

    def train(*_):
        pytest.fail("trained")

    with pytest.raises(UsageError, match=f"{folds} folds cannot be made of 3 patients; expected 2 to 3"):
        cross_validate(
            "none", train, blobs, cases, tmp_path / "out", folds=folds, options={}, consensus="majority", jobs=1
        )
    assert not (tmp_path / "out").exists()
