"""Losses of the Mask R-CNN: sampling of boxes and the loss of each head.

The two stages are trained at once, and no gradient flows from the second into where the first put its boxes: the
approximate joint training of Faster R-CNN (Ren et al. 2015, 1506.01497, section 3.2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from reference_models.hybrid_mask_rcnn.boxes import (
    BACKGROUND,
    IGNORED,
    box_coverage,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    match_boxes,
)
from reference_models.hybrid_mask_rcnn.instances import Instances
from reference_models.hybrid_mask_rcnn.network import BOX_SCALE, HybridMaskRCNN, Maps

__all__ = ["Losses", "detection_losses", "draw"]

ROIS = 128
"""Number of boxes per slice that the second stage learns from."""
POSITIVE_SHARE = 0.25
"""Share of positives: one to three negatives."""

_ANCHOR_OVERLAP = (0.3, 0.5)
_PROPOSAL_OVERLAP = (0.5, 0.5)
_NEAR_COPIES, _NEAR_SPREAD = 4, 0.1
_ROUNDING = 1 / 9
"""Where the smooth L1 loss turns from a parabola into a line (Ren et al.)."""


class Losses(NamedTuple):
    """Loss of each head; their sum is minimised."""

    objectness: Tensor
    anchors: Tensor
    classes: Tensor
    boxes: Tensor
    masks: Tensor
    types: Tensor

    def total(self) -> Tensor:
        """Return their sum, all with the same weight."""
        return torch.stack(list(self)).sum()


def detection_losses(
    network: HybridMaskRCNN, maps: Maps, truth: Instances, counted: Tensor, spared: float = 1.0
) -> Losses:
    """Return the losses of both stages for some slices.

    Args:
        network: Network whose heads are trained.
        maps: Its output for the slices.
        truth: True instances of the slices.
        counted: slice,row,column bool: pixels on which the readers agreed; others are left out of the mask loss.
        spared: A box of which a larger share than this lies in a true one is not background, however badly it fits.
    """
    return Losses(*_first_stage(maps, truth, spared), *_second_stage(network, maps, truth, counted, spared))


def draw(matched: Tensor, count: int = ROIS) -> tuple[Tensor, Tensor]:
    """Return randomly drawn boxes to learn from: positives up to a quarter of the count, and three negatives for each.

    The ratio holds over all slices of a step: those without hemorrhage give negatives to those with. Were it kept slice
    by slice, either the normal slices would teach nothing, or positives would be rarer than one in three.

    Args:
        matched: slice,n as from ``match_boxes``.
        count: Boxes a slice, if there are so many positives.

    Returns:
        slice,n bool twice: Positives and negatives; without any positive, negatives for one slice.
    """
    most = int(count * POSITIVE_SHARE)
    positives = _some(matched >= 0, most)
    wanted = (int(positives.sum()) or most) * round(1 / POSITIVE_SHARE - 1)
    return positives, _some((matched == BACKGROUND).reshape(1, -1), wanted).view_as(matched)


def _some(candidates: Tensor, wanted: int) -> Tensor:
    """Return at most ``wanted`` random candidates of each row."""
    lots = torch.rand(candidates.shape, device=candidates.device) * candidates
    most = min(wanted, candidates.shape[1])
    least = lots.topk(most, dim=1).values[:, -1:]
    return candidates & (lots >= least)


def _first_stage(maps: Maps, truth: Instances, spared: float) -> tuple[Tensor, Tensor]:
    low, high = _ANCHOR_OVERLAP
    matched = match_boxes(maps.anchors, truth.boxes, truth.valid, high=high, low=low, rescue=True)
    matched = _sparing(matched, maps.anchors, truth, spared)
    positive = matched >= 0
    each = functional.binary_cross_entropy_with_logits(maps.objectness, positive.float(), reduction="none")
    objectness = (1 - POSITIVE_SHARE) * each[matched == BACKGROUND].mean()
    if positive.any():
        objectness = objectness + POSITIVE_SHARE * each[positive].mean()
    slices, anchors = positive.nonzero(as_tuple=True)
    wanted = encode_boxes(truth.boxes[slices, matched[slices, anchors]], maps.anchors[anchors])
    return objectness, _distance(maps.deltas[slices, anchors], wanted)


def _second_stage(
    network: HybridMaskRCNN, maps: Maps, truth: Instances, counted: Tensor, spared: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    proposals, kept = network.propose(maps)
    # Boxes near the truth are among the candidates: before the first stage has learnt, nothing else is positive.
    near = truth.boxes.repeat(1, _NEAR_COPIES, 1)
    near = decode_boxes(_NEAR_SPREAD * torch.randn_like(near), near)
    boxes = torch.cat([proposals, clip_boxes(near, maps.shape)], 1)
    exist = torch.cat([kept, truth.valid.repeat(1, _NEAR_COPIES)], 1)
    low, high = _PROPOSAL_OVERLAP
    matched = match_boxes(boxes, truth.boxes, truth.valid, high=high, low=low, rescue=False)
    matched = _sparing(matched, boxes, truth, spared)
    positive, negative = draw(torch.where(exist, matched, IGNORED))
    drawn = positive | negative
    slices, places = drawn.nonzero(as_tuple=True)
    answers = network.answer(maps, boxes[drawn], slices)
    is_positive = positive[drawn]
    classes = functional.cross_entropy(answers.classes, is_positive.long())
    slices, places = slices[is_positive], places[is_positive]
    owners, chosen = matched[slices, places], boxes[slices, places]
    wanted = encode_boxes(truth.boxes[slices, owners], chosen) * chosen.new_tensor(BOX_SCALE)
    shifts = _distance(answers.deltas[is_positive], wanted)
    masks = _outlined(network.outline(maps, chosen, slices), truth, counted, chosen, slices, owners)
    kinds = truth.classes[slices, owners] - 1
    types = functional.cross_entropy(answers.types[is_positive], kinds) if network.types and len(kinds) else masks * 0
    return classes, shifts, masks, types


def _sparing(matched: Tensor, boxes: Tensor, truth: Instances, spared: float) -> Tensor:
    """Return the matches with background boxes that hold part of a true box set to ignored."""
    if spared >= 1 or truth.boxes.shape[1] == 0:
        return matched
    inside = box_coverage(boxes, truth.boxes).amax(-1) > spared
    return torch.where((matched == BACKGROUND) & inside, IGNORED, matched)


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the smooth L1 distance of codes, as the sum over the four numbers and POSITIVE_SHARE of the mean."""
    total = functional.smooth_l1_loss(found, wanted, beta=_ROUNDING, reduction="sum")
    return POSITIVE_SHARE * total / max(len(found), 1)


def _outlined(
    logits: Tensor, truth: Instances, counted: Tensor, boxes: Tensor, slices: Tensor, owners: Tensor
) -> Tensor:
    """Return the mean cross-entropy, over all pixels, of masks against the instances of their boxes."""
    steps = (torch.arange(logits.shape[-1], device=boxes.device) + 0.5) / logits.shape[-1]
    rows, columns = (
        (boxes[:, axis, None] + steps * (boxes[:, axis + 2] - boxes[:, axis])[:, None])
        .long()
        .clamp(0, counted.shape[1 + axis] - 1)
        for axis in (0, 1)
    )
    where = slices[:, None, None], rows[:, :, None], columns[:, None, :]
    true = truth.numbers[where] == owners[:, None, None] + 1
    each = functional.binary_cross_entropy_with_logits(logits, true.float(), reduction="none")
    counts = counted[where]
    return (each * counts).sum() / counts.sum().clamp_min(1)
