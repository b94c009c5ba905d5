import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.multi_reader import Components, Mrmc, mrmc, mrmc_cases_needed, mrmc_of_scores, mrmc_power

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


def test_a_difference_without_error_is_found():
    """Readings that do not vary hide nothing: two cases are enough; the power for no difference is unknown."""
    same = Components(0.0, 0.0, 0.0, 0.0)
    found = mrmc_power(same, 0.0, pilot_cases=30, difference=0.02, readers=3, cases=2)
    assert (found.power, found.half_width) == (1, 0)
    assert math.isnan(mrmc_power(same, 0.0, pilot_cases=30, difference=0.0, readers=3, cases=2).power)
    made = mrmc(study(), figure="mean")
    pilot = replace(made, components=same, mean_squares=(*made.mean_squares[:2], 0.0))
    (row,) = mrmc_cases_needed(pilot, difference=0.02, readers=[3]).to_dict("records")
    assert (row["cases"], row["power"], row["reason"]) == (2, 1, "")


def test_one_reader_is_no_sample_of_readers():
    """The message has both numbers."""
    with pytest.raises(UsageError, match="at least two readers and two cases, got 1 and 165"):
        planned(readers=1)


def study(conditions=2, readers=4, cases=30):
    """Scores of some conditions, whose readers and cases vary."""
    rng = np.random.default_rng(3)
    shape = (conditions, readers, cases)
    values = rng.normal(0, 0.1, cases) + rng.normal(0, 0.03, (1, readers, 1)) + rng.normal(0, 0.08, shape)
    values = values + rng.normal(0, 0.02, (conditions, readers, 1))
    at = np.indices(shape).reshape(3, -1)
    return pd.DataFrame(at.T, columns=["condition", "reader", "case"]).astype(str).assign(rating=values.ravel())


def interval_of(made):
    """The difference of the two conditions with random readers and cases."""
    return made.differences.set_index("analysis").loc["random readers and cases"]


def test_the_pilots_own_size_has_the_width_of_its_interval():
    """Planned for as many readers and cases as the pilot had, the interval is the pilot's."""
    pilot = mrmc(study(), figure="mean")
    (row,) = mrmc_cases_needed(pilot, half_width=1e-9, readers=[4], limit=30).to_dict("records")
    assert row["half_width"] == pytest.approx((interval_of(pilot)["high"] - interval_of(pilot)["low"]) / 2)
    assert (pd.isna(row["cases"]), math.isnan(row["power"])) == (True, True)
    assert row["reason"] == "30 cases are not enough: more readers are needed"


def test_a_study_of_scores_keeps_its_degrees_of_freedom():
    """Of a model and readers the covariances are sampled: the width is again that of the pilot's own interval."""
    rows = [
        (case, rater, "model" if rater == "m" else "reader", f"majority-without-{reader}", value)
        for (condition, reader, case), value in study().set_index(["condition", "reader", "case"])["rating"].items()
        for rater in ("m" if condition == "0" else reader,)
    ]
    scores = pd.DataFrame(rows, columns=["case", "rater", "rater_kind", "reference", "value"])
    pilot = mrmc_of_scores(scores.assign(metric="dice", label="iph", status="ok"), model="m")
    assert pilot.sampled
    (row,) = mrmc_cases_needed(pilot, half_width=1e-9, readers=[4], limit=30).to_dict("records")
    assert row["half_width"] == pytest.approx((interval_of(pilot)["high"] - interval_of(pilot)["low"]) / 2)


def test_cases_needed_are_the_fewest():
    """One case less has less power than wanted, or a wider interval; more readers need fewer cases."""
    pilot = Mrmc(
        *("auc", "factorial", "jackknife", 114, 0, pd.DataFrame(), PILOT, (0.0, 0.0, 0.00055103)),
        *(pd.DataFrame(), pd.DataFrame(), pd.DataFrame()),
    )
    table = mrmc_cases_needed(pilot, difference=-0.0438003, readers=[5, 10]).set_index("readers")
    cases = int(table.loc[10, "cases"])
    assert planned(cases=cases).power >= 0.8 > planned(cases=cases - 1).power
    assert table.loc[10, "power"] == pytest.approx(planned(cases=cases).power)
    assert cases < table.loc[5, "cases"]
    narrow = mrmc_cases_needed(pilot, half_width=0.03, readers=[10]).loc[0]
    few = int(narrow["cases"])
    assert planned(cases=few).half_width <= 0.03 < planned(cases=few - 1).half_width
    both = mrmc_cases_needed(pilot, difference=0.0438003, half_width=0.03, readers=[10]).loc[0]
    assert both["cases"] == max(cases, few)


def test_what_cannot_be_planned_is_refused():
    """Nothing to find, a difference of 0, and a pilot of one condition."""
    pilot = mrmc(study(), figure="mean")
    with pytest.raises(UsageError, match="nothing to plan for"):
        mrmc_cases_needed(pilot)
    with pytest.raises(UsageError, match="difference other than 0"):
        mrmc_cases_needed(pilot, difference=0.0)
    with pytest.raises(UsageError, match="with 1 conditions"):
        mrmc_cases_needed(mrmc(study(conditions=1), figure="mean"), difference=0.1)
