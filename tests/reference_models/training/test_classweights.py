import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_models.training.classweights import class_weights


def test_balanced_weights_by_hand():
    """w_c = N / ((k + 1) n_c): three classes, 70 + 20 + 10 voxels."""
    np.testing.assert_allclose(class_weights([70, 20, 10], "balanced"), [100 / 210, 100 / 60, 100 / 30])


def test_attenuated_weights_are_the_cube_roots():
    """The paper's configuration 3."""
    np.testing.assert_allclose(class_weights([70, 20, 10], "attenuated") ** 3, class_weights([70, 20, 10], "balanced"))


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=12))
def test_balanced_weights_average_to_one_over_voxels(counts):
    """Weighted by how many voxels have them, they come to 1: the scale of the loss stays."""
    assert np.average(class_weights(counts, "balanced"), weights=counts) == pytest.approx(1)


def test_a_class_that_never_occurs_weighs_nothing():
    """It is neither infinite nor a reason to warn."""
    assert class_weights([90, 10, 0], "balanced")[2] == 0
    assert class_weights([90, 10, 0], "none").tolist() == [1, 1, 1]


def test_an_unknown_scheme_is_refused():
    """The message lists those that there are."""
    with pytest.raises(ValueError, match="expected balanced, attenuated or none"):
        class_weights([1], "inverse")
