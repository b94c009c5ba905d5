import numpy as np
import pytest

from ctbench.statistics.forecasts import FIGURES, MEAN, ForecastTable, Outcomes, pool_tables, pooled_figures


def cases(count, seed=0):
    """Tables of a model that is right on average, for two readers."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        codes = rng.integers(0, 256, 300).astype(np.uint8)
        made.append(ForecastTable.of(codes, (rng.random((2, 300)) < codes / 255).astype(int), ("ann", "ben")))
    return made


def test_pooled_figures_are_those_of_the_summed_table():
    """Pooling outcomes by case and adding up tables are the same."""
    tables = cases(5)
    whole = pool_tables(tables).against(MEAN)
    found = pooled_figures([table.against(MEAN) for table in tables], list("abcde"), resamples=0)
    assert list(found) == list(FIGURES)
    for name, estimate in found.items():
        assert estimate.value == pytest.approx(float(FIGURES[name](whole)))
        assert np.isnan(estimate.low)
        assert estimate.n == 5


def test_bootstrap_samples_are_those_of_each_sample_by_itself():
    """All samples are computed at once; the quantiles are those of a loop over drawn patients."""
    tables = cases(6)
    outcomes = [table.against("ann") for table in tables]
    patients = ["p1", "p1", "p2", "p3", "p3", "p4"]
    found = pooled_figures(outcomes, patients, ["ece", "auroc", "nll"], resamples=50, seed=3)
    times = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), 50)[:, [0, 0, 1, 2, 2, 3]]
    for name, estimate in found.items():
        values = []
        for weights in times:
            counts = sum(weight * one.counts for weight, one in zip(weights, outcomes, strict=True))
            values.append(float(FIGURES[name](Outcomes(outcomes[0].forecasts, outcomes[0].observed, counts))))
        assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
        assert estimate.low < estimate.high


def test_one_patient_has_no_interval_and_an_empty_domain_no_value():
    """NaN with a reason; a case without a voxel in the domain is left out and counted."""
    table = cases(1)[0].against(MEAN)
    empty = Outcomes(table.forecasts, table.observed, np.zeros_like(table.counts))
    alone = pooled_figures([table, empty], ["a", "b"], ["brier"])["brier"]
    assert (alone.n, alone.left_out) == (1, 1)
    assert np.isnan(alone.low)
    nothing = pooled_figures([empty], ["a"], ["brier"])["brier"]
    assert np.isnan(nothing.value)
    assert nothing.reason == "no voxel in the domain"
