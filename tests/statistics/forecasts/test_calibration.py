import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.forecasts import Outcomes, calibration_error, ks_error, reliability_diagram


@pytest.mark.parametrize(("bins", "expected", "largest"), [(2, 0.109, 0.1175), (5, 0.315, 0.55), (10, 0.359, 0.96)])
def test_ece_and_mce_of_ten_predictions(ten, bins, expected, largest):
    """The values of MetricsReloaded's own test, to more digits."""
    assert float(calibration_error(ten, bins=bins)) == pytest.approx(expected, abs=1e-9)
    assert float(calibration_error(ten, "maximum", bins)) == pytest.approx(largest, abs=1e-9)


def test_ace_and_ks_of_ten_predictions(ten):
    """ACE is the mean over the bins that are not empty; KS needs no bins."""
    assert float(calibration_error(ten, "average", 20)) == pytest.approx(0.437222, abs=1e-6)
    assert float(ks_error(ten)) == pytest.approx(0.168, abs=1e-9)


def test_the_error_shrinks_with_perfect_background(outcomes_of):
    """Why the domain stands in every title: 200 voxels with ECE .2, then with 1,000 and 100,000 certain ones."""
    p, y = np.full(200, 0.7), np.repeat([1, 0], 100)
    found = [
        float(calibration_error(outcomes_of(np.append(p, np.zeros(more)), np.append(y, np.zeros(more)))))
        for more in (0, 1000, 100_000)
    ]
    assert found == pytest.approx([0.2, 0.2 / 6, 0.2 * 200 / 100_200])
    assert [round(value, 4) for value in found] == [0.2, 0.0333, 0.0004]


def test_edges_belong_to_the_lower_bin_and_0_to_the_first(outcomes_of):
    """No forecast of 0 or 1 falls out, and 51 / 255 lies on the edge .2 exactly."""
    diagram = reliability_diagram(outcomes_of([0, 51 / 255, 0.21, 1], [0, 0, 1, 1]), 5)
    assert diagram.voxels.tolist() == [2, 1, 0, 0, 1]
    assert diagram.observed[[0, 1, 4]].tolist() == [0, 1, 1]
    assert np.isnan(diagram.forecast[2])


def test_bins_of_equal_counts_keep_ties_together(outcomes_of):
    """Nine forecasts in three bins of three; six equal ones share a bin."""
    nine = np.arange(9) / 10
    assert reliability_diagram(outcomes_of(nine, nine > 0.4), 3, equal_counts=True).voxels.tolist() == [3, 3, 3]
    tied = reliability_diagram(outcomes_of([0.1] * 6 + [0.2, 0.3, 0.4], [0] * 9), 3, equal_counts=True)
    assert tied.voxels.tolist() == [0, 6, 3]


def test_several_samples_at_once_have_the_values_of_each(ten, outcomes_of):
    """Bootstrap samples are computed together: the last axis but two is theirs."""
    other = outcomes_of(ten.forecasts, [1, 1, 0, 0, 1, 0, 1, 0, 1, 0])
    both = Outcomes(ten.forecasts, ten.observed, np.stack([ten.counts, other.counts]))
    for figure in (ks_error, calibration_error, lambda one: calibration_error(one, "maximum")):
        assert figure(both).tolist() == pytest.approx([float(figure(ten)), float(figure(other))])


def test_no_voxel_is_no_value(ten):
    """Empty is null, never 0, which would be perfect."""
    empty = Outcomes(ten.forecasts, ten.observed, np.zeros_like(ten.counts))
    for norm in ("expected", "average", "maximum"):
        assert np.isnan(calibration_error(empty, norm))
    assert np.isnan(ks_error(empty))


def test_unknown_norm_and_bins_are_refused(ten):
    """The message names what is expected."""
    with pytest.raises(UsageError, match="expected expected, average or maximum"):
        calibration_error(ten, "l3")
    with pytest.raises(UsageError, match="one bin or more"):
        reliability_diagram(ten, 0)
    with pytest.raises(UsageError, match="one sample at a time"):
        reliability_diagram(Outcomes(ten.forecasts, ten.observed, ten.counts[None]), 3, equal_counts=True)
