"""A phantom, whose truth anybody can make again, ranks nobody, and every page that ranks says so."""

from types import SimpleNamespace

import pytest

from ctbench.datasets import catalog
from ctbench.report import explanations
from ctbench.report.frames.local_datasets import is_phantom
from ctbench.report.page import rankings as page
from leaderboard.views import ranking as view


class Runs:
    """As much of comparable runs as the explanation of a ranking asks for."""

    chief_metrics = ("dice",)
    leave_one_out = True
    common = "majority"
    demo_models = frozenset()

    def __init__(self, dataset):
        self.dataset = dataset
        self.manifest = SimpleNamespace(consensus="majority")


class Selection:
    """As much of a selection on the leaderboard."""

    reference = "majority-without-k"

    def __init__(self, dataset):
        self.runs = Runs(dataset)


@pytest.mark.parametrize(
    "how", [lambda name: "".join(page._unranked(Runs(name))), lambda name: view._how(Selection(name))]
)
def test_pages_say_that_a_phantom_ranks_nobody(how):
    """Above the ranks of each phantom of the catalogue, and of no other dataset."""
    built = {name for name, found in catalog().items() if found.entry.builder}
    assert built
    for name in catalog():
        assert (explanations.PHANTOM in how(name)) == (name in built) == is_phantom(name)
    assert explanations.PHANTOM not in how("unknown")
