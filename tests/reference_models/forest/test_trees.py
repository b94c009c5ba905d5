"""Trees as arrays: the answers of scikit-learn's forest, and files that hold none."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from ctbench.errors import DataError
from reference_models.forest.trees import Trees


@pytest.fixture(scope="module")
def fitted():
    """A forest of scikit-learn, and voxels that it did not see, of which many lie on a threshold."""
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 12, (600, 5)).astype(np.float32) / 7
    target = seen[:, 0] + seen[:, 1] * seen[:, 2] + rng.normal(0, 0.3, 600) > 1.5
    forest = RandomForestClassifier(7, max_depth=6, random_state=0).fit(seen, target)
    return forest, rng.integers(0, 24, (400, 5)).astype(np.float32) / 14


def test_the_answers_are_those_of_scikit_learn(fitted):
    """All probabilities, also of values on a threshold, and through the arrays of a file."""
    forest, unseen = fitted
    trees = Trees.of(forest)
    np.testing.assert_allclose(trees.probabilities(unseen), forest.predict_proba(unseen)[:, 1], atol=1e-6)
    again = Trees.read(trees.arrays(), 5)
    np.testing.assert_array_equal(again.probabilities(unseen), trees.probabilities(unseen))


@pytest.mark.parametrize("kind", [False, True])
def test_a_forest_that_saw_one_kind_answers_with_it(kind):
    """Where the limits separate hemorrhage from the rest, nothing is left to tell apart."""
    seen = np.zeros((20, 5), np.float32)
    trees = Trees.of(RandomForestClassifier(3, random_state=0).fit(seen, np.full(20, kind)))
    assert trees.probabilities(seen).tolist() == [float(kind)] * 20


def test_no_voxels_have_no_probability(fitted):
    """A brain without candidates is no special case."""
    assert Trees.of(fitted[0]).probabilities(np.zeros((0, 5), np.float32)).shape == (0,)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("right", np.zeros_like),
        ("right", lambda right: np.where(right > 0, 10**6, right).astype(np.int32)),
        ("feature", lambda feature: np.where(feature >= 0, 5, feature).astype(np.int16)),
        ("feature", np.zeros_like),
        ("feature", lambda feature: feature.astype(np.float32)),
        ("starts", lambda starts: starts[::-1].copy()),
        ("starts", lambda starts: starts[:1]),
        ("threshold", lambda threshold: threshold[:-1]),
        ("probability", lambda probability: np.full_like(probability, np.nan)),
        ("probability", lambda probability: None),
    ],
)
def test_nodes_that_lead_nowhere_are_refused(fitted, name, spoil):
    """Else a spoilt file would read outside its arrays, or go in circles."""
    arrays = Trees.of(fitted[0]).arrays()
    with pytest.raises(DataError, match=r"the weights hold no trees: .*; train again"):
        Trees.read(arrays | {name: spoil(arrays[name])}, 5)
