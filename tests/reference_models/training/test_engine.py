from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ctbench.errors import DataError, UsageError
from reference_models.training.engine import CHECKPOINT, Curves, Schedule, fit
from reference_models.training.examples import Batch
from reference_models.training.losses import dice_loss


class Blobs:
    """Find what is bright: a convolution, dropout, and batches of chance."""

    def __init__(self, stop_at=None, spoil=False):
        self.stop_at, self.spoil = stop_at, spoil

    def network(self):
        """Make the network."""
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.2), nn.Conv2d(4, 1, 1))

    def batches(self, rng):
        """Give one epoch."""
        for _ in range(6):
            yield self._batch(rng)

    def validation_batches(self):
        """Give one batch, always the same."""
        yield self._batch(np.random.default_rng(99))

    def loss(self, logits, batch):
        """Give the Dice loss, or none."""
        return dice_loss(logits, batch.target, batch.counted) * (float("nan") if self.spoil else 1.0)

    def is_done(self, curves):
        """Stop after some epochs."""
        return self.stop_at is not None and len(curves.loss) >= self.stop_at

    def _batch(self, rng):
        image = torch.from_numpy(rng.normal(size=(2, 1, 16, 16)).astype(np.float32))
        return Batch(image, (image[:, 0] > 0.5).long(), torch.ones(2, 16, 16, dtype=torch.bool))


def run(folder, epochs=4, **options):
    """Train for some epochs on the CPU."""
    settings = options.pop("settings", {"model": "blobs"})
    recipe = options.pop("recipe", None) or Blobs()
    schedule = options.pop("schedule", None) or Schedule(0.02, epochs)
    return fit(recipe, schedule, Path(folder), settings=settings, device=torch.device("cpu"), **options)


def test_it_learns(tmp_path):
    """After twenty epochs most of what is bright is found, and the curves have one number an epoch."""
    _, curves = run(tmp_path, epochs=20)
    assert curves.soft_dice[-1] > 0.7 > curves.soft_dice[0]
    assert len(curves.loss) == len(curves.validation_loss) == len(curves.soft_dice) == len(curves.seconds) == 20


def test_a_broken_off_training_ends_with_the_same_weights(tmp_path):
    """Broken off after two epochs of four and resumed, it is bit for bit what an undisturbed one gives."""
    whole, curves = run(tmp_path / "whole")

    def break_off(so_far):
        if len(so_far.loss) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", report=break_off)
    resumed, again = run(tmp_path / "broken", resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert again.loss == curves.loss
    assert again.soft_dice == curves.soft_dice


def test_the_best_epoch_is_kept(tmp_path):
    """What comes back scores the best soft Dice of the curve, not the last."""
    network, curves = run(tmp_path, schedule=Schedule(0.5, 6))
    from reference_models.training.engine import _validate

    dice = _validate(Blobs(), network, torch.device("cpu"), "float32")[1]
    assert np.mean(dice) == pytest.approx(max(curves.soft_dice), abs=1e-6)
    assert dice == pytest.approx(curves.validation_dice[curves.best_epoch], abs=1e-6)
    assert len(curves.training_dice) == len(curves.validation_dice) == 6


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    """The message names what differs, with both values."""
    run(tmp_path, epochs=1)
    with pytest.raises(UsageError, match="model was 'blobs', now 'discs'"):
        run(tmp_path, resume=True, settings={"model": "discs"})


def test_a_damaged_checkpoint_is_refused(tmp_path):
    """It says which file, and what to do."""
    (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(UsageError, match="is no checkpoint"):
        run(tmp_path, resume=True)


def test_the_papers_rule_ends_it(tmp_path):
    """A recipe that is done after three epochs stops there."""
    _, curves = run(tmp_path, epochs=50, recipe=Blobs(stop_at=3))
    assert len(curves.loss) == 3


def test_a_loss_that_is_no_number_is_an_error(tmp_path):
    """Nothing is kept of it."""
    with pytest.raises(DataError, match="lower the learning rate"):
        run(tmp_path, recipe=Blobs(spoil=True))
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_rate_falls_to_zero_in_time():
    """Half a cosine over epochs or minutes, whichever are over first."""
    schedule = Schedule(1e-3, epochs=10, minutes=1.0, cosine=True)
    assert schedule.rate(schedule.progress(0, 0.0)) == pytest.approx(1e-3)
    assert schedule.rate(schedule.progress(5, 0.0)) == pytest.approx(5e-4)
    assert schedule.rate(schedule.progress(1, 30.0)) == pytest.approx(5e-4)
    assert schedule.progress(2, 61.0) == 1
    assert Schedule(1e-3, epochs=10).rate(0.9) == 1e-3
    annealed = Schedule(1e-3, epochs=10, patience=2)
    assert annealed.rate(0.5, [1.0, 0.9]) == 1e-3
    assert annealed.rate(0.5, [1.0, 1.1, 1.2]) == pytest.approx(1e-4)
    for falling in (schedule, Schedule(1e-3, epochs=10, minutes=1.0, poly=0.9)):
        assert falling.rate(1.02) == pytest.approx(0)  # a step after the minutes are over


def test_a_training_in_bfloat16_learns_with_weights_of_float32(tmp_path):
    """Its layers compute in bfloat16, what is kept is float32, and it ends with other weights than one in float32."""

    class Watched(Blobs):
        def network(self):
            made = super().network()
            made[0].register_forward_hook(lambda _layer, _inputs, output: seen.append(output.dtype))
            return made

    seen = []
    schedule = Schedule(0.02, 20, precision="bfloat16")
    network, curves = run(tmp_path / "mixed", schedule=schedule, recipe=Watched())
    assert set(seen) == {torch.bfloat16}
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}
    assert curves.soft_dice[-1] > 0.7 > curves.soft_dice[0]
    plain, _ = run(tmp_path / "plain", epochs=20)
    assert not torch.equal(network[0].weight, plain[0].weight)


def test_an_unknown_precision_is_refused(tmp_path):
    """Before anything is written."""
    with pytest.raises(UsageError, match="unknown precision 'half'"):
        run(tmp_path, schedule=Schedule(0.02, 1, precision="half"))
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_recipe_that_counts_its_steps_has_a_rate_for_each(tmp_path, monkeypatch):
    """Base rate times (1 - iteration / all iterations) to the power of .9, as in the paper of DeepNAT."""

    class Counted(Blobs):
        steps = 6

    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self, *more: (rates.append(self.param_groups[0]["lr"]), step(self, *more))[1]
    )
    run(tmp_path, schedule=Schedule(0.01, 2, poly=0.9), recipe=Counted())
    assert rates == pytest.approx([0.01 * (1 - iteration / 12) ** 0.9 for iteration in range(12)])


def test_the_earliest_of_equals_is_best():
    """So that resuming cannot change the choice."""
    assert Curves(soft_dice=[0.1, 0.5, 0.5], validation_loss=[0.3, 0.2, 0.2]).best_epoch == 1


def test_the_loss_chooses_where_no_validation_case_shows_anything(tmp_path, caplog):
    """The weights of the lowest validation loss are kept, not of an epoch that has hardly learnt, with one warning."""

    class Unseen(Blobs):
        def validation_batches(self):
            (batch,) = super().validation_batches()
            yield batch._replace(image=batch.image - 9, target=torch.zeros_like(batch.target))

        def loss(self, logits, batch):
            return (torch.sigmoid(logits[:, 0]) - (batch.target > 0).float()).square().mean()

    with caplog.at_level("WARNING", logger="reference_models"):
        _, curves = run(tmp_path, epochs=6, recipe=Unseen())
    assert curves.soft_dice == [0.0] * 6
    assert curves.best_epoch == int(np.argmin(curves.validation_loss)) > 0
    assert caplog.text.count("hold nothing of what is learnt") == 1


def test_the_optimizer_has_the_schedules_momentum_and_weight_decay():
    """A step of SGD from a gradient of zero shrinks a weight by rate times decay, with Nesterov's momentum."""
    layer = nn.Linear(1, 1, bias=False)
    before = float(layer.weight.detach())
    optimizer = Schedule(0.1, 1, optimizer="sgd", momentum=0.99, nesterov=True, weight_decay=0.5).optimizing(layer)
    assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (0.99, True)
    layer.weight.grad = torch.zeros_like(layer.weight)
    optimizer.step()
    assert float(layer.weight.detach()) == pytest.approx(before * (1 - 0.1 * 0.5 * 1.99))
