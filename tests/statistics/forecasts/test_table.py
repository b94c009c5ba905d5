import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.probability_codes import encode
from ctbench.statistics.forecasts import MEAN, NOT_READ, SHARES, ForecastTable, brier, pool_tables


def table(seed=0, readers=("ann", "ben", "cem"), voxels=500):
    """A table of random codes and votes, and the codes and votes."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, voxels).astype(np.uint8)
    votes = (rng.random((len(readers), voxels)) < codes / 255).astype(np.int8)
    return ForecastTable.of(codes, votes, readers), codes, votes


def test_counts_against_a_reader_and_the_mean_are_those_of_the_voxels():
    """The table loses nothing that a figure needs: sums over voxels are the same."""
    found, codes, votes = table()
    own = found.against("ben")
    assert own.positives.tolist() == np.bincount(codes[votes[1] == 1], minlength=256).tolist()
    mean = found.against(MEAN)
    assert mean.total == len(codes)
    assert float(brier(mean).score) == pytest.approx(np.mean((codes / 255 - votes.mean(axis=0)) ** 2))
    with pytest.raises(UsageError, match="unknown reader 'dan'"):
        found.against("dan")


def test_a_reader_who_did_not_look_has_no_vote():
    """He is left out of the mean, and voxels that nobody read are left out altogether."""
    codes = np.array([0, 100, 200, 255], np.uint8)
    votes = np.array([[1, 1, NOT_READ, NOT_READ], [0, NOT_READ, 1, NOT_READ]])
    found = ForecastTable.of(codes, votes, ("ann", "ben"))
    assert found.counts.sum() == 3
    assert found.against("ann").total == 2
    mean = found.against(MEAN)
    assert mean.positives[[0, 100, 200, 255]].tolist() == [0.5, 1, 1, 0]


def test_tables_add_up_over_cases():
    """The table of two cases pooled is the table of their voxels together, whoever read which."""
    (first, codes_a, votes_a), (second, codes_b, votes_b) = table(1), table(2, ("cem", "ann"))
    pooled = pool_tables([first, second])
    assert pooled.readers == ("ann", "ben", "cem")
    absent = np.full(len(codes_b), NOT_READ)
    together = np.concatenate([votes_a, [votes_b[1], absent, votes_b[0]]], axis=1)
    whole = ForecastTable.of(np.concatenate([codes_a, codes_b]), together, ("ann", "ben", "cem"))
    for against in ("ann", "ben", "cem", MEAN):
        assert np.array_equal(pooled.against(against).counts, whole.against(against).counts)


def test_the_other_readers_share_is_a_forecast_of_what_a_reader_drew():
    """The ceiling: its Brier score is the mean of (share of the others - own vote)^2 over voxels."""
    found, codes, votes = table(3)
    ceiling = found.vote_shares_without("cem").against("cem")
    expected = np.mean((votes[:2].mean(axis=0) - votes[2]) ** 2)
    assert float(brier(ceiling).score) == pytest.approx(expected)
    assert ceiling.forecasts.tolist() == [0, 0.5, 1]
    assert ceiling.total == len(codes)


def test_given_shares_are_the_mean_of_readers_who_are_not_known():
    """Three readers' votes as shares in 8 bits: every figure against their mean is the same; no reader stands alone."""
    random = np.random.default_rng(0)
    codes, votes = random.integers(0, 256, 500).astype(np.uint8), random.integers(0, 2, (3, 500))
    given = ForecastTable.of_shares(codes, encode(votes.mean(axis=0)))
    readers = ForecastTable.of(codes, list(votes), ["a", "b", "c"])
    for own, theirs in zip(vars(given.against(MEAN)).values(), vars(readers.against(MEAN)).values(), strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-12)
    assert given.readers == (SHARES,)
    np.testing.assert_array_equal(given.against(SHARES).observed, given.against(MEAN).observed)
    pooled = pool_tables([given, given])
    np.testing.assert_array_equal(pooled.against(MEAN).counts, 2 * given.against(MEAN).counts)
