import numpy as np
import pytest

from ctbench.consensus import pooled_performance, reader_performance
from ctbench.errors import DataError

MADE = {"ann": (0.95, 0.98), "bob": (0.87, 0.95), "cyd": (0.8, 0.9)}


def readings(seed, readers=MADE, shape=(8, 30, 30)):
    """Readers of known sensitivity and specificity on independent voxels of one case."""
    rng = np.random.default_rng(seed)
    truth = rng.random(shape) < 0.3
    return {
        name: (rng.random(shape) < np.where(truth, *(MADE[name][0], 1 - MADE[name][1]))).astype(np.uint8)
        for name in readers
    }


def values(table):
    """Reader and quantity -> value, low, high."""
    return table.set_index(["reader", "quantity"])[["value", "low", "high"]]


def test_one_case_finds_what_its_readers_were_made_with():
    """Each estimate is near the truth and inside its own interval, which stays between 0 and 1."""
    found = values(reader_performance(readings(1), {"blood": 1}, domain="image"))
    for reader, made in MADE.items():
        for quantity, true in zip(("sensitivity", "specificity"), made, strict=True):
            value, low, high = found.loc[reader, quantity]
            assert value == pytest.approx(true, abs=0.03)
            assert 0 <= low <= value <= high <= 1


def test_cases_are_pooled_into_one_fit():
    """Ten cases of which cyd read only two: his numbers rest on those, and the intervals cover what was made."""
    cases = [(readings(seed, MADE if seed < 2 else ("ann", "bob")), None) for seed in range(10)]
    table = pooled_performance(cases, {"blood": 1}, domain="image")
    assert set(table["groups"]) == {10}
    assert not table["reason"].any()
    found = values(table)
    for reader, made in MADE.items():
        for quantity, true in zip(("sensitivity", "specificity"), made, strict=True):
            value, low, high = found.loc[reader, quantity]
            assert value == pytest.approx(true, abs=0.03)
            assert low - 0.01 <= true <= high + 0.01


def test_the_interval_is_the_jackknife_over_cases():
    """Leaving each case out in turn, on the logit scale with half a voxel added, by hand."""
    cases = [(readings(seed), None) for seed in range(6)]
    found = values(pooled_performance(cases, {"blood": 1}, domain="image")).loc[("ann", "sensitivity")]
    others = [values(pooled_performance(cases[:k] + cases[k + 1 :], {"blood": 1}, domain="image")) for k in range(6)]
    shares = np.array([table.loc[("ann", "sensitivity"), "value"] for table in others])
    logits = np.log(shares / (1 - shares))
    half = 2.5705818 * np.sqrt(5 * logits.var())  # t of 5 degrees of freedom
    expected = 1 / (1 + np.exp(-(np.log(found["value"] / (1 - found["value"])) + np.array([-half, half]))))
    np.testing.assert_allclose(found[["low", "high"]], expected, atol=2e-4)


def test_fewer_than_five_groups_have_no_interval_and_say_so():
    """Four cases have an estimate, and the reason why it has no interval."""
    table = pooled_performance([(readings(seed), None) for seed in range(4)], {"blood": 1})
    assert table["value"].notna().all()
    assert table[["low", "high"]].isna().all(axis=None)
    assert set(table["reason"]) == {"no interval from 4 cases; expected 5 or more"}


def test_a_label_that_nobody_drew_has_no_sensitivity():
    """Its sensitivity is null with a reason; its specificity is 1."""
    table = values(reader_performance(readings(1), {"blood": 1, "shunt": 9}).query("label == 'shunt'"))
    assert table.loc[("ann", "sensitivity")].isna().all()
    assert table.loc[("ann", "specificity"), "value"] == 1


def test_no_case_is_an_error():
    """There is nothing to pool."""
    with pytest.raises(DataError, match="no cases; expected"):
        pooled_performance([], {"blood": 1})
