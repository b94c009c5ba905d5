from importlib.metadata import EntryPoint

import pytest

from ctbench.errors import PluginError
from ctbench.predictors import installed as module
from ctbench.predictors.installed import installed, is_ours

GROUP = "ctbench.predictors"


class Dist:
    """An installed distribution of some name."""

    def __init__(self, name):
        self.name = name


def entry(name, value, dist=None):
    """An entry point, defined by a distribution or by none."""
    made = EntryPoint(name, value, GROUP)
    vars(made)["dist"] = Dist(dist) if dist else None
    return made


@pytest.fixture
def defined(monkeypatch):
    """A function that makes these the entry points of every package."""
    return lambda *entries: monkeypatch.setattr(module, "entry_points", lambda group: entries)


def test_entries_are_sorted_by_name(defined):
    """One that is defined twice in the same way is one."""
    defined(entry("b", "mine:B"), entry("a", "mine:A"), entry("b", "mine:B"))
    assert list(installed(GROUP, "predictor")) == ["a", "b"]


def test_two_packages_of_one_name_are_refused(defined):
    """The message names both and what they define."""
    defined(entry("net", "mine:Net"), entry("net", "other:Net"))
    with pytest.raises(PluginError, match=r"predictor 'net'.*mine:Net.*other:Net"):
        installed(GROUP, "predictor")


@pytest.mark.parametrize(
    ("value", "dist", "ours"),
    [
        ("reference_models.baselines.threshold:threshold", "ctbench", True),
        ("ctbench.predictors:x", "ctbench", True),
        ("reference_models.baselines.threshold:threshold", "other", False),
        ("reference_models.baselines.threshold:threshold", None, False),
        ("mine:Net", "ctbench", False),
    ],
)
def test_only_our_packages_of_our_distribution_are_ours(value, dist, ours):
    """The name of the distribution and the place of the package must both be right."""
    assert is_ours(entry("net", value, dist)) is ours


def test_what_comes_with_ctbench_is_ours():
    """All entry points of this installation that lie in our packages."""
    found = installed(GROUP, "predictor")
    assert {"threshold", "atlas", "cai-unet"} <= found.keys()
    assert all(is_ours(found[name]) for name in ("threshold", "atlas", "cai-unet"))
