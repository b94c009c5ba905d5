"""How DeepNAT learns: what is drawn, what counts, and that the weights of the loss make it the paper's."""

import numpy as np
import pytest
import torch

from ctbench.labels import LabelSet
from ctbench.references import common_reference
from reference_models.deepnat import MODEL
from reference_models.deepnat.network import SUPPORT, task_offsets
from reference_models.deepnat.predictor import DeepNatPredictor
from reference_models.deepnat.presets import deepnat_plan
from reference_models.deepnat.training import DeepNatRecipe, Head, deepnat_heads
from reference_models.inference.weightsfile import Weights

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

SHAPE = (6, 8, 10)
SMALL = {"widths": (2, 3, 3), "hidden": (6, 5), "spacing_mm": 8.0, "spectral_mm": 8.0}


def striped(seed=0):
    """A head whose class is known from x: 0, 1 and 2 in columns, and whose image says where a voxel is."""
    target = np.zeros(SHAPE, np.uint8)
    target[:, :, 2:8], target[:, :, 8:] = 1, 2
    counted = np.ones(SHAPE, bool)
    counted[0] = False
    centres = counted.copy()
    centres[:, 0] = False
    channels = np.zeros((7, *(side + SUPPORT - 1 for side in SHAPE)), np.float32)
    channels[1] = np.arange(channels[0].size).reshape(channels[0].shape)
    channels[0] = np.random.default_rng(seed).normal(size=channels[0].shape)
    return Head(channels, np.pad(target, 1), np.pad(counted, 1), centres)


def plan(**options):
    """A plan for two structures."""
    return deepnat_plan("paper", 2, {**SMALL, "batch_size": 50, "validated": 60, **options})


def recipe(doubled=(False, False), **options):
    """A recipe of two striped heads."""
    return DeepNatRecipe(plan(**options), [striped(0), striped(1)], [striped(2)], doubled)


def test_patches_have_the_labels_of_their_tasks():
    """The target of every task is the label at its offset from the centre, and does not count where that does not."""
    made = recipe()
    head = made.training[0]
    voxel = np.array([1, 3, 7])
    block = made._around(head, voxel, np.random.default_rng(0))
    assert block.channels.shape == (7, SUPPORT, SUPPORT, SUPPORT)
    assert block.channels[1, 0, 0, 0] == head.channels[(1, *voxel)]
    for task, offset in enumerate(task_offsets(7)):
        there = tuple(voxel + offset + 1)
        assert block.target[task].item() == head.target[there]
        assert block.counted[task].item() == head.counted[there]


def test_blocks_hold_their_voxel_and_stay_in_the_head():
    """A block of 2 x 3 x 4 around a corner lies inside; what is no centre does not count in any task."""
    made = recipe(block=(2, 3, 4))
    blocks = [made._around(made.training[0], np.array([5, 0, 9]), np.random.default_rng(seed)) for seed in range(9)]
    for block in blocks:
        assert block.target.shape == (7, 2, 3, 4)
        assert block.channels.shape[1:] == (SUPPORT + 1, SUPPORT + 2, SUPPORT + 3)
        assert not block.counted[:, :, 0].any()


def test_an_epoch_has_as_many_patches_as_the_limits_allow():
    """Background and each structure give what they have, up to their limit an image; doubled ones up to twice it."""
    made = recipe(doubled=(True, False), background=20, per_structure=40)
    # Of 5 x 7 x 10 centres: 70 of background, 210 and 70 of the structures.
    batches = list(made.batches(np.random.default_rng(0)))
    assert [len(batch.image) for batch in batches] == [50] * 5 + [30]
    drawn = np.bincount(np.concatenate([batch.target[:, 0].ravel() for batch in batches]), minlength=3)
    np.testing.assert_allclose(drawn / drawn.sum(), np.array([20, 80, 40]) / 140, atol=0.1)


@pytest.mark.parametrize("block", [(1, 1, 1), (2, 2, 3)])
def test_weights_make_up_for_the_draws(block):
    """Weighed, the draws have the paper's shares: half foreground for the first network, limits for the second."""
    made = recipe(block=block, background=30, per_structure=60)
    drawn = np.zeros(3)
    for seed in range(8):
        for batch in made.batches(np.random.default_rng(seed)):
            drawn += np.bincount(batch.target[:, 0][batch.counted[:, 0]].ravel(), minlength=3)
    first, second = made.weights.numpy() * drawn / drawn.sum()
    np.testing.assert_allclose(first, [0.5, 0.5 * 0.75, 0.5 * 0.25], atol=0.08)
    np.testing.assert_allclose(second, [0, 0.5, 0.5], atol=0.08)


def test_loss_is_the_sum_of_the_two_cross_entropies():
    """With even weights it is what cross-entropy of each network alone would give, over the voxels that count."""
    made = recipe()
    made.weights = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    batch = next(iter(made.batches(np.random.default_rng(0))))
    network = made.network().eval()
    with torch.no_grad():
        found = made.loss(network(batch.image), batch)
        whether, which = network.foreground(batch.image), network.structures(batch.image)
    foreground = (batch.target > 0).long()
    entropy = torch.nn.functional.cross_entropy
    first = entropy(whether, foreground, reduction="none")
    second = entropy(which, (batch.target - 1).clamp_min(0), reduction="none") * foreground
    torch.testing.assert_close(found, ((first + second) * batch.counted).sum() / batch.counted.sum())


def test_background_does_not_teach_the_second_network():
    """A batch of background alone leaves it without a gradient."""
    made = recipe()
    batch = next(iter(made.batches(np.random.default_rng(0))))
    batch = batch._replace(target=torch.zeros_like(batch.target))
    network = made.network()
    made.loss(network(batch.image), batch).backward()
    assert not network.structures.heads.weight.grad.any()
    assert network.foreground.heads.weight.grad.any()


def test_epochs_are_drawn_by_the_generator_alone():
    """The same generator gives the same blocks, validation is always the same."""
    made = recipe(jitter=0.1, blocks=20)
    for draw in (lambda: made.batches(np.random.default_rng(5)), made.validation_batches):
        for one, two in zip(draw(), draw(), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_jitter_changes_intensities_and_nothing_else():
    """Gain and shift are one for a block; coordinates and what is not brain stay."""
    still, moved = (
        next(iter(recipe(jitter=jitter, batch_size=1, blocks=1).batches(np.random.default_rng(0))))
        for jitter in (0.0, 0.1)
    )
    inside = still.image[0, 0] > still.image[0, 0].min()
    slope, shift = np.polyfit(still.image[0, 0][inside], moved.image[0, 0][inside], 1)
    assert (slope, shift) != (1, 0)
    np.testing.assert_allclose(moved.image[0, 0][inside], slope * still.image[0, 0][inside] + shift, atol=1e-5)
    assert torch.equal(still.image[0, 1:], moved.image[0, 1:])
    assert torch.equal(still.image[0, 0][~inside], moved.image[0, 0][~inside])


def test_heads_come_onto_the_grid(heads):
    """Labels become class numbers on the grid of the channels; a brain smaller than a block is padded to it."""
    case = next(iter(heads.split("train")))
    options = plan(block=(40, 1, 1))
    (head,) = deepnat_heads(case, common_reference(case), (2, 1), options)
    assert len(head.centres) == 40
    assert head.target.shape == head.counted.shape == tuple(side + 2 for side in head.centres.shape)
    assert head.channels.shape[1:] == tuple(side + SUPPORT - 1 for side in head.centres.shape)
    assert {0, 1, 2} == set(np.unique(head.target[head.counted]))
    assert head.counted[1:-1, 1:-1, 1:-1][head.centres].all()


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_a_training_makes_a_predictor(heads, tmp_path, optimizer):
    """Trained for two epochs and resumed in between, the weights are those of an undisturbed training."""
    options = {
        **SMALL,
        "epochs": 2,
        "blocks": 16,
        "validated": 90,
        "batch_size": 8,
        "block": (2, 4, 4),
        "optimizer": optimizer,
    }
    cases = heads.split("train").cases, heads.split("validation").cases

    def kill(curves, _):
        if len(curves.loss) == 1:
            raise KeyboardInterrupt

    whole = MODEL.train(heads, *cases, tmp_path / "whole", preset="demo", device="cpu", options=options)
    with pytest.raises(KeyboardInterrupt):
        MODEL.train(heads, *cases, tmp_path / "cut", preset="demo", device="cpu", options=options, report=kill)
    cut = MODEL.train(heads, *cases, tmp_path / "cut", preset="demo", device="cpu", options=options, resume=True)
    assert cut.read_bytes() == whole.read_bytes()
    predictor = DeepNatPredictor(Weights.load(whole, "deepnat"), "cpu")
    assert predictor.info.labels == LabelSet(heads.labels.codes)
    assert predictor.predict(heads["h5"].image()).labels.shape == heads["h5"].image().shape
