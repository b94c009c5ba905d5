"""The hybrid backbone, and detection on it."""

import pytest
import torch

from reference_models import network
from reference_models.hybrid_mask_rcnn.boxes import box_iou, decode_boxes
from reference_models.hybrid_mask_rcnn.network import Detections, HybridMaskRCNN, painted
from reference_models.layers import count_parameters

NARROW = {
    "widths": (4, 4, 8, 8, 8),
    "pyramid": 8,
    "blocks": 1,
    "stem_stride": 1,
    "anchors_px": (4.0, 8.0, 16.0, 32.0),
    "hidden": 16,
}


@pytest.fixture
def narrow():
    """Make a narrow network that has seen some noise, so that its normalisation is not trivial."""

    def make(**options):
        torch.manual_seed(0)
        made = HybridMaskRCNN(**NARROW, **options)
        with torch.no_grad():
            for _ in range(3):
                made.maps(torch.randn(2, 6, 32, 32))
        return made.eval()

    return make


def test_parameters():
    """The paper prints no count; this is ours, so that no change of the network goes unseen."""
    made = network("hybrid-mask-rcnn")
    parts = (made.backbone, made.proposal_head, made.box_head, made.mask_head)
    assert [count_parameters(part) for part in parts] == [3_817_184, 149_519, 7_479_302, 656_641]
    assert count_parameters(made) == 12_102_646
    assert count_parameters(network("hybrid-mask-rcnn", types=4)) == count_parameters(made) + 4 * 1025


def test_3x3x3_kernels_have_three_times_the_weights_of_1x3x3_kernels():
    """The contracting arm alone grows; weights have the same names, and those of 1x3x3 kernels keep their shapes."""
    with torch.device("meta"):
        flat, deep = network("hybrid-mask-rcnn"), network("hybrid-mask-rcnn", kernel_depth=3)
    assert (count_parameters(deep), count_parameters(deep.backbone)) == (16_020_022, 7_734_560)
    before = {name: tuple(weight.shape) for name, weight in flat.state_dict().items()}
    after = {name: tuple(weight.shape) for name, weight in deep.state_dict().items()}
    assert before.keys() == after.keys()
    grown = [name for name in before if before[name] != after[name]]
    assert all(after[name] == (*before[name][:2], 3, 3, 3) for name in grown)
    assert len(grown) == 1 + 4 * 3
    assert all(name.startswith("backbone.") for name in grown)


def test_detections_keep_their_form(narrow):
    """Boxes lie in the slice, the surest come first, overlap little, and masks are probabilities."""
    with torch.no_grad():
        found = narrow(types=3, proposals=40, detections=10)(torch.randn(2, 7, 32, 32))
    assert found.boxes.shape == (6, 10, 4)
    assert found.types.shape == (6, 10, 3)
    assert found.masks.shape == (6, 10, 28, 28)
    real = found.scores > 0
    assert real.any()
    assert (found.boxes[real] >= 0).all()
    assert (found.boxes[real] <= 32).all()
    assert (found.boxes[real][:, 2:] - found.boxes[real][:, :2] >= 2).all()
    assert (found.scores.diff(dim=1) <= 0).all()
    assert (box_iou(found.boxes, found.boxes).triu(1) * (real[:, None] & real[:, :, None])).max() <= 0.3 + 1e-5
    assert found.types[real].sum(-1).tolist() == pytest.approx([1.0] * int(real.sum()), abs=1e-5)
    assert 0 <= found.masks.min() <= found.masks.max() <= 1


def test_the_prior_moves_scores_and_nothing_else(narrow):
    """Logits fall by as much as was said; boxes stay in their order."""
    image = torch.randn(1, 5, 32, 32)
    with torch.no_grad():
        plain, moved = narrow()(image), narrow(prior_logit=1.4)(image)
    real = moved.scores > 0
    assert real.any()
    assert torch.allclose(plain.scores[real].logit() - moved.scores[real].logit(), torch.tensor(1.4), atol=1e-4)
    assert torch.equal(plain.boxes[real], moved.boxes[real])


def test_the_surest_box_of_a_slice_keeps_its_score_however_low(narrow):
    """Studies in which every box is faint are ranked by their surest one, which has no mask."""
    torch.manual_seed(1)
    slab = torch.randn(2, 7, 32, 32)
    with torch.no_grad():
        surest = narrow(proposals=40, detections=10)(slab).scores[:, 0]
        found = narrow(proposals=40, detections=10, prior_logit=12.0)(slab)
    assert found.scores.max() < 0.05
    assert found.scores[:, 0].tolist() == pytest.approx((surest.logit() - 12).sigmoid().tolist(), rel=1e-3)
    assert found.scores[:, 0].unique().numel() > 1
    assert (found.scores[:, 1:] == 0).all()
    assert (found.masks == 0).all()


def test_packing(narrow):
    """What was packed into one tensor comes out as it was."""
    with torch.no_grad():
        found = narrow(types=2)(torch.randn(1, 5, 32, 32))
    for before, after in zip(found, Detections.unpacked(found.packed(), 2), strict=True):
        assert torch.equal(before, after)


def test_proposals_are_the_most_promising(narrow):
    """They are the decoded boxes of the anchors with the highest logits, and carry no gradient."""
    made = narrow(proposals=5)
    maps = made.maps(torch.randn(1, 5, 32, 32))
    boxes, _ = made.propose(maps)
    best = maps.objectness[0].argsort(descending=True)[:5]
    wanted = decode_boxes(maps.deltas[0, best], maps.anchors[best]).clamp(0, 32)
    large = (wanted[:, 2:] - wanted[:, :2] >= 2).all(1)
    assert torch.allclose(boxes[0][large], wanted[large])
    assert (boxes[0][~large] == 0).all()
    assert not boxes.requires_grad
    assert maps.deltas.requires_grad


def test_masks_of_a_kind_are_merged_by_their_maximum():
    """Two overlapping boxes of one kind, one of another, and one of none."""
    boxes = torch.tensor([[[0.0, 0.0, 4.0, 4.0], [2.0, 2.0, 6.0, 6.0], [0.0, 4.0, 2.0, 8.0], [6.0, 0.0, 8.0, 2.0]]])
    levels = torch.tensor([0.5, 0.9, 0.7, 1.0])
    masks = levels[None, :, None, None].expand(1, 4, 28, 28)
    found = Detections(boxes, torch.ones(1, 4), torch.zeros(1, 4, 0), masks)
    merged = painted(found, torch.tensor([[0, 0, 1, -1]]), (8, 8), 2)[0]
    assert merged[0, 1, 1] == pytest.approx(0.5)
    assert merged[0, 3, 3] == pytest.approx(0.9)
    assert merged[1, 1, 5] == pytest.approx(0.7)
    assert merged[0, 1, 5] == 0
    assert merged[:, 7, 1].tolist() == [0, 0]
