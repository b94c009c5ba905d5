import numpy as np
import pytest
import torch

from reference_models.training.losses import binary_cross_entropy, cross_entropy, dice_loss, soft_dice_terms


@pytest.fixture
def problem():
    """Logits of three classes, a target, and a mask that leaves a third out."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((2, 3, 5, 4), generator=generator)
    target = torch.randint(0, 3, (2, 5, 4), generator=generator)
    counted = torch.rand((2, 5, 4), generator=generator) > 0.3
    return logits, target, counted


def test_cross_entropy_is_the_weighted_mean_over_counted_voxels(problem):
    """Against the formula written out in numpy."""
    logits, target, counted = problem
    weights = torch.tensor([0.5, 2.0, 3.0])
    shifted = np.exp(logits.numpy())
    probability = np.take_along_axis(shifted / shifted.sum(1, keepdims=True), target.numpy()[:, None], 1)[:, 0]
    each = -weights.numpy()[target.numpy()] * np.log(probability)
    expected = each[counted.numpy()].mean()
    assert cross_entropy(logits, target, counted, weights).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [cross_entropy, dice_loss])
def test_excluded_voxels_have_no_part_in_the_loss(problem, loss):
    """Neither their target nor their logits change it, and no gradient goes to them."""
    logits, target, counted = problem
    other = torch.where(counted, target, (target + 1) % 3)
    assert loss(logits, target, counted).item() == pytest.approx(loss(logits, other, counted).item(), rel=1e-6)
    logits.requires_grad_()
    loss(logits, target, counted).backward()
    assert not logits.grad.movedim(1, -1)[~counted].any()
    assert logits.grad.movedim(1, -1)[counted].any()


def test_binary_cross_entropy_of_an_even_chance_is_ln_2():
    """Logit 0 costs ln 2 whatever the target is."""
    target = torch.randint(0, 2, (1, 4, 4, 4))
    loss = binary_cross_entropy(torch.zeros(1, 1, 4, 4, 4), target, torch.ones(1, 4, 4, 4, dtype=torch.bool))
    assert loss.item() == pytest.approx(np.log(2))


def test_dice_of_one_structure_is_milletaris():
    """2 sum(pg) / (sum(p^2) + sum(g^2)), by hand: p = .5 everywhere, half of eight voxels true."""
    target = torch.tensor([[[[1, 1], [1, 1]], [[0, 0], [0, 0]]]])
    counted = torch.ones_like(target, dtype=torch.bool)
    terms = soft_dice_terms(torch.zeros(1, 1, 2, 2, 2), target, counted)
    assert terms.dice().item() == pytest.approx(2 * 2 / (8 * 0.25 + 4))
    assert dice_loss(torch.zeros(1, 1, 2, 2, 2), target, counted).item() == pytest.approx(1 - 4 / 6)


def test_dice_agrees_with_monai(problem):
    """Over several classes and a whole batch, where every voxel counts."""
    monai_losses = pytest.importorskip("monai.losses")
    logits, target, _ = problem
    oracle = monai_losses.DiceLoss(
        softmax=True, to_onehot_y=True, squared_pred=True, batch=True, smooth_nr=0, smooth_dr=0
    )
    ours = dice_loss(logits, target, torch.ones_like(target, dtype=torch.bool))
    assert ours.item() == pytest.approx(oracle(logits, target[:, None]).item(), rel=1e-5)


def test_a_scan_without_the_structure_has_a_gradient_beside_one_with_it():
    """The sums go over the batch, so false voxels in a normal scan cost something."""
    logits = torch.zeros(2, 1, 2, 2, 2, requires_grad=True)
    target = torch.zeros(2, 2, 2, 2, dtype=torch.long)
    target[0] = 1
    dice_loss(logits, target, torch.ones_like(target, dtype=torch.bool)).backward()
    assert (logits.grad[1] > 0).all()
