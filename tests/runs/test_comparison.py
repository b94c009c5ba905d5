import dataclasses

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.runs import Drop, compare, drops, open_run, run
from ctbench.runs.folder import Run


def made(values, metric="dice", labels=("iph", "ivh"), **changes):
    """A run in memory: case -> label -> value."""
    rows = [
        (
            "toy",
            case,
            "m",
            "model",
            reference,
            label,
            metric,
            value,
            "1",
            "unsupported" if np.isnan(value) else "ok",
            "",
        )
        for case, own in values.items()
        for label, value in zip(labels, own, strict=True)
        for reference in ("majority", "majority-without-r1")
    ]
    return rows, changes


@pytest.fixture
def runs(finished_run, bright, tmp_path):
    """Make runs of given scores, with the manifest of a real one."""
    base = finished_run(bright, "dice", "hd95", "volume_ml", folder="base")

    def make(name, values, metric="dice", **changes):
        columns = list(base.scores.columns)
        rows, _ = made(values, metric)
        manifest = base.manifest.model_copy(update=changes)
        one = Run(tmp_path / name, manifest)
        one.__dict__["scores"] = pd.DataFrame(rows, columns=columns)
        return one

    return make


CASES = [f"c{number:02d}" for number in range(12)]
BEFORE = {case: (0.8 + 0.01 * number, 0.5) for number, case in enumerate(CASES)}


def test_differences_are_of_the_same_cases_worst_first(runs):
    """One structure loses .1 in every case, the other gains; a case that only one run has does not count."""
    after = {case: (iph - 0.1 - 0.001 * k, ivh + 0.01 * k) for k, (case, (iph, ivh)) in enumerate(BEFORE.items())}
    table = compare(runs("a", BEFORE | {"only-a": (0.0, 0.0)}), runs("b", after))
    assert table["label"].tolist() == ["iph", "overall", "ivh"]
    worst = table.iloc[0]
    assert worst["n"] == 12
    assert worst["first"] == pytest.approx(np.mean([iph for iph, _ in BEFORE.values()]))
    assert worst["difference"] == pytest.approx(-0.1 - 0.001 * 5.5)
    assert worst["second"] - worst["first"] == pytest.approx(worst["difference"])
    assert table["worse"].tolist() == [True, True, False]
    assert drops(table)["label"].tolist() == ["iph", "overall"]


def test_a_stated_drop_needs_no_test(runs):
    """Two cases are too few for a test, and enough for a limit."""
    table = compare(runs("a", {"x": (0.8, 0.8), "y": (0.9, 0.9)}), runs("b", {"x": (0.79, 0.8), "y": (0.89, 0.9)}))
    assert drops(table).empty
    assert drops(table, [Drop.parse("dice:-0.005")])["label"].tolist() == ["iph"]
    assert drops(table, [Drop.parse("dice:-0.02")]).empty
    assert drops(table, [Drop.parse("dice:significant")]).empty


def test_less_of_a_distance_is_better(runs):
    """A drop of hd95 is a rise of its value."""
    after = {case: (iph + 1, ivh - 1) for case, (iph, ivh) in BEFORE.items()}
    table = compare(runs("a", BEFORE, "hd95"), runs("b", after, "hd95"), ["hd95"])
    assert table["label"].tolist()[0] == "iph"
    assert drops(table, [Drop.parse("hd95:+0.5")])["label"].tolist() == ["iph"]


def test_equal_runs_have_no_drop(runs):
    """Nothing differs, nothing is tested, nothing fails."""
    table = compare(runs("a", BEFORE), runs("b", BEFORE))
    assert (table["difference"] == 0).all()
    assert drops(table).empty
    assert drops(table, [Drop.parse("dice:-0.005"), Drop.parse("dice:significant")]).empty


def test_a_structure_that_is_lost_is_a_drop(runs):
    """A model that no longer claims a structure does not pass because there is nothing to compare."""
    after = {case: (iph, float("nan")) for case, (iph, _) in BEFORE.items()}
    table = compare(runs("a", BEFORE), runs("b", after))
    assert table[["label", "n", "worse"]].to_numpy().tolist()[0] == ["ivh", 0, True]
    assert table["reason"].tolist()[0] == "the second run has no values of it"
    assert "ivh" in set(drops(table)["label"])
    assert "ivh" in set(drops(table, [Drop.parse("dice:-0.9")])["label"])
    gained = compare(runs("c", after), runs("d", BEFORE))
    assert "ivh" not in set(gained["label"])


@pytest.mark.parametrize("text", ["dice", "dice:", ":-1", "dice:much", "dice:nan"])
def test_a_rule_of_another_form_is_refused(text):
    """The message shows one that is right."""
    with pytest.raises(UsageError, match=r"expected METRIC:CHANGE .* e\.g\. dice:-0\.005"):
        Drop.parse(text)


@pytest.mark.parametrize("text", ["dice:+0.1", "hd95:-1"])
def test_a_rule_against_improvement_is_refused(text):
    """A sign that was turned would never fail when it should."""
    with pytest.raises(UsageError, match="for the better"):
        Drop.parse(text)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"consensus": "staple"}, "consensus"),
        ({"metrics": {"dice": 2}}, "the version of dice"),
        ({"dataset_fingerprint": "0"}, "dataset_fingerprint"),
    ],
)
def test_runs_by_other_rules_are_not_compared(runs, changes, what):
    """The message names what differs."""
    with pytest.raises(UsageError, match=f"they differ in {what}"):
        compare(runs("a", BEFORE), runs("b", BEFORE, **changes))


def test_runs_of_readers_and_unknown_metrics_are_refused(blobs, runs, tmp_path):
    """There is no pair of raters in them."""
    readers = run(blobs, "readers", tmp_path / "readers", metrics=["dice"], jobs=1)
    with pytest.raises(UsageError, match="both runs are of readers"):
        compare(readers, readers)
    with pytest.raises(UsageError, match="have no metric assd; they have dice"):
        compare(runs("a", BEFORE), runs("b", BEFORE), ["assd"])
    with pytest.raises(UsageError, match="have no case with values in both"):
        compare(runs("a", {"x": (0.1, 0.2)}), runs("b", {"y": (0.1, 0.2)}))


def test_real_runs_compare(blobs, bright, tmp_path):
    """Two runs of one predictor, from their folders: structures that it does not claim are absent."""
    for name in ("a", "b"):
        run(blobs, bright, tmp_path / name, metrics=["dice"], jobs=1)
    table = compare(open_run(tmp_path / "a"), open_run(tmp_path / "b"))
    assert table["label"].tolist() == ["hemorrhage"]
    assert dataclasses.is_dataclass(Drop("dice"))


def with_statuses(run, changes):
    """The run with other statuses and values of some cases: case -> status, value."""
    scores = run.scores.copy()
    for case, (status, value) in changes.items():
        own = scores["case"] == case
        scores.loc[own, "status"], scores.loc[own, "value"] = status, value
    run.__dict__["scores"] = scores
    return run


def test_false_alarms_fail_although_no_mean_moves(runs):
    """A model that draws in every healthy head has the Dice of before over the bleeds, and fails all the same."""
    healthy = CASES[:3]
    before = with_statuses(runs("a", BEFORE), dict.fromkeys(healthy, ("both_empty", np.nan)))
    after = with_statuses(runs("b", BEFORE), dict.fromkeys(healthy, ("reference_empty", 0.0)))
    table = compare(before, after).set_index(["metric", "label"])
    assert table.loc[("dice", "iph"), ["n", "difference"]].tolist() == [9, 0.0]
    assert table.loc[("false-alarms", "iph"), ["n", "first", "second", "worse"]].tolist() == [3, 0, 3, True]
    assert table.loc[("false-alarms", "overall"), ["n", "second"]].tolist() == [6, 6]
    rows = table.reset_index()
    for rules in ([], [Drop.parse("dice:-0.005")], [Drop.parse("false-alarms:+2")]):
        assert set(drops(rows, rules)["metric"]) == {"false-alarms"}
    assert drops(rows, [Drop.parse("dice:-0.005"), Drop.parse("false-alarms:+6")]).empty
    assert drops(compare(after, before)).empty


def test_misses_lost_cases_and_undefined_values_are_rows(runs):
    """Each is counted of the cases in which it can happen, and fails where a rule names it."""
    after = {CASES[0]: ("prediction_empty", 0.0), CASES[1]: ("failed", 0.0), CASES[2]: ("not_sampled", np.nan)}
    rows = compare(runs("a", BEFORE), with_statuses(runs("b", BEFORE), after))
    found = rows[rows["label"] == "iph"].set_index("metric")
    for name in ("misses", "lost", "undefined"):
        assert found.loc[name, ["n", "first", "second"]].tolist() == [12, 0, 1]
        assert set(drops(rows, [Drop.parse(f"{name}:+0"), Drop.parse("dice:-1")])["metric"]) == {name}


def test_fewer_false_alarms_are_no_drop():
    """A rule that would fail on fewer false alarms is refused."""
    with pytest.raises(UsageError, match="for the better"):
        Drop.parse("false-alarms:-1")
