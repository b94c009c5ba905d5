"""The hybrid 3D/2D Mask R-CNN of Chang et al. 2018 (doi 10.3174/ajnr.A5742) on its feature pyramid.

What the paper does not state follows Faster R-CNN (Ren et al. 2015, 1506.01497), feature pyramid networks (Lin et al.
2016, 1612.03144) and Mask R-CNN (He et al. 2017, 1703.06870).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reference_models.hybrid_mask_rcnn.backbone import HybridBackbone
from reference_models.hybrid_mask_rcnn.boxes import clip_boxes, decode_boxes, make_anchors, nms, paste_masks, roi_align
from reference_models.layers import he_normal_

__all__ = ["Answers", "Detections", "HybridMaskRCNN", "Maps", "painted"]

RATIOS = (0.5, 1.0, 2.0)
"""Height over width of the anchors."""

SMALLEST_PX = 2.0
"""Shortest side of a box in pixels: proposals with a shorter one are dropped, true boxes are widened."""

BOX_SCALE = (10.0, 10.0, 5.0, 5.0)
"""Factors that scale the second stage's box codes to unit variance (Fast R-CNN's deviations)."""

_BOX_BINS, _MASK_BINS = 7, 14
_FINEST_CELLS = 14
"""A box is pooled from the coarsest level on which it has this many cells (224 pixels at stride 16 in the FPN)."""

_PROPOSAL_OVERLAP, _DETECTION_OVERLAP = 0.7, 0.3
_FAINTEST = 0.05
"""Score below which a box is discarded before masks are computed, unless it is the surest of its slice."""


class Maps(NamedTuple):
    """Output of the backbone and the proposal head for some slices.

    Args:
        pyramid: Features of each level, the finest first: slice,channel,rows,columns.
        objectness: slice,anchor logits.
        deltas: slice,anchor,4.
        anchors: anchor,4.
        shape: Rows and columns of a slice.
    """

    pyramid: list[Tensor]
    objectness: Tensor
    deltas: Tensor
    anchors: Tensor
    shape: tuple[int, int]


class Answers(NamedTuple):
    """Output of the second stage for some boxes: n,2 logits (background, hemorrhage); n,4 codes; n,type logits."""

    classes: Tensor
    deltas: Tensor
    types: Tensor


class Detections(NamedTuple):
    """Boxes of some slices, by falling score; slices with fewer boxes than others are filled up with scores of 0.

    Boxes with a score below 0.05 are dropped, except the surest box of each slice, which has a mask of zeros. So the
    highest score of a study is that of its surest box, however low, and studies without a sure box are not tied at 0.

    Args:
        boxes: slice,n,4 in pixels.
        scores: slice,n softmax scores of hemorrhage.
        types: slice,n,type probabilities; an empty last axis without a type head.
        masks: slice,n,size,size probabilities within the box.
    """

    boxes: Tensor
    scores: Tensor
    types: Tensor
    masks: Tensor

    def packed(self) -> Tensor:
        """Return everything as one tensor slice,n,k."""
        return torch.cat([self.boxes, self.scores[..., None], self.types, self.masks.flatten(2)], dim=-1)

    @classmethod
    def unpacked(cls, packed: Tensor, types: int) -> Detections:
        """Return the detections of a packed tensor; ``types`` is the number of classes of the type head."""
        boxes, scores, kinds, masks = torch.split(packed, [4, 1, types, packed.shape[-1] - 5 - types], dim=-1)
        side = math.isqrt(masks.shape[-1])
        return cls(boxes, scores[..., 0], kinds, masks.reshape(*masks.shape[:-1], side, side))


class HybridMaskRCNN(nn.Module):
    """Hybrid 3D/2D Mask R-CNN: detects hemorrhages in the middle slice of slabs of five slices.

    Args:
        widths: Channels of the backbone's first convolutions and of its four stages.
        pyramid: Channels of the expanding arm and of the heads.
        blocks: Residual bottlenecks a stage.
        stem_stride: in-plane step of the first convolution.
        kernel_depth: Size along z of the contracting arm's 3x3 kernels: 1, or 3 for 3x3x3.
        anchors_px: Side of the anchors of each level, in pixels.
        hidden: Units of the box head's two layers.
        types: Number of types of hemorrhage that the type head separates; 0: no type head, as in the paper.
        proposals: Number of proposals per slice before non-maximum suppression.
        detections: Number of detections per slice.
        prior_logit: Subtracted from the logit of every detection: training shows positives at 1:3, scans hold fewer.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        pyramid: int = 128,
        blocks: int = 2,
        stem_stride: int = 2,
        kernel_depth: int = 1,
        anchors_px: Sequence[float] = (16.0, 32.0, 64.0, 128.0),
        hidden: int = 1024,
        types: int = 0,
        proposals: int = 256,
        detections: int = 32,
        prior_logit: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = HybridBackbone(widths, pyramid, blocks, stem_stride, kernel_depth)
        self.proposal_head = _ProposalHead(pyramid)
        self.box_head = _BoxHead(pyramid, hidden, types)
        self.mask_head = _mask_head(pyramid)
        self.anchors_px = tuple(anchors_px)
        self.types, self.proposals, self.detections = types, proposals, detections
        self.prior_logit = prior_logit
        he_normal_(self)
        self.proposal_head.start()
        self.box_head.start()

    def maps(self, image: Tensor) -> Maps:
        """Return pyramid and proposals' logits of the inner slices of slabs batch,depth,y,x."""
        shape = (image.shape[2], image.shape[3])
        pyramid = self.backbone(image)
        objectness, deltas = zip(*(self.proposal_head(level) for level in pyramid), strict=True)
        anchors = [
            make_anchors((level.shape[2], level.shape[3]), stride, side, RATIOS, image.device)
            for level, stride, side in zip(pyramid, self.backbone.strides, self.anchors_px, strict=True)
        ]
        return Maps(
            pyramid, torch.cat(objectness, 1).float(), torch.cat(deltas, 1).float(), torch.cat(anchors).float(), shape
        )

    def propose(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """Return the most promising boxes of each slice; no gradient flows through their positions.

        Returns:
            Boxes slice,n,4, and slice,n bool: Which of them survive non-maximum suppression and have an area.
        """
        best = maps.objectness.detach().topk(min(self.proposals, maps.objectness.shape[1]), dim=1).indices
        deltas = maps.deltas.detach().gather(1, best[..., None].expand(-1, -1, 4))
        boxes = clip_boxes(decode_boxes(deltas, maps.anchors[best]), maps.shape)
        large = (boxes[..., 2:] - boxes[..., :2] >= SMALLEST_PX).all(-1)
        boxes = boxes * large[..., None]
        return boxes, nms(boxes, _PROPOSAL_OVERLAP) & large

    def answer(self, maps: Maps, boxes: Tensor, slices: Tensor) -> Answers:
        """Return class, shift and type of boxes n,4 that lie in slices n."""
        answers: Answers = self.box_head(self._pooled(maps, boxes, slices, _BOX_BINS))
        return answers

    def outline(self, maps: Maps, boxes: Tensor, slices: Tensor) -> Tensor:
        """Return the logits n,size,size of the masks within boxes n,4 that lie in slices n."""
        logits: Tensor = self.mask_head(self._pooled(maps, boxes, slices, _MASK_BINS))[:, 0]
        return logits.float()

    def forward(self, image: Tensor) -> Detections:
        """Return the detections in slabs batch,depth,y,x, for the slices that have two neighbours on either side."""
        maps = self.maps(image)
        proposals, kept = self.propose(maps)
        slices = kept.nonzero()[:, 0]
        answers = self.answer(maps, proposals[kept], slices)
        found = decode_boxes(answers.deltas / answers.deltas.new_tensor(BOX_SCALE), proposals[kept])
        boxes = proposals.masked_scatter(kept[..., None], clip_boxes(found, maps.shape))
        # The softmax of two classes is the sigmoid of their difference.
        sure = (answers.classes[:, 1] - answers.classes[:, 0] - self.prior_logit).sigmoid()
        scores = torch.zeros_like(boxes[..., 0]).masked_scatter(kept, sure)
        types = boxes.new_zeros(*boxes.shape[:2], self.types)
        types = types.masked_scatter(kept[..., None], answers.types.softmax(-1))
        return self._finished(maps, boxes, scores, types)

    def _finished(self, maps: Maps, boxes: Tensor, scores: Tensor, types: Tensor) -> Detections:
        large = (boxes[..., 2:] - boxes[..., :2] >= SMALLEST_PX).all(-1)
        scores, order = (scores * large).sort(dim=1, descending=True, stable=True)
        faint = scores < _FAINTEST
        faint[:, 0] = False
        scores = scores * ~faint
        boxes = _taken(boxes, order)
        scores, best = (scores * nms(boxes * (scores > 0)[..., None], _DETECTION_OVERLAP)).topk(
            min(self.detections, scores.shape[1]), dim=1
        )
        boxes, types = _taken(boxes, best), _taken(_taken(types, order), best)
        real = scores >= _FAINTEST
        drawn = self.outline(maps, boxes[real], real.nonzero()[:, 0]).sigmoid()
        masks = drawn.new_zeros(*scores.shape, *drawn.shape[1:])
        masks[real] = drawn
        return Detections(boxes, scores, types, masks)

    def _pooled(self, maps: Maps, boxes: Tensor, slices: Tensor, bins: int) -> Tensor:
        strides = self.backbone.strides
        side = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clamp_min(1e-6).sqrt()
        level = (side / (_FINEST_CELLS * strides[0])).log2().floor().clamp(0, len(strides) - 1).long()
        return roi_align(maps.pyramid, strides, boxes, slices, level, bins)


class _ProposalHead(nn.Module):
    """Head for objectness and shift of every anchor of a level; all levels share it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, len(RATIOS), 1)
        self.deltas = nn.Conv2d(channels, 4 * len(RATIOS), 1)

    def start(self) -> None:
        for layer in (self.objectness, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        shared = torch.relu(self.shared(level))
        objectness = self.objectness(shared).permute(0, 2, 3, 1).flatten(1)
        deltas = self.deltas(shared).permute(0, 2, 3, 1).flatten(1)
        return objectness, deltas.unflatten(1, (-1, 4))


class _BoxHead(nn.Module):
    """Head for class, shift and type of pooled boxes."""

    def __init__(self, channels: int, hidden: int, types: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * _BOX_BINS**2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.classes = nn.Linear(hidden, 2)
        self.deltas = nn.Linear(hidden, 4)
        self.types = nn.Linear(hidden, types) if types else None

    def start(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.normal_(self.deltas.weight, std=0.001)

    def forward(self, pooled: Tensor) -> Answers:
        shared = self.layers(pooled)
        types = shared.new_zeros(len(shared), 0) if self.types is None else self.types(shared)
        return Answers(self.classes(shared).float(), self.deltas(shared).float(), types.float())


def _mask_head(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(4):
        kernel = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        layers += [kernel, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    up = [nn.ConvTranspose2d(channels, channels, 2, stride=2), nn.ReLU(inplace=True), nn.Conv2d(channels, 1, 1)]
    return nn.Sequential(*layers, *up)


def _taken(values: Tensor, order: Tensor) -> Tensor:
    """Reorder slice,n,k by slice,m indices."""
    return values.gather(1, order[..., None].expand(-1, -1, values.shape[-1]))


def painted(detections: Detections, kinds: Tensor, shape: tuple[int, int], count: int) -> Tensor:
    """Return the merged masks of each slice: the highest probability of a pixel in any box of a kind.

    Args:
        detections: Detections of some slices.
        kinds: slice,n integers: the kind of each box, from 0; negative: the box is left out.
        shape: Rows and columns of a slice.
        count: Number of kinds.

    Returns:
        slice,kind,rows,columns probabilities.
    """
    merged = detections.boxes.new_zeros(len(kinds), count, *shape)
    for index in (kinds >= 0).any(1).nonzero()[:, 0].tolist():
        chosen = (kinds[index] >= 0).nonzero()[:, 0]
        pasted = paste_masks(detections.boxes[index, chosen], detections.masks[index, chosen], shape)
        own = kinds[index, chosen][:, None, None].expand_as(pasted)
        merged[index].scatter_reduce_(0, own, pasted.to(merged.dtype), "amax")
    return merged
