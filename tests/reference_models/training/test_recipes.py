import numpy as np
import pytest
import torch

from ctbench.predictors.conformance import tiny_head
from ctbench.reference import Reference
from reference_models.cai_unet.network import CONFIGURATIONS
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.cai_unet.training import CaiRecipe, cai_examples
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.deepbleed.training import DeepBleedRecipe, deepbleed_examples, slice_odds
from reference_models.scans.space import read_template
from reference_models.training.examples import Batch, Example, count_classes
from reference_models.training.losses import binary_cross_entropy, dice_loss
from reference_models.training.presets import deepbleed_plan


@pytest.fixture
def reference():
    """Blood of the tiny head as code 7, ventricles as code 3; one slice excluded, one not annotated."""
    hu = tiny_head().array
    labels = np.where((hu > 55) & (hu < 90), 7, np.where((hu > -10) & (hu < 17), 3, 0))
    excluded = np.zeros(hu.shape, bool)
    excluded[3] = True
    annotated = np.ones(len(hu), bool)
    annotated[4] = False
    return Reference(np.where(excluded, 0, labels), excluded, annotated, "majority", ())


def test_cais_slices_have_class_numbers_and_leave_out_what_does_not_count(reference):
    """Codes become classes in the order given; a slice of which no voxel counts teaches nothing."""
    examples = cai_examples(tiny_head(), reference, (7, 3), CaiConfiguration(classes=3, width=2))
    assert len(examples) == len(tiny_head().array) - 2
    assert examples[0].image.shape == (48, 48)
    assert not any(example.counted[:, 40:].any() for example in examples)
    counts = count_classes(examples, 3)
    counted = ~reference.uncounted
    expected = [np.count_nonzero((reference.labels == code) & counted) for code in (0, 7, 3)]
    assert counts.tolist() == expected


@pytest.mark.parametrize("row", [3, 7])
def test_cais_epoch_shows_every_slice_once(row):
    """In batches of the row's size, shuffled by the generator alone."""
    examples = [
        Example(np.full((16, 16), index, np.float32), np.full((16, 16), index % 2, np.uint8), np.ones((16, 16), bool))
        for index in range(14)
    ]
    recipe = CaiRecipe(CaiConfiguration(classes=2, width=2), CONFIGURATIONS[row], examples, examples)
    first, again = (list(recipe.batches(np.random.default_rng(1))) for _ in range(2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert max(len(batch.image) for batch in first) == CONFIGURATIONS[row].batch_size
    assert sorted(round(float(one[0, 8, 8])) for batch in first for one in batch.image) == list(range(14))


def test_deepbleeds_cube_has_the_blood_where_the_template_has_it(reference):
    """All codes of hemorrhage are one class; what does not count is left out in template space too."""
    configuration = DeepBleedConfiguration("deepbleed-128", 64, 3.0, width=2, window_hu=(0.0, 100.0))
    (example,) = deepbleed_examples(tiny_head(), reference, (7,), configuration, read_template(None))
    assert example.image.shape == example.target.shape == example.counted.shape == (64, 64, 64)
    assert set(np.unique(example.target)) == {0, 1}
    assert not example.counted.all()
    volume_ml = np.count_nonzero(example.target) * 0.027
    expected_ml = np.count_nonzero(reference.labels == 7) * tiny_head().voxel_ml
    assert volume_ml == pytest.approx(expected_ml, rel=0.1)


def test_slices_with_blood_are_drawn_more_often():
    """In proportion to their share, plus the mean share for all; without any blood all alike."""

    def one(pixels):
        target = np.zeros((10, 10), np.uint8)
        target.flat[:pixels] = 1
        return Example(np.zeros((10, 10), np.float32), target, np.ones((10, 10), bool))

    np.testing.assert_allclose(slice_odds([one(0), one(10), one(20)]), np.array([10, 20, 30]) / 60)
    np.testing.assert_allclose(slice_odds([one(0), one(0)]), [0.5, 0.5])


@pytest.mark.parametrize(("edge", "shape"), [(16, (2, 1, 16, 16, 16)), (48, (2, 1, 48, 48, 48))])
def test_deepbleeds_batches(edge, shape):
    """Cubes are cut around blood half of the time where they are not the whole head; heads without are rarer."""
    image = np.zeros((48, 48, 48), np.float32)
    image[8:40, 8:40, 8:40] = 0.4
    target = np.zeros(image.shape, np.uint8)
    target[20:28, 20:28, 20:28] = 1
    everywhere = np.ones(image.shape, bool)
    examples = [Example(image, target, everywhere), Example(image, np.zeros_like(target), everywhere)] * 4
    configuration = DeepBleedConfiguration("deepbleed-128", edge, 4.0, width=2)
    recipe = DeepBleedRecipe(configuration, examples, examples[:2], batch_size=2)
    batches = list(recipe.batches(np.random.default_rng(0)))
    assert tuple(batches[0].image.shape) == shape
    drawn = torch.cat([batch.target.flatten(1).any(1) for batch in batches])
    assert len(drawn) < len(examples) * (1 if edge == 48 else recipe.samples)
    assert drawn.float().mean() > 0.4
    assert sum(len(batch.image) for batch in recipe.validation_batches()) == (2 if edge == 48 else 54)


def test_a_fresh_network_finds_blood_unlikely():
    """The chance is a twentieth where nothing is to be seen."""
    recipe = DeepBleedRecipe(DeepBleedConfiguration("deepbleed-128", 16, 12.0, width=2), [], [])
    chance = torch.sigmoid(recipe.network()(torch.zeros(1, 1, 16, 16, 16)))
    assert 0.03 < chance.mean() < 0.07


def test_cross_entropy_beside_the_dice_loss_is_an_option():
    """In 3D it is added with its weight; the paper's preset has none. In 2D there is nothing but cross-entropy."""
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(1, 16, 16, 16, generator=generator) < 0.1).long()
    batch = Batch(torch.zeros(1, 1, 16, 16, 16), target, torch.ones_like(target, dtype=torch.bool))
    logits = torch.randn(1, 1, 16, 16, 16, generator=generator)
    configuration = DeepBleedConfiguration("deepbleed-64", 16, 6.0, width=2)
    plain, both = (
        DeepBleedRecipe(configuration, [], [], bce_weight=weight).loss(logits, batch) for weight in (0.0, 3.0)
    )
    entropy = binary_cross_entropy(logits, batch.target, batch.counted)
    torch.testing.assert_close(plain, dice_loss(logits, batch.target, batch.counted))
    torch.testing.assert_close(both, plain + 3 * entropy)
    assert deepbleed_plan("deepbleed-64", "paper", {}).bce_weight == 0
