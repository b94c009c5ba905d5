"""Box operations against closed forms, brute force, and torchvision where it is there."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies

from reference_models.hybrid_mask_rcnn.boxes import (
    BACKGROUND,
    IGNORED,
    box_coverage,
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    make_anchors,
    match_boxes,
    nms,
    paste_masks,
    roi_align,
)


def some_boxes(count, seed=0, side=40.0):
    """Boxes with sides from 1 to 20 pixels, somewhere in a square."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * (side - 20)
    return torch.cat([corner, corner + 1 + 19 * torch.rand(count, 2, generator=generator)], dim=1)


def overlap(a, b):
    """Intersection over union of two boxes, by hand."""
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return height * width / (sum(areas) - height * width)


def test_overlap_of_known_boxes():
    """Two squares of four pixels that share one: 1 of 7; boxes that only touch, and empty ones: 0."""
    first = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    second = torch.tensor([[1.0, 1.0, 3.0, 3.0], [2.0, 0.0, 4.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    assert box_iou(first, second)[0].tolist() == pytest.approx([1 / 7, 0, 0])


def test_coverage_of_known_boxes():
    """A box within another lies in it whole, however small; the other lies in it by the share of their areas."""
    small, large = torch.tensor([[2.0, 2.0, 4.0, 4.0]]), torch.tensor([[0.0, 0.0, 8.0, 8.0]])
    assert box_coverage(small, large).item() == 1
    assert box_coverage(large, small).item() == pytest.approx(4 / 64)
    assert box_coverage(small, small + 1).item() == pytest.approx(1 / 4)


def test_overlap_equals_brute_force():
    """Every pair of two sets, with the batch's axes in front."""
    first, second = some_boxes(12).reshape(2, 6, 4), some_boxes(8, seed=1).reshape(2, 4, 4)
    found = box_iou(first, second)
    for slab, i, j in itertools.product(range(2), range(6), range(4)):
        assert found[slab, i, j] == pytest.approx(overlap(first[slab, i].tolist(), second[slab, j].tolist()), abs=1e-5)


def test_anchors_stand_on_cells_and_have_one_area():
    """The middle of a cell of stride 4 is 2, 6, ...; height over width is the ratio, height times width the area."""
    anchors = make_anchors((2, 3), 4, 16.0, (0.5, 1.0, 2.0)).reshape(2, 3, 3, 4)
    centre, size = (anchors[..., :2] + anchors[..., 2:]) / 2, anchors[..., 2:] - anchors[..., :2]
    assert centre[1, 2, 0].tolist() == [6.0, 10.0]
    assert size.prod(-1).flatten().tolist() == pytest.approx([256.0] * 18, rel=1e-5)
    assert (size[0, 0, :, 0] / size[0, 0, :, 1]).tolist() == pytest.approx([0.5, 1.0, 2.0])


@given(strategies.integers(0, 1000))
def test_codes_are_undone(seed):
    """What is decoded from a box's code is the box."""
    boxes, anchors = some_boxes(10, seed), some_boxes(10, seed + 1)
    assert torch.allclose(decode_boxes(encode_boxes(boxes, anchors), anchors), boxes, atol=1e-3)


def test_code_of_a_known_box():
    """Half a height down, a quarter of the width to the left, twice as high and as wide as before."""
    anchor, box = torch.tensor([0.0, 0.0, 4.0, 8.0]), torch.tensor([0.0, -2.0, 8.0, 6.0])
    assert encode_boxes(box, anchor).tolist() == pytest.approx([0.5, -0.25, math.log(2), 0.0])
    wild = decode_boxes(torch.tensor([0.0, 0.0, 500.0, 0.0]), anchor)
    assert torch.isfinite(wild).all()


def test_boxes_are_cut_at_the_border():
    """Rows by the height, columns by the width."""
    cut = clip_boxes(torch.tensor([[-3.0, -1.0, 12.0, 30.0]]), (10, 20))
    assert cut.tolist() == [[0.0, 0.0, 10.0, 20.0]]


def greedy(boxes, threshold):
    """Non-maximum suppression, one box after the other."""
    kept = []
    for index in range(len(boxes)):
        if all(overlap(boxes[index], boxes[better]) <= threshold for better in kept):
            kept.append(index)
    return kept


@given(strategies.integers(0, 1000), strategies.sampled_from([0.1, 0.3, 0.7]))
def test_suppression_equals_the_greedy_one(seed, threshold):
    """The boxes that survive are those of the sequential definition, slice by slice."""
    boxes = some_boxes(60, seed).reshape(2, 30, 4)
    kept = nms(boxes, threshold)
    for slab in range(2):
        assert kept[slab].nonzero()[:, 0].tolist() == greedy(boxes[slab].tolist(), threshold)


def test_a_suppressed_box_suppresses_nothing():
    """In a chain, the first keeps out the second, so the third stays."""
    chain = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 4.0, 10.0, 14.0], [0.0, 8.0, 10.0, 18.0]])
    assert nms(chain, 0.4).tolist() == [True, False, True]


def test_matching():
    """Above high: that truth; between: ignored; below: background; and the best of a truth belongs to it anyway."""
    truth = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [30.0, 30.0, 40.0, 40.0], [0.0, 0.0, 0.0, 0.0]]])
    boxes = torch.tensor(
        [
            [0.0, 0.0, 10.0, 9.0],  # 0.9 of the first
            [0.0, 0.0, 10.0, 4.0],  # 0.4 of the first
            [0.0, 0.0, 2.0, 10.0],  # 0.2 of the first
            [36.0, 30.0, 40.0, 40.0],  # 0.4 of the second, its best
        ]
    )
    valid = torch.tensor([[True, True, False]])
    plain = match_boxes(boxes, truth, valid, high=0.5, low=0.3, rescue=False)
    assert plain[0].tolist() == [0, IGNORED, BACKGROUND, IGNORED]
    rescued = match_boxes(boxes, truth, valid, high=0.5, low=0.3, rescue=True)
    assert rescued[0].tolist() == [0, IGNORED, BACKGROUND, 1]
    nothing = match_boxes(boxes, truth[:, :0], valid[:, :0], high=0.5, low=0.3, rescue=True)
    assert nothing[0].tolist() == [BACKGROUND] * 4


def slow_roi(features, box, size, samples):
    """ROI align of one box on one map in pixels, sample by sample."""
    channels, height, width = features.shape
    out = np.zeros((channels, size, size))
    step = [(box[2] - box[0]) / size, (box[3] - box[1]) / size]
    for i, j, k, m in itertools.product(range(size), range(size), range(samples), range(samples)):
        y = box[0] + (i + (k + 0.5) / samples) * step[0] - 0.5
        x = box[1] + (j + (m + 0.5) / samples) * step[1] - 0.5
        if not (-1 <= y <= height and -1 <= x <= width):
            continue
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        low = int(y), int(x)
        high = min(low[0] + 1, height - 1), min(low[1] + 1, width - 1)
        fy, fx = y - low[0], x - low[1]
        upper = (1 - fx) * features[:, low[0], low[1]] + fx * features[:, low[0], high[1]]
        lower = (1 - fx) * features[:, high[0], low[1]] + fx * features[:, high[0], high[1]]
        out[:, i, j] += ((1 - fy) * upper + fy * lower) / samples**2
    return out


def test_pooling_equals_brute_force():
    """Boxes inside, across the border and outside, on two levels of two images."""
    maps = [torch.randn(2, 3, 20, 16), torch.randn(2, 3, 10, 8)]
    boxes = torch.tensor(
        [
            [2.0, 3.0, 9.5, 8.0],
            [-4.0, 10.0, 6.0, 35.0],
            [50.0, 50.0, 60.0, 60.0],
            [8.0, 4.0, 39.0, 30.0],
        ]
    )
    image, level = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 0, 1])
    found = roi_align(maps, (2, 4), boxes, image, level, size=3)
    for one in range(4):
        own, stride = int(level[one]), (2, 4)[level[one]]
        wanted = slow_roi(maps[own][image[one]].numpy(), (boxes[one] / stride).tolist(), 3, 2)
        assert found[one].numpy() == pytest.approx(wanted, abs=1e-4)


def test_pooling_of_no_box():
    """Nothing in, nothing out, with the channels of the maps."""
    none = torch.zeros(0, dtype=torch.long)
    assert roi_align([torch.randn(1, 5, 4, 4)], (2,), torch.zeros(0, 4), none, none, size=7).shape == (0, 5, 7, 7)


def test_pooling_has_a_gradient():
    """The gradient of the mean over one bin is spread over the cells under it, and sums to one a channel."""
    features = torch.zeros(1, 2, 8, 8, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.long)
    roi_align([features], (1,), torch.tensor([[2.0, 2.0, 6.0, 6.0]]), zero, zero, size=1).sum().backward()
    assert features.grad.sum((2, 3))[0].tolist() == pytest.approx([1.0, 1.0])
    assert features.grad[0, 0, :2].abs().sum() == 0


def test_a_full_mask_fills_its_box():
    """Pixels whose middle lies in the box are one, all others zero, up to the border of the box."""
    pasted = paste_masks(torch.tensor([[1.0, 2.0, 4.0, 7.0]]), torch.ones(1, 28, 28), (6, 9))[0]
    wanted = torch.zeros(6, 9)
    wanted[1:4, 2:7] = 1
    assert torch.equal(pasted, wanted)


def test_a_mask_comes_back_where_it_was_cut():
    """A half of a mask fills that half of the box: rows are rows and columns are columns."""
    mask = torch.zeros(1, 28, 28)
    mask[:, :14] = 1
    pasted = paste_masks(torch.tensor([[0.0, 0.0, 8.0, 4.0]]), mask, (8, 8))[0]
    assert (pasted >= 0.5).nonzero()[:, 0].unique().tolist() == [0, 1, 2, 3]
    assert (pasted >= 0.5).nonzero()[:, 1].unique().tolist() == [0, 1, 2, 3]


def test_torchvision_agrees():
    """Overlap, suppression, pooling and coding, with its order x, y of coordinates."""
    torchvision = pytest.importorskip("torchvision")
    from torchvision.models.detection._utils import BoxCoder

    turn = [1, 0, 3, 2]
    boxes, others = some_boxes(40), some_boxes(40, seed=5)
    assert torch.allclose(box_iou(boxes, others), torchvision.ops.box_iou(boxes[:, turn], others[:, turn]), atol=1e-6)
    kept = torchvision.ops.nms(boxes[:, turn], torch.arange(40, 0, -1).float(), 0.3)
    assert nms(boxes, 0.3).nonzero()[:, 0].tolist() == sorted(kept.tolist())
    features, image = torch.randn(2, 3, 24, 24), torch.arange(40) % 2
    rois = torch.cat([image[:, None].float(), boxes[:, turn]], dim=1)
    wanted = torchvision.ops.roi_align(features, rois, 7, spatial_scale=0.5, sampling_ratio=2, aligned=True)
    level = torch.zeros(40, dtype=torch.long)
    assert torch.allclose(roi_align([features], (2,), boxes, image, level, 7), wanted, atol=1e-5)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    assert torch.allclose(encode_boxes(boxes, others)[:, turn], coder.encode_single(boxes[:, turn], others[:, turn]))
