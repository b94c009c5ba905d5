import pytest

from ctbench.errors import UsageError
from ctbench.statistics.multi_reader import Components, mrmc_power

PILOT = Components(0.00080229, 0.00034661, 0.00034407, 0.00023903)


def planned(**changes):
    """The power of Van Dyke's study with 10 readers and 165 cases."""
    asked = {"pilot_cases": 114, "difference": 0.0438003, "readers": 10, "cases": 165} | changes
    return mrmc_power(PILOT, 0.00055103, **asked)


def test_van_dykes_study_with_more_readers_and_cases():
    """The published power, noncentrality and degrees of freedom, up to the rounding of the printed components."""
    found = planned()
    assert found.power == pytest.approx(0.805420, abs=3e-5)
    assert found.noncentrality == pytest.approx(8.209597, abs=5e-4)
    assert found.degrees == pytest.approx(62.70728, abs=1e-2)


def test_power_grows_with_readers_cases_and_difference():
    """And is the level of the test where there is no difference."""
    assert planned(difference=0.0).power == pytest.approx(0.05)
    assert planned().power < planned(readers=11).power
    assert planned().power < planned(cases=200).power
    assert planned().power < planned(difference=0.05).power


def test_one_reader_is_no_sample_of_readers():
    """The message has both numbers."""
    with pytest.raises(UsageError, match="at least two readers and two cases, got 1 and 165"):
        planned(readers=1)
