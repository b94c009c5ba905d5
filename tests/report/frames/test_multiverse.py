"""The same scores under every admissible choice."""

from itertools import product

import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.multiverse import CHOICES, conclusions, specifications, turning_points
from ctbench.statistics import describe, overall, populated


@pytest.fixture(scope="module")
def ranked(results):
    """Every combination on the made-up comparison."""
    return specifications([results])


def test_the_usual_choice_is_the_rankings(results, ranked):
    """Positives, leave-one-out, Dice, mean: the mean over cases that ``statistics`` gives for a model."""
    rows = populated(results.scores)
    rows = rows[(rows["metric"] == "dice") & (rows["rater"] == "unet") & rows["reference"].str.contains("-without-")]
    over = results.averaged("unet")
    rows = rows[rows["label"].isin(over)]
    by_case = rows.groupby(["case", "reference"])["value"].mean().groupby("case").mean()
    own = ranked[
        (ranked["structures"] == results.scope_title(over))
        & (ranked["metric"] == "dice")
        & (ranked["reference"] == "leave-one-out")
        & (ranked["population"] == "positives")
        & (ranked["rater"] == "unet")
    ].set_index("aggregate")
    assert own.loc["mean", "value"] == pytest.approx(by_case.mean())
    assert own.loc["median", "value"] == pytest.approx(by_case.median())
    one = rows[rows["reference"] == "majority-without-reader1"]
    assert describe(overall(one, labels=over))["n"].item() == own.loc["mean", "n"]


def test_every_combination_is_there_once(ranked):
    """Metrics x references x populations x aggregates of each scope; ranks start at 1."""
    keys = ranked[list(CHOICES)].drop_duplicates()
    for _, own in keys.groupby("structures"):
        wanted = list(product(*(own[name].unique() for name in CHOICES)))
        assert len(own) == len(wanted)
    assert not ranked.duplicated([*CHOICES, "rater"]).any()
    assert set(ranked.groupby(list(CHOICES))["rank"].min()) == {1}


def test_readers_are_one_rater_on_references_of_the_others_only(ranked):
    """On the common reference, which they made, they are not ranked."""
    readers = ranked[ranked["rater"] == "all readers"]
    assert set(readers["reference"]) == {"leave-one-out"}


def made_up(values):
    """A table as ``specifications`` returns it, from (population, aggregate) -> merit of a and b."""
    rows = [
        {"rules": "r", "structures": "s", "metric": "dice", "reference": "m", "population": population}
        | {"aggregate": aggregate, "rater": rater, "n": 9, "value": merit, "rank": 1, "merit": merit}
        for (population, aggregate), merits in values.items()
        for rater, merit in zip("ab", merits, strict=True)
    ]
    return pd.DataFrame(rows)


def test_the_choice_that_turns_a_conclusion_is_named():
    """A is better over positives whatever the aggregate, and worse or equal with full marks: 2.5 of 4."""
    ranked = made_up(
        {
            ("positives", "mean"): (0.8, 0.7),
            ("positives", "median"): (0.8, 0.7),
            ("full-marks", "mean"): (0.8, 0.9),
            ("full-marks", "median"): (0.8, 0.8),
        }
    )
    row = conclusions(ranked).query("first == 'a'").iloc[0]
    assert (row["combinations"], row["share"]) == (4, 0.625)
    assert (row["turned_by"], row["options"]) == ("population", "100 % with positives; 25 % with both empty as 1")
    other = conclusions(ranked).query("first == 'b'").iloc[0]
    assert other["share"] == 0.375


def test_a_conclusion_that_holds_everywhere_is_turned_by_nothing():
    """Share 1, and no choice is named."""
    row = conclusions(made_up({("positives", "mean"): (0.8, 0.7), ("penalise", "mean"): (0.6, 0.5)})).iloc[0]
    assert (row["share"], row["turned_by"], row["options"]) == (1, "", "")


def test_the_curve_stands_in_the_order_of_the_difference():
    """Worst for the first at the left; the better one is named, nobody where both are equal."""
    ranked = made_up({("positives", "mean"): (0.8, 0.7), ("penalise", "mean"): (0.5, 0.5), ("x", "mean"): (0.1, 0.4)})
    points = turning_points(ranked, "a", "b")
    assert points["better"].tolist() == ["b", "", "a"]
    assert points["place"].tolist() == [1, 2, 3]
    with pytest.raises(UsageError, match="a and nobody do not meet"):
        turning_points(ranked, "a", "nobody")


def test_less_is_better_where_the_metric_says_so(results):
    """The rater with the lower HD95 has the better rank."""
    own = specifications([results], ["hd95"]).query("aggregate == 'mean' and population == 'positives'")
    for _, rows in own.groupby(list(CHOICES)):
        assert rows.sort_values("rank")["value"].is_monotonic_increasing


def test_what_cannot_be_ranked_is_refused(results, small_runs):
    """A metric without a direction, one that was not scored, and a single rater."""
    for metric in ("volume_ml", "assd"):
        with pytest.raises(UsageError, match=f"{metric} cannot be ranked; expected metrics .* among dice"):
            specifications([results], [metric])
    (alone,) = gather(small_runs(raters=("unet",)))
    with pytest.raises(UsageError, match="not two models"):
        specifications([alone])
