"""How the hybrid Mask R-CNN is trained."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ctbench.consensus import fuse
from ctbench.errors import UsageError
from ctbench.predictors.conformance import tiny_head
from ctbench.reference import Reference
from reference_models.hybrid_mask_rcnn import MODEL
from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration, hybrid_mask_rcnn
from reference_models.hybrid_mask_rcnn.presets import chang_plan
from reference_models.hybrid_mask_rcnn.training import ChangRecipe, chang_head, chang_setup, slabs_of
from reference_models.training.engine import Curves

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

SMALL = {
    "edge": 32,
    "widths": [4, 4, 8, 8, 8],
    "pyramid": 8,
    "hidden": 16,
    "proposals": 20,
    "epochs": 2,
    "learning_rate": 0.01,
}


@pytest.fixture
def reference():
    """Blood of the tiny head as code 7, ventricles as code 3; the last two slices are excluded."""
    hu = tiny_head().array
    labels = np.where((hu > 55) & (hu < 90), 7, np.where((hu > -10) & (hu < 17), 3, 0))
    excluded = np.zeros(hu.shape, bool)
    excluded[-2:] = True
    return Reference(np.where(excluded, 0, labels), excluded, np.ones(len(hu), bool), "majority", ())


@pytest.fixture
def recipe(reference):
    """The recipe of one head on a coarse grid, in slabs of three."""
    plan = chang_plan("demo", ("blood", "csf"), {**SMALL, "slab": 3})
    examples = slabs_of(chang_head(tiny_head(), reference, ((7,), (3,)), plan.configuration), plan.slab)
    return ChangRecipe(plan, examples, examples)


def test_the_paper_stops_after_the_last_plateau(recipe):
    """Two annealings of the learning rate, then no more; the demo goes on to its last epoch."""
    paper = ChangRecipe(chang_plan("paper", (), {"patience": 2}), recipe.training, recipe.validation)
    curves = Curves(loss=[1.0, *[1.1] * 5])
    assert not paper.is_done(curves)
    curves.loss.append(1.1)
    assert paper.is_done(curves)
    assert not recipe.is_done(curves)


def test_slabs_hold_two_more_slices_at_either_end(reference):
    """Of eight slices in threes: the last is repeated until the third slab is full; codes become classes."""
    configuration = ChangConfiguration(edge=64)
    examples = slabs_of(chang_head(tiny_head(), reference, ((7,), (3,)), configuration), 3)
    assert [example.image.shape for example in examples] == [(7, 64, 64)] * 2
    _, slices = configuration.slices(tiny_head())
    assert np.array_equal(examples[1].image, slices[3:10])
    assert examples[1].target.shape == examples[1].counted.shape == (3, 64, 64)
    assert set(np.unique([example.target for example in examples])) == {0, 1, 2}
    full = Reference(reference.labels, reference.excluded & False, reference.annotated, "majority", ())
    last = slabs_of(chang_head(tiny_head(), full, ((7,), (3,)), configuration), 3)[-1]
    assert np.array_equal(last.image[-1], slices[-1])
    assert np.array_equal(last.target[1], last.target[2])


def test_half_of_the_slabs_have_hemorrhage(recipe):
    """However rare they are among all slabs."""
    empty = [type(one)(one.image, one.target * 0, one.counted) for one in recipe.training * 30]
    rare = ChangRecipe(recipe.plan, [recipe.training[0], *empty], recipe.validation)
    shown = [bool(target.any()) for batch in rare.batches(np.random.default_rng(0)) for target in batch.target]
    assert len(shown) == len(rare.training)
    assert 0.3 < np.mean(shown) < 0.7


def test_an_epoch_has_as_many_steps_as_the_plan_says(recipe):
    """The paper's cohort has half a million slices, which no epoch should show before anything is validated."""
    recipe.plan = replace(recipe.plan, steps=5)
    sizes = [len(batch.image) for batch in recipe.batches(np.random.default_rng(0))]
    assert sizes == [recipe.plan.batch_size] * 5


def test_slabs_are_the_same_from_disk(heads):
    """Slices that are kept in a file give the same slabs as those in memory."""
    plain, disk = (
        chang_setup("", heads, "demo", {**SMALL, "on_disk": wanted}, 0).recipe(*_cases(heads))
        for wanted in (False, True)
    )
    for name in ("training", "validation"):
        for one, other in zip(getattr(plain, name), getattr(disk, name), strict=True):
            for part in ("image", "target", "counted"):
                np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    assert not disk.training[0].image.flags.writeable


def _cases(heads):
    return (
        ((case, fuse(case.label_maps().arrays)) for case in heads.split(name).cases) for name in ("train", "validation")
    )


def test_target_and_image_move_together(recipe):
    """After augmentation the bright blood lies under its target, and not under the target's mirror image."""
    batch = next(iter(recipe.batches(np.random.default_rng(3))))
    inner, blood = batch.image[:, 2:-2], batch.target == 1
    assert blood.any()
    assert inner[blood].mean() > inner[blood.flip(-1)].mean() + 0.5


def test_validating_gives_one_logit_a_pixel(recipe):
    """The loop around it sees a segmentation network, and the mean of its loss is a number."""
    network = recipe.network().eval()
    for batch in recipe.validation_batches():
        with torch.no_grad():
            logits = network(batch.image)
        assert logits.shape == (len(batch.target), 1, 32, 32)
        assert torch.isfinite(recipe.loss(logits, batch))


def test_squared_weights_are_in_the_loss(recipe):
    """With a factor of zero the loss lacks them; biases and normalisation are not in them."""
    network, batch = recipe.network(), next(iter(recipe.batches(np.random.default_rng(0))))
    torch.manual_seed(0)
    losses = []
    for decay in (0.0, 1e-2):
        recipe.plan = type(recipe.plan)(**{**vars(recipe.plan), "decay": decay})
        torch.manual_seed(1)
        losses.append(float(recipe.loss(network(batch.image), batch).detach()))
    squares = sum(
        float(layer.weight.detach().square().sum())
        for layer in network.modules()
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.ConvTranspose2d, torch.nn.Linear))
    )
    assert losses[1] - losses[0] == pytest.approx(1e-2 * squares, rel=1e-3)


def test_the_labels_that_are_learnt(heads, blobs):
    """A label called hemorrhage is the one class; without one, all labels are, or types of it."""
    assert dict(chang_setup("", heads, "demo", {}, 0).labels.codes) == {"hemorrhage": 1}
    typed = chang_setup("", blobs, "demo", {}, 0)
    assert dict(typed.labels.codes) == {"iph": 1, "ivh": 2}
    assert typed.plan.configuration.types == ("iph", "ivh")
    assert chang_setup("", blobs, "paper", {}, 0).plan.configuration.types == ()
    with pytest.raises(UsageError, match="no types of hemorrhage"):
        chang_setup("", heads, "demo", {"types": True}, 0)


def test_training_ends_in_weights_that_predict(heads, tmp_path):
    """And a training that was broken off ends with the same bytes."""
    splits = heads.split("train").cases, heads.split("validation").cases
    options = {**SMALL, "slab": 4}
    whole = MODEL.train(heads, *splits, tmp_path / "whole", preset="demo", device="cpu", options=options)
    image = heads["h5"].image()
    predictor = hybrid_mask_rcnn(weights=str(whole), device="cpu")
    assert predictor.predict(image).labels.shape == image.shape
    assert predictor.configuration == ChangConfiguration.read(asdict(predictor.configuration))

    def kill(curves, _):
        if len(curves.loss) == 1:
            raise KeyboardInterrupt

    arguments = (heads, *splits, tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        MODEL.train(*arguments, preset="demo", device="cpu", options=options, report=kill)
    resumed = MODEL.train(*arguments, preset="demo", device="cpu", options=options, resume=True)
    assert resumed.read_bytes() == whole.read_bytes()
