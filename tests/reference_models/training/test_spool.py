import numpy as np
import pytest

from ctbench.errors import StoreError
from reference_models.training.examples import Example
from reference_models.training.spool import Spool


def test_examples_come_back_as_they_were():
    """Values, shapes and types, also of odd sizes; nothing is copied or can be changed."""
    rng = np.random.default_rng(0)
    shapes = [(3, 5, 7), (1, 1, 1), (4, 2, 3)]
    examples = [
        Example(
            rng.random(shape).astype(np.float32), rng.integers(0, 9, shape).astype(np.uint8), rng.random(shape) < 0.5
        )
        for shape in shapes
    ]
    spool = Spool()
    for example in examples:
        spool.keep(example)
    for kept, example in zip(spool.examples(), examples, strict=True):
        for part in ("image", "target", "counted"):
            found, expected = getattr(kept, part), getattr(example, part)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
            assert not found.flags.writeable
            assert not found.flags.owndata


def test_nothing_kept_is_nothing():
    """An empty file cannot be mapped, and need not be."""
    assert Spool().examples() == []


def test_a_folder_that_is_none_is_told(tmp_path):
    """In one sentence with the folder."""
    with pytest.raises(StoreError, match=r"examples cannot be kept in .*none: No such file"):
        Spool(tmp_path / "none")
