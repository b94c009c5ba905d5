from dataclasses import replace

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, UsageError
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import write_volume
from reference_models import find_model
from reference_models.deepbleed.predictor import DeepBleedConfiguration, DeepBleedPredictor
from reference_models.deepbleed.presets import deepbleed_plan
from reference_models.deepbleed.training import DeepBleedRecipe, deepbleed_examples, deepbleed_setup, slice_odds
from reference_models.inference.weightsfile import Weights
from reference_models.scans.space import read_template, template_digest
from reference_models.training.examples import Batch, Example
from reference_models.training.losses import binary_cross_entropy, dice_loss

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


def test_deepbleeds_cube_has_the_blood_where_the_template_has_it(tiny_reference):
    """All codes of hemorrhage are one class; what does not count is left out in template space too."""
    configuration = DeepBleedConfiguration("deepbleed-128", 64, 3.0, width=2, window_hu=(0.0, 100.0))
    (example,) = deepbleed_examples(tiny_head(), tiny_reference, (7,), configuration, read_template(None))
    assert example.image.shape == example.target.shape == example.counted.shape == (64, 64, 64)
    assert set(np.unique(example.target)) == {0, 1}
    assert not example.counted.all()
    volume_ml = np.count_nonzero(example.target) * 0.027
    expected_ml = np.count_nonzero(tiny_reference.labels == 7) * tiny_head().voxel_ml
    assert volume_ml == pytest.approx(expected_ml, rel=0.1)


def test_slices_with_blood_are_drawn_more_often():
    """In proportion to their share, if wanted plus the mean share for all; without any blood all alike."""

    def one(pixels):
        target = np.zeros((10, 10), np.uint8)
        target.flat[:pixels] = 1
        return Example(np.zeros((10, 10), np.float32), target, np.ones((10, 10), bool))

    slices = [one(0), one(10), one(20)]
    np.testing.assert_allclose(slice_odds(slices, "blood"), np.array([10, 20, 30]) / 60)
    np.testing.assert_allclose(slice_odds(slices, "paper"), np.array([0, 10, 20]) / 30)
    np.testing.assert_allclose(slice_odds([one(0), one(0)], "paper"), [0.5, 0.5])


def test_the_paper_draws_bright_voxels_more_often():
    """A voxel is drawn in proportion to the cumulative histogram: of two equal halves, the bright one 3 times of 4."""
    image = np.zeros((16, 16, 16), np.float32)
    image[4:8, 4:8, 4:12] = 0.3
    image[8:12, 4:8, 4:12] = 0.6
    head = Example(image, np.zeros(image.shape, np.uint8), np.ones(image.shape, bool))
    recipe = DeepBleedRecipe(DeepBleedConfiguration("deepbleed-64", 8, 12.0, width=2), [head], [])
    rng = np.random.default_rng(0)
    drawn = image.ravel()[[recipe._centre(head, rng) for _ in range(2000)]]
    assert set(np.unique(drawn)) == set(np.float32([0.3, 0.6]))
    assert (drawn > 0.5).mean() == pytest.approx(0.75, abs=0.04)


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
    recipe = DeepBleedRecipe(configuration, examples, examples[:2], batch_size=2, sampling="blood")
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


@pytest.mark.slow  # five brains to register
@pytest.mark.parametrize("model", ["deepbleed-512", "deepbleed-32"])
def test_deepbleed_learns_hemorrhage_alone(heads, tmp_path, model):
    """Of a dataset with other labels it takes the one of that name; the file makes a predictor."""
    options = {"epochs": 1, "width": 2, "edge": 16, "learning_rate": 1e-3}
    if model == "deepbleed-32":
        options["spacing_mm"] = 6.0
    cases = heads.split("train").cases, heads.split("validation").cases
    path = find_model(model).train(heads, *cases, tmp_path / "out", preset="demo", device="cpu", options=options)
    predictor = DeepBleedPredictor(Weights.load(path, model), "cpu")
    assert dict(predictor.info.labels) == {"hemorrhage": 1}
    assert set(np.unique(predictor.predict(heads["h5"].image()).labels)) <= {0, 1}


@pytest.fixture
def template(tmp_path):
    """File of a template of one's own: the package's, a little brighter."""
    own = read_template(None)
    write_volume(own.with_array(own.array + 1), tmp_path / "mine.nrrd")
    return tmp_path / "mine.nrrd"


def test_a_template_of_ones_own_is_part_of_the_plan(heads, template, tmp_path):
    """A checkpoint of another template is not resumed; a copy lies beside the weights, which name its digest."""
    plain = deepbleed_setup("deepbleed-64", heads, "demo", {}, 0)
    own = deepbleed_setup("deepbleed-64", heads, "demo", {"template": str(template)}, 0)
    assert plain.plan.configuration.template_digest == ""
    assert plain.plan != own.plan
    assert own.plan.configuration.template_digest == template_digest(str(template))
    assert plain.illustrate is None
    own.illustrate(tmp_path, None, None)
    assert template_digest(str(tmp_path / "template.nii.gz")) == template_digest(str(template))


def test_the_mean_of_the_training_heads_is_a_template(heads, tmp_path, caplog):
    """template=mean is made of training heads and kept beside the weights; the simulated one is used with a warning."""
    two = replace(heads, cases=heads.split("train").cases[:2])
    mean = deepbleed_setup("deepbleed-64", two, "demo", {"template": "mean"}, 0)
    mean.illustrate(tmp_path, None, None)
    assert mean.plan.configuration.template_digest == template_digest(str(tmp_path / "template.nii.gz"))
    fewer = replace(heads, cases=tuple(case for case in heads if case.split != "train"))
    with pytest.raises(DataError, match="no training head of heads shows a brain"):
        deepbleed_setup("deepbleed-64", fewer, "demo", {"template": "mean"}, 0)
    assert "mean of simulated heads" not in caplog.text
    deepbleed_setup("deepbleed-64", heads, "demo", {}, 0)
    assert "better build a template of your own, template=mean" in caplog.text


def test_the_program_that_finds_brains_is_part_of_the_plan(heads):
    """A training with other brains is another training, and the weights say how theirs were found."""
    brain = "command:synthstrip {image} {output}"
    assert deepbleed_setup("deepbleed-512", heads, "demo", {"brain": brain}, 0).plan.configuration.brain == brain


def test_the_network_of_slices_has_no_template(heads, template):
    """It was ignored without a word."""
    with pytest.raises(UsageError, match="training has no option 'template'"):
        deepbleed_setup("deepbleed-512", heads, "demo", {"template": str(template)}, 0)
    with pytest.raises(UsageError, match="no option 'template_digest'"):
        deepbleed_setup("deepbleed-64", heads, "demo", {"template_digest": "0"}, 0)
