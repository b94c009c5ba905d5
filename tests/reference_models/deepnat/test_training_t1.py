"""DeepNAT on T1: one real subject, which shows that the machinery fits it and no more; OASIS as the catalogue says."""

import json

import numpy as np
import pytest
from scipy import ndimage

from ctbench.datasets import load_dataset
from ctbench.metrics import score
from ctbench.runs import open_run
from ctbench.volume import Volume, read_volume, write_volume
from reference_models.deepnat import MODEL
from reference_models.deepnat.predictor import deepnat
from reference_models.deepnat.presets import GRAY_AND_WHITE_MATTER

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
        "epochs": 3,
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


CODES = {"cortex": 132, "white": 44, "caudate": 36, "hippocampus": 47, "csf": 46}
"""Codes of Neuromorphometrics in the right half of a made-up brain; those of the left half are one higher."""


@pytest.fixture
def oasis(tmp_path, monkeypatch):
    """Four made-up brains in the layout of the challenge: nested balls of tissue, in two halves, with a case table."""
    root = tmp_path / "data" / "oasis-multiatlas"
    z, y, x = np.ogrid[-12:13, -14:15, -12:13]
    for number, case in enumerate(("1000_3", "1001_3", "1002_3", "1003_3")):
        radius = np.sqrt((z / 11) ** 2 + (y / 13) ** 2 + (x / (10 + number / 2)) ** 2)
        tissue = np.select([radius < 0.3, radius < 0.7, radius < 0.9, radius < 1], [3, 2, 1, 5], 0)
        tissue[(tissue == 2) & (np.abs(y) < 3)] = 4
        level = np.array([0, 70, 110, 60, 80, 30])[tissue] * np.exp(0.2 * z / 12)
        codes = np.array([0, *CODES.values()])[[0, 1, 2, 3, 4, 5]][tissue] + ((x > 0) & (tissue > 0) & (tissue < 5))
        noise = np.random.default_rng(number).normal(0, 2, level.shape)
        for folder, end, array in (
            ("training-images", "", np.where(tissue, level + noise, 0).astype(np.float32)),
            ("training-labels", "_glm", codes.astype(np.int16)),
        ):
            write_volume(Volume(array, (5.0, 5.0, 5.0)), root / folder / f"{case}{end}.nii.gz")
    (root / "cases.csv").write_text(
        "case,split\n1000_3,train\n1001_3,train\n1002_3,validation\n1003_3,test\n", encoding="utf-8"
    )
    monkeypatch.setenv("CTBENCH_DATA", str(tmp_path / "data"))
    return root


SMALL = (
    *("spacing_mm=5", "spectral_mm=5", "widths=[4,4,4]", "hidden=[16,16]", "block=[6,6,6]"),
    *("blocks=16", "epochs=1", "validated=500", "batch_size=4"),
)


@pytest.mark.slow  # a training and a process of its own for the predictor
def test_oasis_works_as_the_catalogue_says(ctbench, oasis, tmp_path):
    """Training by the catalogue's name, a scored run, the paper's tables; cortical codes are one structure a side."""
    dataset = load_dataset("oasis-multiatlas")
    assert len(dataset.labels) == 25
    found = np.unique(dataset["1003_3"].reference().array)
    assert found.tolist() == [0, 36, 37, 44, 45, 47, 48, 100, 101]
    options = [word for option in SMALL for word in ("-o", option)]
    out = tmp_path / "trained"
    result = ctbench("train", "deepnat", "-d", "oasis-multiatlas", "--preset", "demo", *options, "--out", out)
    assert result.exit_code == 0, result.err
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert card["plan"]["configuration"]["modality"] == "t1"
    assert card["plan"]["doubled"] == list(GRAY_AND_WHITE_MATTER)
    made = {"eigenfunctions.png", "filters.png", "task-accuracies.png", "task-accuracies.csv"}
    assert made <= {path.name for path in out.iterdir()}
    lines = (out / "task-accuracies.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 7
    assert all(0 <= float(line.rsplit(",", 1)[1]) <= 1 for line in lines[1:])
    weights = ("-o", f"weights={out / 'weights.safetensors'}", "--device", "cpu", "--split", "test", "-j", 1)
    metrics = ("--metric", "dice", "--metric", "reference_volume_ml")
    result = ctbench("run", "deepnat", "-d", "oasis-multiatlas", *weights, *metrics, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.err
    run = open_run(tmp_path / "run")
    assert run.manifest.rater == "deepnat"
    assert set(run.scores["label"]) == {*dataset.labels}
    assert not set(run.scores["status"]) & {"failed", "missing", "unsupported"}
    result = ctbench("paper", "wachinger2018", tmp_path / "run", "--out", tmp_path / "paper")
    assert result.exit_code == 0, result.err
    assert (tmp_path / "paper" / "index.html").is_file()


def test_a_t1_of_a_whole_head_is_refused(ctbench, oasis, tmp_path):
    """The trainer stops at the first image that is not skull-stripped, with one line that says what to do."""
    path = oasis / "training-images" / "1000_3.nii.gz"
    image = read_volume(path)
    write_volume(image.with_array(image.array + 1), path)
    result = ctbench("train", "deepnat", "-d", "oasis-multiatlas", "--out", tmp_path / "t", "--preset", "demo")
    assert result.exit_code == 2
    assert "1000_3" in result.err
    assert "skull-stripped" in result.err
    assert "Traceback" not in result.err


def test_a_dataset_without_labels_is_refused(ctbench, oasis, tmp_path):
    """A label set must be listed before anything can be learnt, and labels that are doubled must be in it."""
    train = ("train", "deepnat", "-d", "oasis-multiatlas", "--out", tmp_path / "t", "--preset", "demo")
    result = ctbench(*train, "-o", "doubled=[white]")
    assert result.exit_code == 2
    assert "doubled" in result.err
    bare = YAML.replace(YAML[YAML.index("  labels") : YAML.index("  image")], "").replace("colin", "bare")
    (oasis / "bare.yaml").write_text(bare.replace("readers/{reader}", "labels").replace("readers", "reference"))
    (oasis / "cases.csv").write_text("case,split\na,train\nb,validation\n")
    for case in "ab":
        for folder in ("images", "labels"):
            write_volume(Volume(np.eye(3, dtype=np.int16)[None], (5.0, 5.0, 5.0)), oasis / folder / f"{case}.nii.gz")
    result = ctbench("train", "deepnat", "-d", oasis / "bare.yaml", "--out", tmp_path / "u")
    assert result.exit_code == 2
    assert "lists no labels" in result.err
