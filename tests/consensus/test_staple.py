import numpy as np

from ctbench.consensus.staple import staple_labels


def test_a_tie_is_undecided():
    """Two readers who swap two labels are equally good: no label is more probable, so that none is taken."""
    a = np.array([[[1, 1, 2, 2, 0, 0, 0, 0]]], np.int16)
    b = np.array([[[2, 2, 1, 1, 0, 0, 0, 0]]], np.int16)
    labels, undecided = staple_labels([a, b])
    assert undecided.ravel().tolist() == [True] * 4 + [False] * 4
    assert not labels.any()


def test_a_poor_reader_counts_less_than_two_good_ones():
    """On a voxel where one of two good readers agrees with a poor one, votes are two to one but STAPLE knows better."""
    rng = np.random.default_rng(0)
    truth = (rng.random((1, 40, 50)) < 0.5).astype(np.uint8)
    good = [np.where(rng.random(truth.shape) < 0.02, 1 - truth, truth) for _ in range(2)]
    poor = [np.where(rng.random(truth.shape) < 0.4, 1 - truth, truth) for _ in range(3)]
    maps = [*good, *poor]
    votes = np.sum(maps, axis=0) >= 3
    labels, _ = staple_labels(maps)
    assert np.mean(labels != truth) < np.mean(votes != truth) / 2


def test_large_codes_and_any_integer_type_come_back():
    """Codes are numbered for the filter and given back in the readers' own type."""
    a = np.array([[[0, 900000, 7, 7]]], np.int64)
    labels, undecided = staple_labels([a, a, a])
    np.testing.assert_array_equal(labels, a)
    assert labels.dtype == np.int64
    assert not undecided.any()
