"""DeepNAT's networks against the paper's counts, and the dense form against one patch a voxel."""

import itertools

import pytest
import torch
from torch import nn

from reference_models import network
from reference_models.deepnat.network import BEFORE, SUPPORT, DeepNat, PatchNetwork, task_offsets
from reference_models.layers import count_parameters

NARROW = {"widths": (4, 6, 5), "hidden": (12, 10)}


@pytest.fixture
def cascade():
    """Give a narrow cascade whose normalisation has seen something."""
    torch.manual_seed(0)
    made = DeepNat(3, **NARROW)
    with torch.no_grad():
        for _ in range(20):
            made(torch.rand(16, 7, SUPPORT, SUPPORT, SUPPORT))
    return made.eval()


def test_weights_of_table_2():
    """Without biases and with one head of 25 the layers have the paper's 2,687,200 weights, layer by layer."""
    made = PatchNetwork(25, tasks=1)
    layers = (made.conv1, made.conv2, made.conv3, made.inner1, made.inner2, made.heads)
    counts = [layer.weight.numel() for layer in layers]
    assert counts == [10_976, 256_000, 110_592, 1_769_472, 527_360, 12_800]
    assert sum(counts) == 2_687_200


def test_counts_with_biases_and_seven_heads():
    """The two networks of the cascade have 2,683,278 and 2,765,871 parameters."""
    made = network("deepnat")
    assert count_parameters(made.foreground) == 2_683_278
    assert count_parameters(made.structures) == 2_765_871


def test_sizes_of_table_2():
    """On one patch the layers have the sizes of the paper, but for the 18 that its 17 must be to give 9."""
    made = PatchNetwork(2)
    sizes = {}
    for name in ("conv1", "norm2", "norm3", "inner1"):
        getattr(made, name).register_forward_hook(lambda *args, name=name: sizes.update({name: args[2].shape[2:]}))
    made(torch.rand(2, 7, SUPPORT, SUPPORT, SUPPORT))
    assert sizes == {"conv1": (18,) * 3, "norm2": (5,) * 3, "norm3": (3,) * 3, "inner1": (1,) * 3}


def test_dense_equals_patch_by_patch(cascade):
    """Every voxel gets from the dense network what it gets from its own patch, to 1e-4."""
    torch.manual_seed(1)
    volume = torch.rand(1, 7, SUPPORT + 2, SUPPORT + 3, SUPPORT + 1)
    with torch.no_grad():
        dense = cascade(volume)
        for z, y, x in itertools.product(range(3), range(4), range(2)):
            patch = volume[:, :, z : z + SUPPORT, y : y + SUPPORT, x : x + SUPPORT]
            torch.testing.assert_close(cascade(patch)[..., 0, 0, 0], dense[..., z, y, x], rtol=0, atol=1e-4)


def test_dense_equals_the_layers_as_printed(cascade):
    """One patch through the layers of Table 1, written out with stride 2 and no dilation, gives the same."""
    made = cascade.structures
    patch = torch.rand(1, 7, SUPPORT, SUPPORT, SUPPORT)
    with torch.no_grad():
        y = nn.functional.max_pool3d(torch.relu(made.conv1(patch[:, :1])), 2, 2)
        y = torch.relu(made.norm2(made.conv2(y)))
        y = torch.relu(made.norm3(made.conv3(y)))
        y = torch.relu(torch.nn.functional.linear(y.flatten(1), made.inner1.weight.flatten(1), made.inner1.bias))
        y = torch.cat([y, patch[:, 1:, BEFORE, BEFORE, BEFORE]], dim=1)
        y = torch.relu(made.norm4(made.inner2(y)))
        torch.testing.assert_close(made.heads(y).flatten(), made(patch).flatten())


def test_support_is_what_a_voxel_depends_on(cascade):
    """A change 12 voxels before or 11 after a voxel reaches it, and one further away does not."""
    volume = torch.rand(1, 7, SUPPORT + 2, SUPPORT + 2, SUPPORT + 2)
    for place, reaches in ((0, False), (1, True), (SUPPORT, True), (SUPPORT + 1, False)):
        changed = volume.clone()
        changed[:, 0, :, :, place] += 5.0
        with torch.no_grad():
            same = torch.equal(cascade(volume)[..., 1], cascade(changed)[..., 1])
        assert same is not reaches


def test_coordinates_are_those_of_the_centre(cascade):
    """Coordinates count at the centre of a patch and nowhere else."""
    patch = torch.rand(1, 7, SUPPORT, SUPPORT, SUPPORT)
    elsewhere, centre = patch.clone(), patch.clone()
    elsewhere[:, 1:] += 1.0
    elsewhere[:, 1:, BEFORE, BEFORE, BEFORE] -= 1.0
    centre[:, 1:, BEFORE, BEFORE, BEFORE] += 1.0
    with torch.no_grad():
        torch.testing.assert_close(cascade(elsewhere), cascade(patch))
        assert not torch.allclose(cascade(centre), cascade(patch))


def test_log_probabilities_add_up(cascade):
    """Background and structures of every task have probabilities that add up to 1."""
    with torch.no_grad():
        total = cascade(torch.rand(2, 7, SUPPORT, SUPPORT, SUPPORT)).exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_one_step_has_one_network():
    """Without the hierarchy one network tells background and structures apart."""
    made = DeepNat(3, hierarchical=False, **NARROW)
    assert made.foreground is None
    assert made(torch.rand(2, 7, SUPPORT, SUPPORT, SUPPORT)).shape == (2, 4, 7, 1, 1, 1)


@pytest.mark.parametrize(("tasks", "reach"), [(1, 0), (7, 1), (27, 3)])
def test_task_offsets(tasks, reach):
    """Tasks are the centre, then its neighbours, none twice."""
    offsets = task_offsets(tasks)
    assert offsets[0] == (0, 0, 0)
    assert len(set(offsets)) == tasks
    assert max(sum(map(abs, offset)) for offset in offsets) == reach


def test_other_numbers_of_tasks_are_refused():
    """A neighbourhood of five voxels is none of the paper's."""
    with pytest.raises(ValueError, match="expected 1, 7 or 27 tasks, got 5"):
        task_offsets(5)
