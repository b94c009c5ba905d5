from dataclasses import make_dataclass
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.cli.options import chosen_split, isolation_from, key_values, with_tolerances
from ctbench.errors import UsageError
from ctbench.predictors import Isolation, Limits

Case = make_dataclass("Case", ["split"])
NOTHING = {"unsandboxed": False, "trust": False, "mount": None, "timeout": None, "memory_gb": None, "processes": None}


@pytest.mark.parametrize(
    ("splits", "option", "chosen"),
    [
        (("train", "test"), None, "test"),
        (("train", None), None, ""),
        (("train", "test"), "all", ""),
        (("train", "test"), "train", "train"),
        ((None,), "tset", "tset"),
    ],
)
def test_the_test_split_is_the_usual_one(splits, option, chosen):
    """Without the option it is taken where there is one; a wrong name is left for the run to refuse."""
    assert chosen_split([Case(split) for split in splits], option) == chosen


def test_values_are_json_where_they_can_be():
    """Numbers, lists, true and null are decoded, all else is text; equals signs may stand in the value."""
    pairs = ["low=3", "spacing=[1, 2.5]", "fast=true", "none=null", "name=cuda", "path=a=b", "empty="]
    assert key_values(pairs) == {
        "low": 3,
        "spacing": [1, 2.5],
        "fast": True,
        "none": None,
        "name": "cuda",
        "path": "a=b",
        "empty": "",
    }


def test_the_device_is_an_option_like_others():
    """It comes first, and a pair of the same name replaces it."""
    assert key_values(None) == {}
    assert key_values(None, "cpu") == {"device": "cpu"}
    assert key_values(["device=cuda"], "cpu") == {"device": "cuda"}


@pytest.mark.parametrize("pair", ["low", "=3", "low hu=3", "3=low", "-x=1"])
def test_a_pair_without_a_name_or_a_value_is_refused(pair):
    """The pair is shown as it was typed."""
    with pytest.raises(UsageError, match=pair):
        key_values([pair])


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.integers(), max_size=5))
def test_whole_numbers_come_back(options):
    """What is written as KEY=VALUE is read as it was."""
    assert key_values([f"{key}={value}" for key, value in options.items()]) == options


def test_without_options_the_predictor_is_isolated_as_usual(tmp_path):
    """Each option replaces its own limit; mounts become absolute paths."""
    assert isolation_from(**NOTHING) == Isolation()
    found = isolation_from(**NOTHING | {"mount": [str(tmp_path)], "timeout": 5.0, "trust": True})
    assert found == Isolation(True, (tmp_path,), Limits(seconds=5.0))


def test_a_mount_may_have_another_path_inside(tmp_path):
    """What exists as it is typed, a colon in its name or not, is mounted at its own path."""
    (tmp_path / "a:").mkdir()
    (tmp_path / "a:" / "b").touch()
    found = isolation_from(**NOTHING | {"mount": [f"{tmp_path}:/opt/ml/model", f"{tmp_path}/a:/b"]})
    assert found.placed == ((tmp_path, PurePosixPath("/opt/ml/model")),)
    assert found.mounts == (tmp_path / "a:/b",)
    assert set(found.shown) == {tmp_path, tmp_path / "a:/b"}


def test_variables_are_given_or_taken_from_here(monkeypatch):
    """`--env NAME` passes the value that this process has; one that it lacks is a mistake."""
    monkeypatch.setenv("SET_HERE", "a=b")
    assert isolation_from(**NOTHING, env=["SET_HERE", "X=1=2"]).environment == (("SET_HERE", "a=b"), ("X", "1=2"))
    assert "a=b" not in repr(isolation_from(**NOTHING, env=["SET_HERE"]))
    for wrong in ("NOT_SET_HERE", "=1"):
        with pytest.raises(UsageError, match="--env expects"):
            isolation_from(**NOTHING, env=[wrong])


def test_a_mount_that_is_not_there_and_a_limit_of_nought_are_refused(tmp_path):
    """Before anything runs."""
    with pytest.raises(UsageError, match="absent"):
        isolation_from(**NOTHING | {"mount": [str(tmp_path / "absent")]})
    with pytest.raises(UsageError):
        isolation_from(**NOTHING | {"timeout": 0.0})


class Tolerant:
    """A dataset that records the tolerances that it is asked to have."""

    def __init__(self, *seen):
        self.seen = seen

    def with_tolerance(self, tolerance):
        """Return one with a longer record."""
        return Tolerant(*self.seen, tolerance)


def test_tolerances_of_all_structures_come_before_those_of_one():
    """In whatever order they are typed: the more special one holds."""
    assert with_tolerances(Tolerant(), ["iph=0.5", "2"]).seen == (2.0, {"iph": 0.5})
    assert with_tolerances(Tolerant(), None).seen == ()
    with pytest.raises(UsageError, match=r"expects MM or LABEL=MM, e\.g\. 2 or iph=0\.5; got 'iph=wide'"):
        with_tolerances(Tolerant(), ["iph=wide"])
