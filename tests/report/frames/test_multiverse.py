"""The same scores under every admissible choice."""

from itertools import product

import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.lesion_summaries import chief_values
from ctbench.report.frames.multiverse import CHOICES, LESIONS, conclusions, specifications, turning_points
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
        {"rules": "r", "structures": "s", "metric": "dice", "protocol": "", "reference": "m", "population": population}
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


def lesion_cases():
    """Cases of two models under two protocols: of volumes, in which less is better, and of F1."""
    rows = [
        ("case06", "unet", "any", "ok", 2, 2, 0.5, 1.0),
        ("case06", "forest", "any", "ok", 2, 3, 0.8, 3.0),
        ("case07", "unet", "any", "both_empty", 0, 0, float("nan"), 0.0),
        ("case07", "forest", "any", "reference_empty", 0, 1, 0.0, 2.0),
    ]
    columns = ["case", "rater", "protocol", "status", "lesions", "pieces", "f1", "false_positive_volume_ml"]
    one = pd.DataFrame(rows, columns=columns).assign(rater_kind="model")
    return pd.concat([one, one.assign(protocol="autopet")], ignore_index=True)


def test_a_protocol_of_lesions_ranks_by_its_own_figure(small_runs):
    """F1 and false volume differ in who is better; voxel metrics have no protocol, and lesions the common reference."""
    (results,) = gather(small_runs(raters=("reader1", "reader2", "reader3", "unet", "atlas")))
    label = next(over for over, models in results.scopes.items() if len(models) == 2)[0]
    first, second = results.models
    cases = lesion_cases().assign(label=label, reference=results.common)
    cases["rater"] = cases["rater"].map({"unet": first, "forest": second})
    ranked = specifications([results], lesions=[cases])
    own = ranked[ranked["metric"] == LESIONS]
    assert set(ranked.loc[ranked["metric"] != LESIONS, "protocol"]) == {""}
    assert set(own["reference"]) == {results.common}
    best = own[(own["population"] == "positives") & (own["aggregate"] == "mean") & (own["rank"] == 1)]
    assert dict(zip(best["protocol"], best["rater"], strict=True)) == {"any": second, "autopet": first}
    assert set(conclusions(own)["turned_by"]) == {"protocol"}
    assert "any" in conclusions(own)["options"].iloc[0]


def test_values_of_lesions_by_population():
    """A healthy case without a piece: no value, none, and the best one; with a piece its own value; lost: the worst."""
    cases = lesion_cases()
    f1, volume = (cases["protocol"] == name for name in ("any", "autopet"))
    for population, ratios, volumes in (
        ("positives", [0.5, 0.8, None, None], [1, 3, None, None]),
        ("penalise", [0.5, 0.8, None, 0], [1, 3, None, 2]),
        ("full-marks", [0.5, 0.8, 1, 0], [1, 3, 0, 2]),
    ):
        found = chief_values(cases, population).astype(object).where(lambda one: one.notna(), None)
        assert found[f1].tolist() == ratios
        assert found[volume].tolist() == volumes
    lost = chief_values(cases.assign(status="failed", pieces=0), "full-marks")
    assert lost[f1].tolist() == [0.5, 0.8, 0, 0]
    assert lost[volume].isna().all()


def test_what_cannot_be_ranked_is_refused(results, small_runs):
    """A metric without a direction, one that was not scored, and a single rater."""
    for metric in ("volume_ml", "assd"):
        with pytest.raises(UsageError, match=f"{metric} cannot be ranked; expected metrics .* among dice"):
            specifications([results], [metric])
    (alone,) = gather(small_runs(raters=("unet",)))
    with pytest.raises(UsageError, match="not two models"):
        specifications([alone])
