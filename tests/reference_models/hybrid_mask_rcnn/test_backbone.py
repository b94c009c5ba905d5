import pytest
import torch

from reference_models.hybrid_mask_rcnn.backbone import CONTEXT, HybridBackbone


def test_pyramid_of_the_paper():
    """Five slices of 512 x 512 give one slice of 128 channels at steps of 4, 8, 16 and 32 pixels."""
    made = HybridBackbone().to("meta")
    levels = made(torch.empty(1, 5, 512, 512, device="meta"))
    assert [tuple(level.shape) for level in levels] == [(1, 128, side, side) for side in (128, 64, 32, 16)]
    assert made.strides == (4, 8, 16, 32)


@pytest.mark.parametrize("depth", [1, 3])
def test_a_slab_gives_what_its_fives_give(depth):
    """Each slice is seen with two neighbours on either side and nothing else, however thick the slab is."""
    torch.manual_seed(1)
    backbone = HybridBackbone((4, 4, 8, 8, 8), pyramid=8, blocks=1, stem_stride=1, kernel_depth=depth).eval()
    slab = torch.randn(1, 9, 32, 32)
    with torch.no_grad():
        whole = backbone(slab)
        fives = backbone(torch.cat([slab[:, start : start + 5] for start in range(5)]))
        two = backbone(torch.cat([slab, slab.flip(1)]))
    for ours, alone in zip(whole, fives, strict=True):
        assert torch.allclose(ours, alone, atol=1e-5)
    assert all(torch.allclose(ours, both[:5], atol=1e-5) for ours, both in zip(whole, two, strict=True))


def test_context_is_two_slices_and_all_of_it_counts():
    """The middle slice's features change with any of the five slices, and not with the sixth."""
    torch.manual_seed(1)
    backbone = HybridBackbone((4, 4, 8, 8, 8), pyramid=8, blocks=1, stem_stride=1).eval()
    slab = torch.randn(1, 6, 32, 32)
    with torch.no_grad():
        before = backbone(slab)[0]
        for changed in range(6):
            other = slab.clone()
            other[:, changed] += 1
            after = backbone(other)[0]
            assert torch.equal(before[0], after[0]) == (changed == 5)
    assert CONTEXT == 2
