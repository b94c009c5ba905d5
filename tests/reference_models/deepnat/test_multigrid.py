"""The hierarchy of graphs, and that a cycle is a good and symmetric step."""

from itertools import pairwise

import numpy as np
import pytest

from reference_models.deepnat.multigrid import hierarchy, laplacian, v_cycle


@pytest.fixture
def ellipsoid():
    """A mask of ten thousand voxels."""
    z, y, x = np.ogrid[-12:13, -16:17, -13:14]
    return (z / 12) ** 2 + (y / 16) ** 2 + (x / 13) ** 2 < 1


def test_laplacian_of_three_in_a_row():
    """Three voxels in a row are the path graph."""
    matrix = laplacian(np.ones((1, 1, 3), bool)).toarray()
    assert matrix.tolist() == [[1, -1, 0], [-1, 2, -1], [0, -1, 1]]


def test_laplacian_only_joins_voxels_of_the_mask_that_share_a_face():
    """A gap and a diagonal are no edges."""
    mask = np.zeros((1, 2, 4), bool)
    mask[0, 0, [0, 2, 3]] = mask[0, 1, 1] = True
    assert laplacian(mask).diagonal().tolist() == [0, 1, 1, 0]


def test_graphs_get_eight_times_smaller(ellipsoid):
    """Joined in eights down to a few hundred nodes, constants stay without energy on every graph."""
    levels = hierarchy(ellipsoid)
    sizes = [level.laplacian.shape[0] for level in levels]
    assert sizes[0] == ellipsoid.sum()
    assert sizes[-1] <= 600
    assert all(4 < fine / coarse <= 8 for fine, coarse in pairwise(sizes))
    for level in levels:
        assert np.abs(level.laplacian @ np.ones(level.laplacian.shape[0])).max() < 1e-9


def test_cycle_is_symmetric(ellipsoid):
    """For any two residuals, <a, B b> = <B a, b>: what a preconditioner must keep."""
    levels = hierarchy(ellipsoid)
    a, b = np.random.default_rng(0).normal(size=(2, ellipsoid.sum(), 1)).astype(np.float32)
    there, back = float((a * v_cycle(levels, b)).sum()), float((v_cycle(levels, a) * b).sum())
    assert there == pytest.approx(back, rel=1e-3, abs=1e-2)


def test_cycles_solve(ellipsoid):
    """Each cycle of a plain iteration takes away at least half of what is left."""
    levels = hierarchy(ellipsoid)
    wanted = np.random.default_rng(0).normal(size=(ellipsoid.sum(), 1)).astype(np.float32)
    wanted -= wanted.mean()
    x, left = np.zeros_like(wanted), []
    for _ in range(8):
        residual = wanted - levels[0].laplacian @ x
        left.append(np.linalg.norm(residual))
        x = x + v_cycle(levels, residual.astype(np.float32))
    assert left[-1] < left[0] * 0.5**7


def test_voxels_apart_are_never_joined_for_ever():
    """Single voxels far apart end the hierarchy instead of going on without end."""
    mask = np.zeros((40, 40, 40), bool)
    mask[::4, ::4, ::4] = True
    assert len(hierarchy(mask)) < 6
