import numpy as np
import pytest

from ctbench.phantom import Hemorrhage
from ctbench.phantom import grid as grid_module
from ctbench.phantom.grid import Grid
from ctbench.phantom.hemorrhage import choose_site
from ctbench.phantom.render import render
from ctbench.phantom.structures import anatomy_labels
from ctbench.phantom.tissue import AIR

GRID = Grid((6, 24, 24), (25.0, 9.6, 9.6))


@pytest.fixture(scope="module")
def site():
    """Where a hemorrhage in the brain starts and how it spreads."""
    return choose_site(Hemorrhage("iph", 20.0), np.random.Generator(np.random.PCG64(0)))


@pytest.fixture(scope="module")
def bleeding(subject, site):
    """A coarse head with one site."""
    return render(subject, [site], GRID)


def test_a_rendering_lies_on_the_grid_of_subslices(bleeding):
    """All arrays have the shape of the subslices, and there is one reach for each site."""
    assert bleeding.hu.shape == bleeding.labels.shape == GRID.subshape == (72, 24, 24)
    assert [early.shape for early in bleeding.reaches] == [GRID.subshape]


def test_air_surrounds_the_head(bleeding):
    """Corners are air without a label, the middle is brain."""
    assert (bleeding.hu[:, [0, 0, -1, -1], [0, -1, 0, -1]] == AIR).all()
    assert not bleeding.labels[:, 0].any()
    assert bleeding.labels[36, 12, 12] > 0
    assert set(np.unique(bleeding.labels)) <= {0, *anatomy_labels.values()}


def test_blood_reaches_the_cavity_only(bleeding):
    """Outside the cranial cavity the reach is infinite; where it is finite there is anatomy, or its wall."""
    (early,) = bleeding.reaches
    finite = np.isfinite(early)
    assert finite.any()
    assert np.isfinite(bleeding.hu).all()
    assert np.mean(bleeding.labels[finite] > 0) > 0.95


def test_slabs_do_not_show(monkeypatch, subject, site, bleeding):
    """Drawn slice by slice, the head is the same to the last bit."""
    monkeypatch.setattr(grid_module, "_POINTS_AT_ONCE", 1)
    again = render(subject, [site], GRID)
    np.testing.assert_array_equal(again.hu, bleeding.hu)
    np.testing.assert_array_equal(again.labels, bleeding.labels)
    np.testing.assert_array_equal(again.reaches[0], bleeding.reaches[0])


def test_a_large_hemorrhage_pushes_the_brain_aside(subject, bleeding):
    """Without a site there is no reach, and the anatomy near the site differs."""
    plain = render(subject, [], GRID)
    assert plain.reaches == ()
    changed = plain.labels != bleeding.labels
    assert 0 < np.count_nonzero(changed) < 0.2 * np.count_nonzero(plain.labels)
