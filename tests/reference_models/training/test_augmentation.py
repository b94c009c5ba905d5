import numpy as np
import pytest
import torch

from reference_models.training.augmentation import ElasticAugmentation, PlaneAugmentation, flipped
from reference_models.training.examples import Batch, Example


def batch(shape=(40, 32), count=6):
    """A bright disc or ball that is also the target, on air; one corner does not count."""
    axes = np.meshgrid(*(np.arange(size) - size / 2 + 0.5 for size in shape), indexing="ij")
    inside = sum(axis**2 for axis in axes) < 10**2
    image = torch.from_numpy(np.where(inside, 50.0, -1000.0)).float().expand(count, 1, *shape).clone()
    target = torch.from_numpy(inside.astype(np.int64)).expand(count, *shape).clone()
    counted = torch.ones(target.shape, dtype=torch.bool)
    counted[(slice(None), *[slice(0, 3)] * len(shape))] = False
    return Batch(image, target, counted)


def generator(seed=0):
    """A seeded source of chance."""
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("augment", "shape"), [(PlaneAugmentation(), (40, 32)), (ElasticAugmentation(fill=-1000.0), (24, 40, 32))]
)
def test_image_and_target_move_together(augment, shape):
    """Where the target is, the image is bright; the disc keeps about its size, and every member moves its own way."""
    before, after = batch(shape), augment(batch(shape), generator())
    bright = after.image[:, 0] > -475
    assert ((after.target > 0) != bright).float().mean() < 0.01
    assert 0.75 < after.target.sum() / before.target.sum() < 1.25
    assert not torch.equal(after.image[0], after.image[1])


def test_without_chance_nothing_moves():
    """No scale, rotation, shift or flip: the batch comes back."""
    same = PlaneAugmentation(scale=0, rotation_deg=0, translation=0)
    before = batch()
    after = same(before, generator())
    candidates = [before, flipped(before, -1), flipped(before, -2), flipped(flipped(before, -1), -2)]
    for index in range(len(before.image)):
        assert any(torch.allclose(after.image[index], one.image[index], atol=1e-2) for one in candidates)
        assert any(torch.equal(after.counted[index], one.counted[index]) for one in candidates)


def test_scale_rotation_and_shift_stay_within_the_papers_bounds():
    """The disc's centre moves by at most 20 of 512 pixels, in proportion, and its area by at most 8 % a side."""
    after = PlaneAugmentation()(batch((128, 128), 64), generator(1))
    areas = after.target.sum((1, 2)).float()
    assert areas.max() <= 10**2 * np.pi * 1.08**2 * 1.05
    assert areas.min() >= 10**2 * np.pi * 0.92**2 * 0.95
    rows = torch.arange(128.0)
    centres = (after.target.float() * rows[:, None]).sum((1, 2)) / areas
    assert (centres - 63.5).abs().max() <= 20 / 512 * 128 / 0.92 + 0.5
    assert (centres - 63.5).abs().max() > 2


def test_rotation_on_oblong_slices_keeps_angles():
    """A disc on 40 x 80 pixels stays round: width and height of the target differ by a pixel at most."""
    after = PlaneAugmentation(scale=0, rotation_deg=45, translation=0)(batch((40, 80), 8), generator())
    for mask in after.target:
        rows, columns = np.nonzero(mask.numpy())
        assert abs((rows.max() - rows.min()) - (columns.max() - columns.min())) <= 1


def test_elastic_deformation_leaves_z_alone():
    """A target that is one whole slice stays in that slice."""
    one = batch((16, 32, 32), 3)
    one.target.zero_()
    one.target[:, 5] = 1
    after = ElasticAugmentation(displacement=0.05)(one, generator())
    assert set(torch.nonzero(after.target)[:, 1].tolist()) == {5}


@pytest.mark.parametrize("seed", range(4))
def test_a_piece_is_cut_from_the_deformed_head(seed):
    """A cube of a head is deformed as the whole head is, so that the field of view does not change the deformation."""
    whole = batch((32, 32, 32), 1)
    head = Example(whole.image[0, 0].numpy(), whole.target[0].numpy(), whole.counted[0].numpy())
    augment = ElasticAugmentation(displacement=0.05, fill=-1000.0)
    deformed = augment._piece(head, (0, 0, 0), 32, generator(seed))
    piece = augment.pieces([head], [(4, 9, 10)], 16, generator(seed))
    mirrored = torch.rand((), generator=_after_knots(seed)) < 0.5
    columns = slice(32 - 10 - 16, 32 - 10) if mirrored else slice(10, 26)
    for name in ("image", "target", "counted"):
        torch.testing.assert_close(getattr(piece, name), getattr(deformed, name)[..., 4:20, 9:25, columns])
    if not mirrored:
        torch.testing.assert_close(deformed.image, augment(whole, generator(seed)).image, rtol=0, atol=0.01)


def _after_knots(seed):
    """A source of chance from which the knots of one deformation were drawn."""
    source = generator(seed)
    torch.randn((1, 2, 5, 5, 5), generator=source)
    return source


def test_the_same_seed_gives_the_same_batch():
    """Chance comes from the generator alone."""
    first, second = (PlaneAugmentation()(batch(), generator(3)) for _ in range(2))
    assert torch.equal(first.image, second.image)
