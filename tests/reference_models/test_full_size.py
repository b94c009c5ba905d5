"""Training at the papers' size: steps of each preset on a head of 40 slices of 512 x 512.

Takes minutes and gigabytes, so it runs on demand: ``make test-full-size``.
"""

import math
import os
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from ctbench.datasets import load_dataset
from ctbench.phantom import Hemorrhage, anatomy_labels, head, hemorrhage_labels
from ctbench.volume import write_volume
from reference_models import models
from reference_models.training.engine import CHECKPOINT
from reference_models.training.run import train

pytestmark = [pytest.mark.slow, pytest.mark.full_size]

EPOCHS = 2
MOST_GIB = 16.0
"""Memory in which every training should fit on a CPU."""
DATASET = """
large:
  title: One large head
  modality: CT
  task: segmentation
  labels: {labels}
  image: "image_{{case}}.nii.gz"
  reference: "{what}_{{case}}.nii.gz"
"""
ANATOMY = {"cai-unet", "deepnat"}
STATUS = Path("/proc/self/status")


class ShortRecipe:
    """A recipe whose epochs have one training step, and one batch of validation."""

    def __init__(self, recipe):
        self.recipe = recipe

    def __getattr__(self, name):
        return getattr(self.recipe, name)

    def batches(self, rng):
        """The first batch of an epoch."""
        return islice(self.recipe.batches(rng), 1)

    def validation_batches(self):
        """The first batch of the validation cases."""
        return islice(self.recipe.validation_batches(), 1)


class ShortModel:
    """A model whose epochs are short; all else is as the preset has it."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def setup(self, *arguments):
        """The model's own setup, with the short recipe."""
        setup = self.model.setup(*arguments)
        return replace(setup, recipe=lambda *cases: ShortRecipe(setup.recipe(*cases)), illustrate=None)


@pytest.fixture(autouse=True)
def one_thread():
    """All cores instead of one: the tensors are large."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A simulated head of 40 slices of 512 x 512 with blood: two cases of a dataset of anatomy, and of hemorrhage."""
    root = tmp_path_factory.mktemp("large")
    made = head(1, shape=(40, 512, 512), hemorrhages=[Hemorrhage("iph", 40.0), Hemorrhage("sah", 20.0)])
    for case in ("training", "validation"):
        write_volume(made.image, root / f"image_{case}.nii.gz")
        write_volume(made.anatomy, root / f"anatomy_{case}.nii.gz")
        write_volume(made.hemorrhage, root / f"hemorrhage_{case}.nii.gz")
    for what, labels in (("anatomy", anatomy_labels), ("hemorrhage", hemorrhage_labels)):
        (root / f"{what}.yaml").write_text(DATASET.format(what=what, labels=dict(labels.codes)))
    return {what: load_dataset(root / f"{what}.yaml") for what in ("anatomy", "hemorrhage")}


def reset_peak():
    """Let the kernel count this process's highest memory from now on."""
    if not STATUS.is_file():
        pytest.skip("the peak of a process's memory is read from /proc, which is Linux's")
    Path("/proc/self/clear_refs").write_text("5")


def peak_gib():
    """The highest memory of this process since the reset, in GiB."""
    (line,) = (one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("cai-unet", "paper"),
        ("cascade-unet", "paper"),
        ("cascade-unet", "nnunet"),
        ("deepbleed-512", "paper"),
        ("deepbleed-128", "paper"),
        ("deepbleed-64", "paper"),
        ("deepbleed-32", "paper"),
        ("deepnat", "paper"),
        ("hybrid-mask-rcnn", "paper"),
    ],
)
def test_steps_at_full_size(large, tmp_path, name, preset):
    """Losses are numbers, memory stays below a bound, and a training that is resumed ends with the same bytes."""
    model, dataset = ShortModel(models()[name]), large["anatomy" if name in ANATOMY else "hemorrhage"]
    whole, broken_off, losses = tmp_path / "whole", tmp_path / "broken off", []

    def kept(curves, _):
        losses[:] = curves.loss
        if len(curves.loss) == 1:
            broken_off.mkdir()
            shutil.copy(whole / CHECKPOINT, broken_off)

    arguments = model, dataset, dataset.cases[:1], dataset.cases[1:]
    settings = {"preset": preset, "device": "cpu", "options": {"epochs": EPOCHS}}
    reset_peak()
    weights = train(*arguments, whole, report=kept, **settings)
    peak = peak_gib()
    print(f"{name} {preset}: {peak:.1f} GiB, losses {losses}")
    assert len(losses) == EPOCHS
    assert all(map(math.isfinite, losses))
    assert peak < MOST_GIB
    resumed = train(*arguments, broken_off, resume=True, **settings)
    assert resumed.read_bytes() == weights.read_bytes()
