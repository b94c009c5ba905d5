import pandas as pd

from ctbench.report.drawings.equivalence_chart import equivalence_chart


def test_the_margin_is_a_band_and_each_pair_a_line():
    """Rows without a difference are left out; the band reaches from minus to plus the margin."""
    tested = pd.DataFrame(
        {"model": ["a", "a", "b"], "rater": ["ann", "ben", "ann"], "difference": [0.01, -0.02, None]}
        | {"low": [0.0, -0.04, None], "high": [0.02, 0.0, None], "n": [9, 9, 0], "verdict": ["x", "y", "no test"]}
    )
    drawn = equivalence_chart(tested, 0.05, {"a": "#0072b2"}).to_dict()
    band, _, rule, _ = drawn["layer"]
    assert drawn["datasets"][band["data"]["name"]] == [{"low": -0.05, "high": 0.05}]
    assert rule["encoding"]["y"]["sort"] == ["a minus ann", "a minus ben"]
    assert rule["encoding"]["color"]["scale"] == {"domain": ["a"], "range": ["#0072b2"]}
