"""DeepNAT on a real T1: one subject, so it shows that the machinery fits it and no more."""

import numpy as np
import pytest
from scipy import ndimage

from ctbench.datasets import load_dataset
from ctbench.metrics import score
from ctbench.volume import Volume, read_volume, write_volume
from reference_models.deepnat import MODEL
from reference_models.deepnat.predictor import deepnat

# The same brain is learnt, validated and segmented: its coordinates are tested in test_spectral.py.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

LOBES = {"frontal": 28, "limbic": 42, "occipital": 56, "parietal": 70, "deep": 78, "temporal": 90, "cerebellar": 116}
"""Last code of each group of AAL; odd codes are left, even ones right, and those above 108 neither."""
NAMES = [f"{lobe}_{side}" for lobe in LOBES for side in ("left", "right")]
STEP = 5

YAML = f"""
colin:
  title: One brain
  modality: MR
  task: segmentation
  labels: {{{", ".join(f"{name}: {code}" for code, name in enumerate(NAMES, start=1))}}}
  image: images/{{case}}.nii.gz
  readers: readers/{{reader}}/{{case}}.nii.gz
  cases: cases.csv
"""


@pytest.fixture
def colin(real_data, tmp_path):
    """Colin27 at 5 mm, stripped by what AAL covers, with AAL merged into 14 structures, as two cases."""
    t1, aal = (read_volume(real_data / "t1" / f"colin27_{name}.nii.gz") for name in ("t1", "aal"))
    brain = ndimage.binary_closing(aal.array > 0, iterations=4)
    lobe = np.searchsorted(list(LOBES.values()), aal.array)
    merged = np.where(aal.array > 0, 2 * lobe + 1 + (aal.array % 2 == 0), 0)
    thinned = (slice(STEP // 2, None, STEP),) * 3
    spacing = tuple(STEP * mm for mm in t1.spacing_mm)
    for case in ("a", "b"):
        for folder, array in (
            ("images", np.where(brain, t1.array, 0).astype(np.float32)),
            ("readers/aal", merged.astype(np.uint8)),
        ):
            volume = Volume(array[thinned], spacing, t1.origin_mm, t1.direction)
            write_volume(volume, tmp_path / folder / f"{case}.nii.gz")
    (tmp_path / "cases.csv").write_text("case,split\na,train\nb,validation\n")
    (tmp_path / "colin.yaml").write_text(YAML)
    return load_dataset(tmp_path / "colin.yaml")


@pytest.mark.slow  # half a minute of training
def test_a_t1_is_learnt(colin, tmp_path):
    """After a short training the same brain is segmented with a mean Dice of 0.5, which needs its coordinates."""
    options = {
        "modality": "t1",
        "spacing_mm": STEP,
        "spectral_mm": 2 * STEP,
        "block": [6, 6, 6],
        "blocks": 120,
        "epochs": 4,
        "validated": 1000,
        "learning_rate": 0.01,
        "batch_size": 4,
    }
    cases = colin.split("train").cases, colin.split("validation").cases
    weights = MODEL.train(colin, *cases, tmp_path / "out", preset="demo", device="cpu", options=options)
    image, wanted = colin["a"].image(), colin["a"].reader("aal")
    found = deepnat(weights=str(weights), device="cpu").predict(image).labels
    rows = score(wanted.array, found, spacing_mm=image.spacing_mm, labels=dict(colin.labels.codes), metrics=["dice"])
    assert rows["value"].mean() > 0.5
    assert not found[image.array == 0].any()
