"""Heads that several tests look at; making one takes half a second."""

import numpy as np
import pytest

from ctbench.phantom import Hemorrhage, anatomy_labels, head
from ctbench.phantom.shapes import Points
from ctbench.phantom.subject import draw_subject


@pytest.fixture(scope="session")
def plain():
    """A normal head of the default size."""
    return head(5)


@pytest.fixture(scope="session")
def several():
    """Six normal heads of the default size."""
    return [head(seed) for seed in range(100, 106)]


@pytest.fixture(scope="session")
def bleeding():
    """A head with one medium hemorrhage of each type."""
    return {kind: head(7, hemorrhages=[Hemorrhage(kind, 12.0)]) for kind in ("iph", "ivh", "edh_sdh", "sah")}


@pytest.fixture
def dice():
    """Overlap of two masks."""

    def compute(one, other):
        return 2.0 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))

    return compute


@pytest.fixture
def volumes_ml():
    """Volume of every structure of a head, in the order of the labels."""

    def measure(scan):
        counts = np.bincount(scan.anatomy.array.ravel(), minlength=12)[list(anatomy_labels.values())]
        return counts * scan.anatomy.voxel_ml

    return measure


@pytest.fixture(scope="session")
def subject():
    """One simulated person."""
    return draw_subject(np.random.Generator(np.random.PCG64(3)))


@pytest.fixture
def at():
    """A function that makes ``Points`` from (x, y, z) in mm."""

    def make(*places):
        x, y, z = np.array(places, float).T
        return Points(x, y, z)

    return make
