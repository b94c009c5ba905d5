"""Boxes in plain torch: anchors, overlap, coding, matching, non-maximum suppression and ROI align.

A box is (first row, first column, last row + 1, last column + 1) in pixels, real numbers along the last axis. Pixel i
covers i to i + 1. All functions work on whole batches at once; none loops over boxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "BACKGROUND",
    "IGNORED",
    "box_coverage",
    "box_iou",
    "clip_boxes",
    "decode_boxes",
    "encode_boxes",
    "make_anchors",
    "match_boxes",
    "nms",
    "paste_masks",
    "roi_align",
]

BACKGROUND = -1
"""Result of ``match_boxes`` for a box that matches no true box."""
IGNORED = -2
"""Result of ``match_boxes`` for a box that is neither matched nor background."""

_LARGEST_GROWTH = math.log(1000 / 16)
"""Largest size of a decoded box relative to its anchor, so that the exponential does not overflow."""


def make_anchors(
    shape: tuple[int, int], stride: int, side: float, ratios: Sequence[float], device: torch.device | None = None
) -> Tensor:
    """Return boxes of one area and several shapes, centred on every cell of a map.

    Args:
        shape: Rows and columns of the map.
        stride: Pixels between cells.
        side: Square root of the area, in pixels.
        ratios: Height over width.
        device: Device of the result.

    Returns:
        rows * columns * ratios, 4; the ratios of a cell follow each other.
    """
    rows, columns = ((torch.arange(size, device=device) + 0.5) * stride for size in shape)
    root = torch.tensor(ratios, device=device).sqrt()
    half = torch.stack([side * root, side / root], dim=-1) / 2
    centre = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)[:, :, None]
    return torch.cat([centre - half, centre + half], dim=-1).reshape(-1, 4)


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of all pairs: ...,n,4 and ...,m,4 to ...,n,m; 0 for empty boxes."""
    common = _intersections(first, second)
    union = _areas(first)[..., :, None] + _areas(second)[..., None, :] - common
    return common / union.clamp_min(1e-6)


def box_coverage(first: Tensor, second: Tensor) -> Tensor:
    """Return the share of every first box that lies in each second one: ...,n,4 and ...,m,4 to ...,n,m."""
    return _intersections(first, second) / _areas(first)[..., :, None].clamp_min(1e-6)


def _intersections(first: Tensor, second: Tensor) -> Tensor:
    corner = torch.maximum(first[..., :, None, :2], second[..., None, :, :2])
    opposite = torch.minimum(first[..., :, None, 2:], second[..., None, :, 2:])
    return (opposite - corner).clamp_min(0).prod(-1)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Return boxes as shifts of anchors: centre over the anchor's size, logarithm of the size (Ren et al. 2015, Eq. 2).

    Args:
        boxes: ...,4.
        anchors: ...,4, with a height and a width.

    Returns:
        ...,4: shift of rows, of columns, log growth of the height, of the width.
    """
    centre, size = _centred(boxes)
    from_centre, from_size = _centred(anchors)
    return torch.cat([(centre - from_centre) / from_size, (size / from_size).log()], dim=-1)


def decode_boxes(deltas: Tensor, anchors: Tensor) -> Tensor:
    """Return the boxes of shifts that ``encode_boxes`` computed."""
    centre, size = _centred(anchors)
    centre = centre + deltas[..., :2] * size
    half = size * deltas[..., 2:].clamp_max(_LARGEST_GROWTH).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def _centred(boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + size / 2, size


def clip_boxes(boxes: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return boxes clipped to an image of ``shape`` rows and columns."""
    most = boxes.new_tensor([*shape, *shape])
    return torch.minimum(boxes.clamp_min(0), most)


def nms(boxes: Tensor, threshold: float) -> Tensor:
    """Return which boxes survive non-maximum suppression.

    Greedy suppression depends on better boxes only, so repeating one step for all boxes at once settles the first k of
    them after k steps, and in practice all after a few.

    Args:
        boxes: ...,n,4, the best first; boxes without an area neither suppress nor are suppressed.
        threshold: An overlap above it suppresses.

    Returns:
        ...,n bool: which are kept.
    """
    suppresses = (box_iou(boxes, boxes) > threshold).triu(1)
    kept = torch.ones_like(boxes[..., 0], dtype=torch.bool)
    while True:
        now = ~(suppresses & kept[..., None]).any(-2)
        if torch.equal(now, kept):
            return kept
        kept = now


def match_boxes(boxes: Tensor, truth: Tensor, valid: Tensor, *, high: float, low: float, rescue: bool) -> Tensor:
    """Return which true box each box belongs to.

    Args:
        boxes: slice,n,4 or n,4.
        truth: slice,m,4.
        valid: slice,m bool: which true boxes exist.
        high: A box belongs to the truth that it overlaps most, if by this much.
        low: Below it a box is background; between the two it is ignored.
        rescue: Let the boxes that overlap a truth most belong to it, however little that is.

    Returns:
        slice,n integers: An index of truth, ``BACKGROUND`` or ``IGNORED``.
    """
    if truth.shape[1] == 0:
        return torch.full((len(truth), boxes.shape[-2]), BACKGROUND, device=truth.device)
    iou = box_iou(boxes, truth) * valid[:, None]
    best, index = iou.max(-1)
    matched = torch.where(best < low, BACKGROUND, IGNORED)
    matched = torch.where(best >= high, index, matched)
    if rescue:
        nearest = (iou == iou.amax(1, keepdim=True)) & (iou > 0)
        matched = torch.where(nearest.any(-1), nearest.int().argmax(-1), matched)
    return matched


def roi_align(
    maps: Sequence[Tensor],
    strides: Sequence[int],
    boxes: Tensor,
    image: Tensor,
    level: Tensor,
    size: int,
    samples: int = 2,
) -> Tensor:
    """Return the features under boxes, pooled to squares by bilinear sampling (He et al. 2017, 1703.06870, section 3).

    All levels of a pyramid are read at once, as weighted sums over the rows of one table. Samples beyond the border
    take the nearest cell; more than one cell beyond it they are 0.

    Args:
        maps: Features of each level: image,channel,rows,columns.
        strides: Pixels between the cells of each level.
        boxes: n,4 in pixels.
        image: n, which image of the maps each box lies in.
        level: n, which map each is read from.
        size: Bins along each side.
        samples: Samples per bin along each side; their mean is the bin's value.

    Returns:
        n,channel,size,size.
    """
    channels = maps[0].shape[1]
    table = torch.cat([one.permute(0, 2, 3, 1).reshape(-1, channels) for one in maps])
    shapes = torch.tensor([one.shape[2:] for one in maps], device=boxes.device)
    cells = shapes.prod(1)
    starts = (cells * len(maps[0])).cumsum(0) - cells * len(maps[0])
    scale = torch.tensor(strides, device=boxes.device, dtype=boxes.dtype)[level]
    rows, columns = (
        _sampled(boxes[:, axis] / scale, boxes[:, axis + 2] / scale, shapes[level, axis], size, samples)
        for axis in (0, 1)
    )
    start = (starts[level] + image * cells[level])[:, None, None, None, None]
    width = shapes[level, 1][:, None, None, None, None]
    index = start + rows[0][:, :, None, :, None] * width + columns[0][:, None, :, None, :]
    weight = rows[1][:, :, None, :, None] * columns[1][:, None, :, None, :]
    bags = (len(boxes) * size * size, -1) if len(boxes) else (0, 1)
    pooled = torch.nn.functional.embedding_bag(
        index.reshape(bags), table, per_sample_weights=weight.reshape(bags).to(table.dtype), mode="sum"
    )
    return pooled.reshape(len(boxes), size, size, channels).permute(0, 3, 1, 2)


def _sampled(low: Tensor, high: Tensor, cells: Tensor, size: int, samples: int) -> tuple[Tensor, Tensor]:
    """Return the two cells beside every sample along one axis, and their weights: n,bin,sample and cell."""
    steps = (torch.arange(size * samples, device=low.device, dtype=low.dtype) + 0.5) / (size * samples)
    place = low[:, None] + steps * (high - low)[:, None] - 0.5
    last = (cells - 1)[:, None]
    inside = (place >= -1) & (place <= cells[:, None])
    place = torch.minimum(place.clamp_min(0), last.to(place.dtype))
    below = place.floor()
    share = place - below
    index = torch.stack([below.long(), torch.minimum(below.long() + 1, last)], dim=-1)
    weight = torch.stack([1 - share, share], dim=-1) * inside[..., None] / samples
    return index.reshape(len(low), size, samples * 2), weight.reshape(len(low), size, samples * 2)


def paste_masks(boxes: Tensor, masks: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return square masks resampled into their boxes; 0 outside of a box.

    Args:
        boxes: n,4.
        masks: n,size,size.
        shape: Rows and columns of the image.

    Returns:
        n,rows,columns.
    """
    axes = []
    for axis in (0, 1):
        middle = torch.arange(shape[axis], device=boxes.device, dtype=boxes.dtype) + 0.5
        low, high = boxes[:, axis, None], boxes[:, axis + 2, None]
        axes.append((middle - low) / (high - low).clamp_min(1e-6) * 2 - 1)
    rows, columns = (axes[0][:, :, None].expand(-1, *shape), axes[1][:, None].expand(-1, *shape))
    grid = torch.stack([columns, rows], dim=-1)
    pasted = torch.nn.functional.grid_sample(
        masks[:, None].to(boxes.dtype), grid, mode="bilinear", padding_mode="border", align_corners=False
    )[:, 0]
    return pasted * (grid.abs() < 1).all(-1)
