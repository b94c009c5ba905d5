from dataclasses import replace

import numpy as np
import pytest
import torch

from ctbench.errors import UsageError
from ctbench.predictors.conformance import tiny_head
from ctbench.reference import Reference
from reference_models.cascade_unet import MODEL
from reference_models.cascade_unet.predictor import CascadeConfiguration, CascadePredictor
from reference_models.cascade_unet.training import (
    CascadePlan,
    CascadeRecipe,
    _cut,
    cascade_example,
    cascade_setup,
)
from reference_models.inference.weightsfile import Weights
from reference_models.training.engine import Schedule
from reference_models.training.examples import Batch, Example
from reference_models.training.losses import binary_cross_entropy, dice_loss

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

SMALL = CascadeConfiguration(width=2, levels=2, patch=(4, 8, 8))


@pytest.fixture
def recipe():
    """Heads of 6 x 12 x 10 voxels, of which every other has a bright block of blood."""

    def make(**options):
        examples = []
        for number in range(4):
            target = np.zeros((6, 12, 10), np.uint8)
            target[2:5, 4:9, 3:6] = number % 2
            hu = np.where(target > 0, 65, 30).astype(np.float32) + np.arange(10, dtype=np.float32)
            examples.append(Example(hu, target, np.ones(target.shape, bool)))
        return CascadeRecipe(CascadePlan(SMALL, Schedule(0.01, 1), **options), examples, examples)

    return make


@pytest.mark.parametrize("piece", [[32, 64, 64], [16, 60, 64]])
def test_a_piece_must_fit_into_a_patch_and_the_plan(heads, piece):
    """Before any case is read."""
    with pytest.raises(UsageError, match="up to 24 x 64 x 64 that are multiples of 4 x 8 x 8"):
        cascade_setup("cascade-unet", heads, "demo", {"piece": piece}, 0)


def test_a_case_becomes_a_head_in_hu():
    """All codes of hemorrhage are one class; what is excluded, not annotated or padding does not count."""
    hu = tiny_head().array
    labels = np.where((hu > 55) & (hu < 90), 7, np.where((hu > -10) & (hu < 17), 3, 0))
    excluded = np.zeros(hu.shape, bool)
    excluded[3] = True
    reference = Reference(np.where(excluded, 0, labels), excluded, np.arange(len(hu)) != 4, "majority", ())
    example = cascade_example(tiny_head(), reference, (7,), CascadeConfiguration(patch=(16, 64, 64)))
    assert example.image.shape == example.target.shape == example.counted.shape == (16, 64, 64)
    assert np.count_nonzero(example.target) == np.count_nonzero(reference.labels == 7)
    assert example.counted.sum() < np.count_nonzero(~reference.uncounted)  # the air around the head is cut off
    assert not example.counted[len(hu) :].any()
    assert (example.image[len(hu) :] == -1000).all()


def test_an_epoch_shows_pieces_in_windows(recipe):
    """So many steps, two pieces each, three channels in 0..1; the generator alone decides which."""
    one, again = (list(recipe(steps=3).batches(np.random.default_rng(1))) for _ in range(2))
    assert [tuple(batch.image.shape) for batch in one] == [(2, 3, 4, 8, 8)] * 3
    assert all(torch.equal(a.image, b.image) for a, b in zip(one, again, strict=True))
    assert all(batch.image.min() >= 0 and batch.image.max() <= 1 for batch in one)


@pytest.mark.parametrize(("share", "low", "high"), [(1.0, 1.0, 1.0), (0.0, 0.2, 0.6)])
def test_pieces_lie_around_blood_as_often_as_asked(recipe, share, low, high):
    """All of them, or as chance has it: half of the heads have none."""
    made = recipe(around_blood=share)
    rng = np.random.default_rng(0)
    bloody = np.mean([_cut(*made._place(rng), SMALL.patch).target.any() for _ in range(200)])
    assert low <= bloody <= high


def test_validation_covers_every_head(recipe):
    """In patches side by side: two along each axis, the second at the end."""
    batches = list(recipe().validation_batches())
    assert len(batches) == 4 * 2 * 2 * 2
    bloody = sum(int(batch.target.any()) for batch in batches)
    assert bloody == 2 * 8  # the block lies in all eight patches of a head


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_the_loss_is_dice_and_cross_entropy(recipe, weight):
    """Eq. 1 of the paper, whose Dice term is ours without the constant, summed over both stages."""
    logits = torch.randn((2, 1, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    target = (logits[:, 0] > 0.5).long()
    batch = Batch(logits, target, torch.ones_like(target, dtype=torch.bool))
    p, g = torch.sigmoid(logits[:, 0]), target.float()
    dice = 1 - 2 * (p * g).sum() / (p.square().sum() + g.sum())
    entropy = -(g * p.log() + (1 - g) * (1 - p).log()).mean()
    made = recipe(bce_weight=weight)
    torch.testing.assert_close(made.loss(logits, batch), dice + weight * entropy)
    torch.testing.assert_close(
        made.loss([[logits], [-logits]], batch), made.loss(logits, batch) + made.loss(-logits, batch)
    )


def test_coarser_levels_weigh_less_and_the_coarsest_nothing(recipe):
    """Two thirds and a third; targets are taken at every other voxel."""
    rng = torch.Generator().manual_seed(0)
    levels = [torch.randn((1, 1, *sides), generator=rng) for sides in ((4, 8, 8), (4, 4, 4), (2, 2, 2))]
    target = (torch.rand((1, 4, 8, 8), generator=rng) > 0.7).long()
    batch = Batch(levels[0], target, torch.ones_like(target, dtype=torch.bool))

    def alone(logits, target):
        counted = torch.ones_like(target, dtype=torch.bool)
        return dice_loss(logits, target, counted) + binary_cross_entropy(logits, target, counted)

    expected = (2 * alone(levels[0], target) + alone(levels[1], target[:, :, ::2, ::2])) / 3
    torch.testing.assert_close(recipe().loss([levels], batch), expected)


@pytest.mark.parametrize("options", [{}, {"deep_supervision": True, "second_input": "image_and_probability"}])
def test_training_makes_a_predictor(heads, tmp_path, options):
    """Of a dataset with other labels it takes hemorrhage; the file says how the networks are made."""
    small = {"width": 2, "patch": [8, 48, 48], "piece": [4, 16, 16], "spacing_mm": None, "steps": 2, "epochs": 2}
    cases = heads.split("train").cases, heads.split("validation").cases
    path = MODEL.train(heads, *cases, tmp_path / "out", preset="demo", device="cpu", options={**small, **options})
    predictor = CascadePredictor(Weights.load(path, "cascade-unet"), "cpu")
    assert dict(predictor.info.labels) == {"hemorrhage": 1}
    assert predictor.configuration.deep_supervision == bool(options)
    image = heads["h5"].image()
    assert predictor.predict(image).labels.shape == image.shape


def test_mirrored_axes_are_mirrored_in_training(recipe):
    """A rising ramp along z falls in about half of the batches, and in none where z is not mirrored."""

    def falling(mirrored):
        made = recipe(steps=24, around_blood=0.0)
        plan = replace(made.plan, configuration=replace(SMALL, mirrored=mirrored, windows_hu=((0.0, 100.0),)))
        ramp = np.broadcast_to(np.arange(20, 80, 10, dtype=np.float32)[:, None, None], (6, 12, 10))
        examples = [replace(one, image=ramp) for one in made.training]
        batches = CascadeRecipe(plan, examples, []).batches(np.random.default_rng(0))
        return sum(float(batch.image[:, 0, 0].mean()) > float(batch.image[:, 0, -1].mean()) for batch in batches)

    assert falling("") == 0
    assert 6 <= falling("z") <= 18


def test_the_preset_nnunet_trains(heads, tmp_path):
    """Its weights file holds how patches are weighted and mirrored, and the predictor uses both."""
    small = {"width": 2, "patch": [8, 16, 16], "spacing_mm": [10, 4, 4], "levels": 2, "steps": 2, "epochs": 1}
    cases = heads.split("train").cases, heads.split("validation").cases
    path = MODEL.train(heads, *cases, tmp_path / "out", preset="nnunet", device="cpu", options=small)
    predictor = CascadePredictor(Weights.load(path, "cascade-unet"), "cpu")
    assert (predictor.info.parameters["tile_weights"], predictor.info.parameters["mirrored"]) == ("gaussian", "zyx")
    image = heads["h5"].image()
    assert predictor.predict(image).labels.shape == image.shape


def test_nnunets_augmentation_acts_on_what_the_network_sees(recipe):
    """HU are scaled before intensities change and not again in training; in prediction the network scales them."""
    made = recipe(augmentation="nnunet", steps=4)
    one = CascadeRecipe(replace(made.plan, configuration=replace(SMALL, windows_hu=None)), made.training, [])
    network = one.network().train()
    first, again = (list(one.batches(np.random.default_rng(1))) for _ in range(2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    images = torch.cat([batch.image for batch in first])
    assert images.shape == (8, 1, *SMALL.patch)
    assert images.abs().max() < 10  # z-scores
    assert torch.equal(network.scale(images), images)
    hu = torch.tensor([30.0, 65.0])
    assert torch.equal(network.eval().scale(hu), network.scale.scaled(hu))
    windows = torch.cat([batch.image for batch in made.batches(np.random.default_rng(1))])
    assert windows.shape == (8, 3, *SMALL.patch)


def test_it_learns_what_is_bright(recipe):
    """After a hundred steps most of the blood is found, by the second stage, from the probability alone."""
    made = recipe(steps=100, around_blood=0.5)
    torch.manual_seed(0)
    network = made.network()
    optimizer = Schedule(0.01, 1).optimizing(network)
    for batch in made.batches(np.random.default_rng(0)):
        optimizer.zero_grad()
        made.loss(network.train()(batch.image), batch).backward()
        optimizer.step()
    network.eval()
    found = [torch.sigmoid(network(batch.image))[:, 0] > 0.5 for batch in made.validation_batches()]
    true = [batch.target > 0 for batch in made.validation_batches()]
    overlap = sum(int((a & b).sum()) for a, b in zip(found, true, strict=True))
    assert 2 * overlap / sum(int(a.sum() + b.sum()) for a, b in zip(found, true, strict=True)) > 0.8


def test_one_channel_is_scaled_by_the_blood_of_the_training_heads(recipe):
    """nnU-Net's rule for CT: percentiles and z-score of the foreground, so that blood and brain differ by much."""
    made = recipe()
    one = CascadeRecipe(replace(made.plan, configuration=replace(SMALL, windows_hu=None)), made.training, [])
    network = one.network()
    blood = np.concatenate([example.image[example.target > 0] for example in made.training])
    assert float(network.scale.mean) == pytest.approx(blood.mean())
    assert float(network.scale.sd) == pytest.approx(max(blood.std(), 1.0))
    assert (float(network.scale.low), float(network.scale.high)) == (blood.min(), blood.max())
    (batch,) = [next(one.batches(np.random.default_rng(0)))]
    assert batch.image.shape[1] == 1
    assert batch.image.max() > 60  # HU: what is stored with the weights does the scaling
    assert "scale.mean" in network.state_dict()
    bare = [replace(example, target=np.zeros_like(example.target)) for example in made.training]
    with pytest.raises(UsageError, match="none holds any"):
        CascadeRecipe(one.plan, bare, []).network()
