import numpy as np
import pytest

from ctbench.phantom import anatomy_labels
from ctbench.phantom.protocol import representative_slices


@pytest.mark.parametrize("basal", [2, 3, 4])
def test_the_chosen_slices_show_all_structures(several, basal):
    """Every structure is on some chosen slice, of which there are two more than at the basal ganglia."""
    for scan in several:
        chosen = representative_slices(scan.anatomy.array, basal)
        assert np.count_nonzero(chosen) == basal + 2
        assert set(np.unique(scan.anatomy.array[chosen])) >= set(anatomy_labels.values())


def test_the_central_sulcus_is_shown_at_its_most_visible_level(several):
    """One of the slices is the one on which the central sulcus is largest."""
    for scan in several:
        area = np.count_nonzero(scan.anatomy.array == anatomy_labels["central_sulcus"], axis=(1, 2))
        assert representative_slices(scan.anatomy.array, 3)[np.argmax(area)]


def test_the_slices_at_the_basal_ganglia_are_contiguous(plain):
    """Without the two single slices one run of slices is left."""
    chosen = np.flatnonzero(representative_slices(plain.anatomy.array, 4))
    assert np.any(np.convolve(np.diff(chosen) == 1, np.ones(3), mode="valid") == 3)
