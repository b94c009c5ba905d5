import math

import numpy as np
import pytest
import torch

from reference_models.training import nnunet_augmentation
from reference_models.training.examples import Example
from reference_models.training.nnunet_augmentation import NnunetAugmentation, _coarse, _gamma, _rotation, _turned

AIR = -1000.0
THICK = NnunetAugmentation((4, 16, 16), fill=AIR)
CUBE = NnunetAugmentation((12, 12, 12), fill=AIR)


def generator(seed=0):
    """A seeded source of chance."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def head():
    """A head of 20 x 40 x 36 voxels of 30 HU, with a ball of blood that is the target."""
    z, y, x = np.ogrid[:20, :40, :36]
    blood = (z - 9) ** 2 + (y - 18) ** 2 + (x - 20) ** 2 < 36
    hu = np.where(blood, 60, 30).astype(np.float32)
    return Example(hu, blood.astype(np.uint8), np.ones(hu.shape, bool))


@pytest.mark.parametrize("augment", [THICK, CUBE])
def test_image_and_target_move_together(head, augment):
    """The target lies where the image is bright, whatever the rotation, size and mirrors."""
    for seed in range(12):
        batch = augment.piece(head, (4, 10, 10), (12, 16, 16), generator(seed))
        assert batch.image.shape == (1, 1, 12, 16, 16)
        assert ((batch.image[:, 0] > 45) != (batch.target > 0)).float().mean() < 0.04
        assert batch.target.any()


def test_rotation_and_scaling_come_as_often_as_they_should():
    """One patch of five is rotated, one of five scaled, by the ranges; thick slices stay slices."""
    source = generator()
    thick, cube = (torch.stack([one._matrix(source) for _ in range(600)]) for one in (THICK, CUBE))
    for found in (thick, cube):
        moved = (found - torch.eye(3)).abs().amax((1, 2)) > 0
        assert float(moved.float().mean()) == pytest.approx(1 - 0.8 * 0.8, abs=0.06)
    sides = torch.linalg.det(cube) ** (1 / 3)
    assert float((sides - 1).abs().gt(1e-4).float().mean()) == pytest.approx(0.2, abs=0.05)
    assert 0.7 <= float(sides.min()) < 0.75
    assert 1.35 < float(sides.max()) <= 1.4
    assert torch.equal(thick[:, 0], torch.eye(3)[0].expand(600, 3))
    assert (cube[:, 0, 1:].abs().amax(1) > 0).any()
    assert math.sqrt(0.5) > float(cube[:, 0, 1:].abs().max() / 1.4) > 0.3
    assert float(thick[:, 1, 1].min()) < -0.9  # half a turn in plane


def test_half_a_turn_mirrors_two_axes(head):
    """A closed form of the rotation about the middle of a piece."""
    corner, sides = torch.tensor([3, 5, 7]), torch.tensor([4, 6, 9])
    rng = np.random.default_rng(0)
    noise = Example(rng.normal(size=head.image.shape).astype(np.float32), head.target, head.counted)
    turned = _turned(noise, corner, sides, _rotation(0, math.pi), AIR)
    cut = noise[slice(3, 7), slice(5, 11), slice(7, 16)]
    np.testing.assert_allclose(turned.image[0, 0], cut.image[:, ::-1, ::-1], atol=1e-4)
    np.testing.assert_array_equal(turned.target[0], cut.target[:, ::-1, ::-1])


def test_the_head_around_a_piece_turns_into_it(head):
    """A turned piece in the middle of a head holds no air; at its edge it does, as background that counts."""
    about = _rotation(0, math.radians(45))
    inside, edge = (
        _turned(head, torch.tensor(corner), torch.tensor([4, 16, 16]), about, AIR)
        for corner in ((4, 12, 10), (4, 0, 0))
    )
    assert inside.image.min() > 29.9
    assert edge.image.min() == AIR
    assert edge.counted.all()
    assert not edge.target[edge.image[:, 0] < 0].any()


def test_without_chance_a_piece_is_cut_out(head, monkeypatch):
    """No rotation, no scaling, no mirrored axis: the voxels themselves."""
    for name in ("_ROTATION", "_SCALING"):
        monkeypatch.setattr(nnunet_augmentation, name, 0.0)
    still = NnunetAugmentation((4, 16, 16), mirrored=(), fill=AIR)
    batch = still.piece(head, (4, 10, 10), (4, 16, 16), generator())
    np.testing.assert_array_equal(batch.image[0, 0], head.image[4:8, 10:26, 10:26])


def test_each_axis_is_mirrored_half_of_the_time(head):
    """And only those that are named."""
    ramp = Example(np.arange(20 * 40 * 36, dtype=np.float32).reshape(20, 40, 36), head.target, head.counted)
    augment = NnunetAugmentation((4, 16, 16), mirrored=(-3,), fill=AIR)
    pieces = [augment.piece(ramp, (4, 10, 10), (4, 16, 16), generator(seed)).image[0, 0] for seed in range(60)]
    assert 18 <= sum(bool(one[0].mean() > one[-1].mean()) for one in pieces) <= 42


def test_intensities_change_as_often_as_they_should():
    """A patch of one channel stays as it is with the product of all chances that nothing happens."""
    image = torch.randn((500, 1, 4, 4, 4), generator=generator(1))
    after = THICK.intensities(image, generator())
    same = (after == image).flatten(1).all(1).float().mean()
    nothing = (1 - 0.1) * (1 - 0.2 / 2) * (1 - 0.15) ** 2 * (1 - 0.25 / 2) * (1 - 0.1) * (1 - 0.3)
    assert float(same) == pytest.approx(nothing, abs=0.08)
    assert torch.isfinite(after).all()
    assert torch.equal(after, THICK.intensities(image, generator()))


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("_NOISE", lambda before, after: (after - before).std() <= 0.11),
        ("_BRIGHTNESS", lambda before, after: 0.75 <= (after / before).median() <= 1.25),
        ("_CONTRAST", lambda before, after: before.min() <= after.min() and after.max() <= before.max()),
        ("_BLUR", lambda before, after: after.std() <= before.std()),
        ("_LOW_RESOLUTION", lambda before, after: after.abs().max() <= before.abs().max()),
    ],
)
def test_each_change_alone(monkeypatch, name, check):
    """Noise of an SD up to .1, a factor within .75 to 1.25, a kept range, and less detail."""
    chances = [one for one in vars(nnunet_augmentation) if one in {"_NOISE", "_BLUR", "_BRIGHTNESS", "_CONTRAST"}]
    for other in (*chances, "_LOW_RESOLUTION", "_GAMMA", "_INVERTED_GAMMA"):
        monkeypatch.setattr(nnunet_augmentation, other, float(other == name))
    image = torch.randn((8, 1, 4, 8, 8), generator=generator(1))
    after = THICK.intensities(image, generator())
    assert any(not torch.equal(one, other) for one, other in zip(image, after, strict=True))
    assert all(check(one, other) for one, other in zip(image, after, strict=True))


def test_gamma_keeps_mean_and_sd():
    """An exponent above one darkens the middle, on the scale of the patch; one of 1 changes nothing."""
    values = torch.rand((3, 4, 5), generator=generator()) * 7 - 3
    bent = _gamma(values, 1.5)
    assert float(bent.mean()) == pytest.approx(float(values.mean()), abs=1e-5)
    assert float(bent.std()) == pytest.approx(float(values.std()), abs=1e-5)
    assert not torch.allclose(bent, values, atol=0.05)
    torch.testing.assert_close(_gamma(values, 1.0), values)


def test_low_resolution_of_thick_slices_keeps_every_slice():
    """Values that differ by slice alone stay as they are in plane; with all axes they are mixed."""
    channel = torch.arange(6.0)[:, None, None].expand(6, 8, 8).clone()
    torch.testing.assert_close(_coarse(channel, 0.5, in_plane=True), channel)
    assert not torch.allclose(_coarse(channel, 0.5, in_plane=False), channel)
