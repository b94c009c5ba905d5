"""What the heads of a Mask R-CNN learn from."""

import math

import pytest
import torch

from reference_models.hybrid_mask_rcnn.boxes import BACKGROUND, IGNORED
from reference_models.hybrid_mask_rcnn.detection_losses import _outlined, _sparing, detection_losses, draw
from reference_models.hybrid_mask_rcnn.instances import find_instances
from reference_models.hybrid_mask_rcnn.network import HybridMaskRCNN


@pytest.fixture
def learner():
    """A narrow network and three slices, one of them empty."""
    torch.manual_seed(0)
    network = HybridMaskRCNN(
        (4, 8, 8, 8, 8), pyramid=8, blocks=1, stem_stride=1, anchors_px=(4, 8, 16, 32), hidden=16, types=2, proposals=30
    )
    image, target = torch.randn(1, 7, 32, 32), torch.zeros(3, 32, 32, dtype=torch.long)
    target[0, 6:14, 8:18] = 1
    target[1, 20:24, 20:30] = 2
    return network, image, target


def test_three_negatives_for_each_positive():
    """Over all slices of the step, whoever has them; ignored boxes are never drawn."""
    matched = torch.full((4, 300), BACKGROUND)
    matched[0, :10] = 0
    matched[1, :3] = 1
    matched[2] = IGNORED
    positive, negative = draw(matched)
    assert positive.sum(1).tolist() == [10, 3, 0, 0]
    assert negative.sum() == 39
    assert (matched[negative] == BACKGROUND).all()


def test_at_most_a_quarter_of_the_count():
    """Of a hundred positives 32 are drawn, other ones each time; without positives there are negatives for a slice."""
    matched = torch.full((1, 400), BACKGROUND)
    matched[0, :100] = 0
    first, second = draw(matched)[0], draw(matched)[0]
    assert first.sum() == second.sum() == 32
    assert not torch.equal(first, second)
    positive, negative = draw(torch.full((2, 400), BACKGROUND))
    assert (positive.sum(), negative.sum()) == (0, 96)


def test_boxes_within_a_true_one_may_be_spared():
    """They are background by their overlap, but what they show is not; boxes elsewhere and matched ones stay."""
    target = torch.zeros(1, 32, 32, dtype=torch.long)
    target[0, 4:24, 4:24] = 1
    boxes = torch.tensor([[8.0, 8.0, 12.0, 12.0], [0.0, 0.0, 6.0, 6.0], [4.0, 4.0, 24.0, 24.0]])
    matched = torch.tensor([[BACKGROUND, BACKGROUND, 0]])
    truth = find_instances(target, 0)
    assert _sparing(matched, boxes, truth, 0.3).tolist() == [[IGNORED, BACKGROUND, 0]]
    assert _sparing(matched, boxes, truth, 1.0).tolist() == matched.tolist()
    assert _sparing(matched, boxes, find_instances(target * 0, 0), 0.3).tolist() == matched.tolist()


def test_every_head_gets_a_gradient(learner):
    """Each part of the network learns from the sum of the losses."""
    network, image, target = learner
    losses = detection_losses(network, network.maps(image), find_instances(target, 2), torch.ones_like(target).bool())
    losses.total().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert all(loss > 0 for loss in losses)


def test_slices_without_hemorrhage(learner):
    """They teach what background is, and nothing about boxes, masks and types."""
    network, image, target = learner
    counted = torch.ones_like(target).bool()
    losses = detection_losses(network, network.maps(image), find_instances(target * 0, 2), counted)
    assert losses.objectness > 0
    assert losses.classes > 0
    assert all(loss == 0 for loss in (losses.anchors, losses.boxes, losses.masks, losses.types))
    losses.total().backward()


def test_masks_are_those_of_the_instance():
    """A mask that equals the instance costs nothing, its opposite much; uncounted pixels cost nothing either way."""
    target = torch.zeros(1, 32, 32, dtype=torch.long)
    target[0, 8:16, 4:12] = 1
    target[0, 8:16, 20:28] = 1
    truth = find_instances(target, 0)
    zero = torch.zeros(1, dtype=torch.long)
    box, counted = torch.tensor([[8.0, 4.0, 16.0, 28.0]]), torch.ones_like(target).bool()
    wanted = torch.full((1, 24, 24), -50.0)
    wanted[..., :8] = 50.0
    assert _outlined(wanted, truth, counted, box, zero, zero) == pytest.approx(0, abs=1e-6)
    assert _outlined(-wanted, truth, counted, box, zero, zero) == pytest.approx(50)
    assert _outlined(wanted * 0, truth, counted, box, zero, zero) == pytest.approx(math.log(2))
    counted[..., 4:12] = False
    half = wanted.clone()
    half[..., :8] = -50.0
    assert _outlined(half, truth, counted, box, zero, zero) == pytest.approx(0, abs=1e-6)


def test_it_learns_one_slice(learner):
    """Some steps on the same slices take much of the loss away."""
    network, image, target = learner
    image[:, 2:5] += 4 * (target > 0)
    truth, counted = find_instances(target, 2), torch.ones_like(target).bool()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(30):
        loss = detection_losses(network, network.maps(image), truth, counted).total()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
