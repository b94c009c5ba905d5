import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import false_claim


def test_the_papers_example():
    """.85 against .84, SD .10, 50 cases: worked out with SciPy's t distribution."""
    found = false_claim(0.85, 0.10, 0.84, 0.10, 50)
    assert found["correlation"].tolist() == [0, 0.5, 0.8, 0.95]
    assert found["probability"].tolist() == pytest.approx([0.3097, 0.2414, 0.1345, 0.0150], abs=5e-5)


def test_it_is_the_posterior_of_paired_differences():
    """With paired values at hand it is half of the paired t test's P at their own correlation."""
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(3)
    base = generator.normal(0.8, 0.1, 40)
    first, second = base + generator.normal(0.02, 0.05, 40), base + generator.normal(0, 0.05, 40)
    r = np.corrcoef(first, second)[0, 1]
    found = false_claim(first.mean(), first.std(ddof=1), second.mean(), second.std(ddof=1), 40, [r])
    assert found["probability"].item() == pytest.approx(stats.ttest_rel(first, second).pvalue / 2)


def test_differences_without_variance_have_no_probability():
    """Equal SDs and a correlation of 1: null, not 0."""
    assert np.isnan(false_claim(0.85, 0.1, 0.84, 0.1, 50, [1])["probability"].item())


@pytest.mark.parametrize("wrong", [{"n": 1}, {"sd": -0.1}, {"sd": 0, "other_sd": 0}, {"correlations": [1.5]}])
def test_numbers_that_cannot_be_are_refused(wrong):
    """In one sentence with what was given."""
    given = {"mean": 0.8, "sd": 0.1, "other_mean": 0.7, "other_sd": 0.1, "n": 20} | wrong
    with pytest.raises(UsageError, match="expected n of 2 or more"):
        false_claim(**given)
