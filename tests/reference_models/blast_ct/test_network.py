"""DeepMedic: its size, what each path sees, and that larger patches give the same answer."""

import numpy as np
import pytest
import torch

from reference_models.blast_ct.network import DeepMedic
from reference_models.layers import count_parameters


@pytest.fixture
def narrow():
    """Two convolutions a path, with weights of which none is zero."""
    torch.manual_seed(0)
    network = DeepMedic(classes=3, channels=(3, 3), hidden=(4,)).eval()
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.ndim == 1:
            tensor.data.uniform_(0.5, 1.5)
    return network


def test_it_has_the_size_of_the_published_weights():
    """1,030,033 trainable parameters and 189 tensors of 1,032,986 values, as the authors' twelve checkpoints."""
    state = DeepMedic().state_dict()
    assert count_parameters(DeepMedic()) == 1_030_033
    assert (len(state), sum(tensor.numel() for tensor in state.values())) == (189, 1_032_986)


def test_patches_have_the_authors_sizes(narrow):
    """110 voxels a side are answered in the inner 30; with two convolutions a path the margin is 20 instead of 80."""
    assert 110 - DeepMedic().margin == 30
    with torch.inference_mode():
        assert narrow(torch.zeros(2, 1, 25, 30, 50)).shape == (2, 3, 5, 10, 30)


def test_each_path_sees_the_middle_of_its_voxels():
    """Networks that pass their input on answer with the voxel in the middle of each cube of 5, 3 and 1."""
    network = DeepMedic(classes=3, channels=(1, 1), hidden=()).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("convolution.weight"):
            tensor.zero_()
            same = torch.eye(len(tensor)) if tensor.shape[-1] == 1 else torch.ones(1, 1)
            tensor[:, :, *[tensor.shape[-1] // 2] * 3] = same
        elif name.endswith("activation.weight"):
            tensor.fill_(1.0)
    ramp = torch.arange(35.0).reshape(1, 1, 35, 1, 1).expand(1, 1, 35, 35, 35)
    with torch.inference_mode():
        found = network(ramp)[0, :, :, 7, 7]
    # Each of three blocks adds its input to its convolution, which passes it on: eight times the input.
    inside = np.arange(15)
    expected = [8 * (10 + inside // scale * scale + scale // 2) for scale in (5, 3, 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_larger_patches_give_the_same_answer(narrow):
    """Patches that begin at multiples of 15 have the coarse voxels of one large patch."""
    x = torch.rand(1, 1, 50, 35, 35)
    with torch.inference_mode():
        whole = narrow(x)
        parts = torch.cat([narrow(x[:, :, start : start + 35]) for start in (0, 15)], dim=2)
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    assert float(whole.std()) > 1e-3


@pytest.mark.parametrize("side", [20, 36])
def test_patches_of_other_sizes_are_refused(narrow, side):
    """A side within the margin leaves nothing to answer, one that is no multiple of 5 leaves voxels over."""
    with pytest.raises(ValueError, match="expected multiples of 5 above 20"):
        narrow(torch.zeros(1, 1, side, 25, 25))


def test_scales_fall():
    """The first path limits the size of the input, so it is the coarsest."""
    with pytest.raises(ValueError, match="from the coarsest to the finest"):
        DeepMedic(scales=(1, 3, 5))
