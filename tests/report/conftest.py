"""A made-up comparison with every status: three readers, two models, twelve cases, eleven labels and two groups."""

import json
import os
import shutil
from dataclasses import replace
from itertools import count, product

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from ctbench.boards import open_board
from ctbench.datasets import Case, Dataset
from ctbench.datasets.entry import Entry
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.report import build_report
from ctbench.report.frames.comparable_runs import comparable_runs, gather
from ctbench.runs import Manifest, UsedPredictor, open_run
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import write_frame
from ctbench.runs.manifest import SCHEMA_VERSION
from ctbench.scores import SCORE_COLUMNS
from ctbench.volume import Volume, write_volume

_STRUCTURES = (
    *("brainstem_cerebrum", "subarachnoid_space", "dural_folds_sinuses", "septum_pellucidum", "cerebellum", "caudate"),
    *("lentiform", "insular_cortex", "internal_capsule", "ventricles", "central_sulcus"),
)
LABELS = {name: code for code, name in enumerate(_STRUCTURES, start=1)}
GROUPS = {
    "csf": ("subarachnoid_space", "central_sulcus"),
    "ventricles_all": ("ventricles", "septum_pellucidum"),
}
VOLUMES_ML = (847, 246, 28, 1.9, 144, 6.4, 12, 7.8, 9.0, 57, 9.9, 256, 59)
READERS = ("reader1", "reader2", "reader3")
CASES = tuple(f"case{number:02d}" for number in range(1, 13))
METRICS = {
    "dice": "1",
    "hd95": "mm",
    "nsd": "1",
    "volume_ml": "mL",
    "reference_volume_ml": "mL",
    "volume_difference_absolute_ml": "mL",
}
DIAGONAL_MM = 300.0
VOLUMES = ("volume_ml", "reference_volume_ml", "volume_difference_absolute_ml")
FALSE_ALARM_ML = 3.0
"""What atlas draws of the septum in the case in which nobody else sees one."""
QUALITY = {"reader1": 0.03, "reader2": 0.05, "reader3": 0.09, "unet": 0.06, "atlas": 0.16}


def _values(generator, error, volume_ml):
    dice = float(np.clip(1 - error * generator.uniform(0.5, 1.5), 0, 1))
    reference = volume_ml * generator.uniform(0.8, 1.2)
    measured = reference * (1 + error * generator.normal(0.2, 0.6))
    return {
        "dice": dice,
        "hd95": 60 * error * generator.uniform(0.5, 2),
        "nsd": float(np.clip(1 - 1.6 * error * generator.uniform(0.3, 1.5), 0, 1)),
        "volume_ml": measured,
        "reference_volume_ml": reference,
        "volume_difference_absolute_ml": abs(measured - reference),
    }


def _status(rater, case, label):
    """Give the statuses that need showing: (status, values that differ, sentence)."""
    if label == "central_sulcus" and case == "case05":
        return "not_assessed", dict.fromkeys(METRICS), ""
    if rater == "atlas" and label == "insular_cortex":
        return "unsupported", dict.fromkeys(METRICS), ""
    if rater == "atlas" and case == "case11":
        worst = {"dice": 0.0, "hd95": DIAGONAL_MM, "nsd": 0.0, "volume_ml": None}
        return "failed", worst, "RuntimeError: <b>no</b> brain found & gave up"
    if rater == "unet" and label == "septum_pellucidum" and case == "case03":
        return "prediction_empty", {"dice": 0.0, "hd95": DIAGONAL_MM, "nsd": 0.0, "volume_ml": 0.0}, "drew nothing"
    if label == "septum_pellucidum" and case == "case07":
        empty = dict.fromkeys(VOLUMES, 0.0)
        if rater == "atlas":  # a false alarm
            drawn = dict.fromkeys(("volume_ml", "volume_difference_absolute_ml"), FALSE_ALARM_ML)
            return "reference_empty", {"dice": 0.0, "hd95": DIAGONAL_MM, "nsd": 0.0} | empty | drawn, ""
        return "both_empty", dict.fromkeys(("dice", "hd95", "nsd")) | empty, ""
    return "ok", {}, ""


def make_scores(*, dataset="toy", raters=tuple(QUALITY), cases=CASES, seed=7):
    """Give tidy scores; readers stand on the common reference and on the one without them, models on all."""
    rows = []
    for rater, case, (label, volume_ml) in product(raters, cases, zip((*LABELS, *GROUPS), VOLUMES_ML, strict=True)):
        reader = rater in READERS
        without = [rater] if reader else READERS
        for reference in ("majority", *(f"majority-without-{name}" for name in without)):
            generator = np.random.default_rng([seed, *f"{rater}{case}{label}{reference}".encode()])
            error = QUALITY[rater] * (1 if volume_ml > 20 else 2) * (0.6 if reader and reference == "majority" else 1)
            status, other, detail = _status(rater, case, label)
            values = _values(generator, error, volume_ml) | other
            kind = "reader" if reader else "model"
            rows += [
                (dataset, case, rater, kind, reference, label, metric, values[metric], unit, status, detail)
                for metric, unit in METRICS.items()
            ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS).astype({"value": float})


def _unsupported(scores, rater):
    """Return the structures that a model does not claim, which its manifest has to name."""
    own = scores[(scores["rater"] == rater) & (scores["status"] == "unsupported")]
    return tuple(name for name in (*LABELS, *GROUPS) if name in set(own["label"]))


def _manifest(scores, rater, **changes):
    card = None
    if rater != "readers":
        info = PredictorInfo(
            name=rater,
            version="1.0",
            labels=LabelSet(LABELS),
            description=f"A made-up {rater}.",
            paper="Nobody et al., Nowhere 2020",
            licence="Apache-2.0",
            training_datasets=("toy",) if rater == "atlas" else (),
        )
        card = UsedPredictor.of(info, rater, {})
    fields = {
        "schema_version": SCHEMA_VERSION,
        "dataset": str(scores["dataset"].iloc[0]),
        "dataset_fingerprint": "f" * 64,
        "split": "test",
        "cases": tuple(sorted(scores["case"].unique())),
        "rater": rater,
        "rater_kind": "reader" if card is None else "model",
        "predictor": card,
        "labels": LABELS,
        "groups": GROUPS,
        "unsupported": _unsupported(scores, rater),
        "consensus": "majority",
        "surface": "3d",
        "tolerance_mm": 1.0,
        "metrics": dict.fromkeys(METRICS, 1),
        "versions": {"python": "3.11", "ctbench": "0.1.0"},
    }
    return Manifest(**fields | changes)


def make_run(folder, scores, rater, predictions=None, **changes):
    """Write a run folder with given scores and predictions, and open it."""
    paths = RunFolder(folder)
    folder.mkdir(parents=True)
    manifest = _manifest(scores, rater, **changes)
    own = scores[scores["rater_kind"] == "reader"] if rater == "readers" else scores[scores["rater"] == rater]
    write_frame(own.reset_index(drop=True), paths.scores)
    times = pd.DataFrame({"case": manifest.cases, "phase": "predict", "seconds": 1.5})
    write_frame(times, paths.times)
    paths.manifest.write_text(manifest.to_json(), encoding="utf-8")
    for case, volume in (predictions or {}).items():
        write_volume(volume, paths.prediction(case))
    return open_run(folder)


def _head(generator):
    """Give a small head in HU and its label map: nested shells and blobs, enough to draw."""
    z, y, x = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 48), np.linspace(-1, 1, 40), indexing="ij")
    radius = np.sqrt(z**2 * 0.7 + (y / 0.95) ** 2 + (x / 0.85) ** 2)
    image = np.where(radius < 1, np.where(radius > 0.88, 900, 35), -1000) + generator.normal(0, 4, radius.shape)
    labels = np.where(radius < 0.85, 1, 0) + np.where((radius < 0.88) & (radius >= 0.85), 2, 0)
    for code in range(3, 12):
        angle = code * 2.3
        spot = (y - 0.5 * np.sin(angle)) ** 2 + (x - 0.45 * np.cos(angle)) ** 2 + z**2
        labels[spot < 0.03 + 0.004 * code] = code
    return image.astype(np.int16), labels.astype(np.uint8)


def _moved(labels, generator):
    return np.roll(labels, generator.integers(-2, 3, size=2), axis=(1, 2))


SPACING_MM = (5.0, 1.0, 1.0)


@pytest.fixture(scope="session")
def scores():
    """Tidy scores of the made-up comparison."""
    return make_scores()


@pytest.fixture(scope="session")
def write_run():
    """Write and open a run folder with given scores: folder, scores, rater."""
    return make_run


@pytest.fixture(scope="session")
def label_codes():
    """Name -> code of the made-up labels."""
    return dict(LABELS)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """The made-up dataset on disk."""
    folder = tmp_path_factory.mktemp("toy")
    labels = LabelSet(LABELS, GROUPS)
    cases = []
    for number, name in enumerate(CASES):
        generator = np.random.default_rng(number)
        image, drawn = _head(generator)
        write_volume(Volume(image, SPACING_MM), folder / f"{name}.nii.gz")
        paths = {reader: folder / f"{name}_{reader}.nii.gz" for reader in READERS}
        for path in paths.values():
            write_volume(Volume(_moved(drawn, generator), SPACING_MM), path)
        image_path = folder / f"{name}.nii.gz"
        cases.append(Case(id=name, dataset="toy", labels=labels, image_path=image_path, reader_paths=paths))
    entry = Entry(title="A made-up <dataset>", modality="CT", task="segmentation", labels=LABELS, groups=GROUPS)
    return Dataset("toy", entry, folder, tuple(cases))


@pytest.fixture(scope="session")
def runs(tmp_path_factory, scores, dataset):
    """Runs of the readers and of both models."""
    folder = tmp_path_factory.mktemp("runs")
    generator = np.random.default_rng(3)
    made = [make_run(folder / "readers", scores, "readers")]
    for model in ("unet", "atlas"):
        predictions = {
            case.id: Volume(_moved(case.reader("reader1").array, generator), SPACING_MM)
            for case in dataset
            if (model, case.id) != ("atlas", "case11")
        }
        made.append(make_run(folder / model, scores, model, predictions))
    return tuple(made)


@pytest.fixture(scope="session")
def results(runs):
    """The runs, gathered."""
    (gathered,) = gather(runs)
    return gathered


SMALL = {"caudate": 6, "ventricles": 10}


def make_small(folder, *, raters=("reader1", "reader2", "reader3", "unet"), edit=lambda scores: scores, **changes):
    """Write runs on six cases and two labels, quick to report; ``edit`` may change the scores."""
    scores = make_scores(raters=raters, cases=CASES[:6])
    scores = edit(scores[scores["label"].isin(SMALL)])
    changes = {"labels": SMALL, "groups": {}} | changes
    names = list(dict.fromkeys(scores.loc[scores["rater_kind"] == "model", "rater"]))
    names += ["readers"] if scores["rater_kind"].eq("reader").any() else []
    return [make_run(folder / f"run{index}", scores, name, **changes) for index, name in enumerate(names)]


@pytest.fixture
def with_demo_atlas(runs, tmp_path):
    """The made-up comparison, of which the model atlas learnt on simulated heads alone."""
    folder = tmp_path / "runs"
    shutil.copytree(runs[0].folder.parent, folder)
    (atlas,) = (run for run in runs if run.manifest.rater == "atlas")
    card = atlas.manifest.predictor
    demo = card.model_copy(update={"info": replace(card.info, phantoms_only=True)})
    told = atlas.manifest.model_copy(update={"predictor": demo})
    (folder / atlas.folder.name / "run.json").write_text(told.to_json(), encoding="utf-8")
    (found,) = comparable_runs(open_board(folder), "toy")
    return found


@pytest.fixture(scope="session")
def make_small_runs():
    """Make small runs in a folder, of a choice of raters, with edited scores and manifests."""
    return make_small


@pytest.fixture
def small_runs(tmp_path):
    """Make small runs as ``make_small_runs`` does; each call has its own folder."""
    number = count()
    return lambda **choices: make_small(tmp_path / f"runs{next(number)}", **choices)


@pytest.fixture(scope="session")
def html(tmp_path_factory, runs, dataset):
    """The whole page of the made-up comparison; the processes of one test run share it."""
    session = tmp_path_factory.getbasetemp()
    path = (session.parent if "PYTEST_XDIST_WORKER" in os.environ else session) / "toy-report.html"
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            build_report(runs, path, datasets={"toy": dataset}, command="ctbench demo")
    return path.read_text(encoding="utf-8")


BLEEDS = {
    "a": {"iph": 30.0},
    "b": {"iph": 10.0},
    "c": {"iph": 2.0, "sah": 1.0},
    "d": {"sah": 0.005},
    **{case: {} for case in "efgh"},
}
"""Case -> volume of each type in the reference, mL; half of the cases are normal."""
BLEED_DICE = {"wide": (0.9, 0.8, 0.6, 0.4), "narrow": (0.7, 0.6, 0.4, 0.0)}
"""Model -> Dice of the four positives, of any type."""
BLEED_SHARE = {"wide": 0.9, "narrow": 1.2, "reader1": 1.0, "reader2": 1.1}
"""Rater -> measured volume over that of the reference."""
BLEED_ALARM_ML = 0.5
"""What narrow draws in the normal case h, in which it also misses case d."""


def _bleed_rows(rater, case, reference):
    """The scores of one rater in one case: each type, and any hemorrhage."""
    reader, held = rater.startswith("reader"), BLEEDS[case]
    for label in ("iph", "sah", "hemorrhage"):
        true = sum(held.values()) if label == "hemorrhage" else held.get(label, 0.0)
        measured = true * BLEED_SHARE[rater]
        if rater == "narrow":
            measured = 0.0 if case == "d" else BLEED_ALARM_ML if case == "h" and label != "sah" else measured
        status = {(True, True): "ok", (True, False): "prediction_empty", (False, True): "reference_empty"}.get(
            (true > 0, measured > 0), "both_empty"
        )
        dice = (0.95 if reader else BLEED_DICE[rater]["abcd".index(case)]) if true else 0.0 if measured else None
        values = {"dice": dice, "volume_ml": measured, "reference_volume_ml": true, "reference_abc2_ml": 0.7 * true}
        kind = "reader" if reader else "model"
        for metric, value in values.items():
            unit = "1" if metric == "dice" else "mL"
            yield ("bleeds", case, rater, kind, reference, label, metric, value, unit, status, "")


def make_bleeds(folder, *, split="test", raters=("wide", "narrow", "reader1", "reader2"), cards=None):
    """Write runs on eight cases, four of which bleed; ``cards`` holds fields of each model's card."""
    rows = [
        row
        for rater in raters
        for case in BLEEDS
        for reference in ("majority", *([f"majority-without-{rater}"] if rater.startswith("reader") else []))
        for row in _bleed_rows(rater, case, reference)
    ]
    scores = pd.DataFrame(rows, columns=SCORE_COLUMNS).astype({"value": float})
    changes = {"labels": {"iph": 1, "sah": 2}, "groups": {"hemorrhage": ("iph", "sah")}, "split": split}
    metrics = dict.fromkeys(("dice", "volume_ml", "reference_volume_ml", "reference_abc2_ml"), 1)
    names = [*(name for name in raters if not name.startswith("reader")), "readers"]
    names = names if any(name.startswith("reader") for name in raters) else names[:-1]
    runs = []
    for name in names:
        run = make_run(folder / name, scores, name, metrics=metrics, **changes)
        if cards and name in cards:
            stored = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
            stored["predictor"] |= {"labels": changes["labels"], **cards[name]}
            (run.folder / "run.json").write_text(json.dumps(stored), encoding="utf-8")
            run = open_run(run.folder)
        runs.append(run)
    return runs


@pytest.fixture
def bleed_runs(tmp_path):
    """Make runs on eight cases with and without hemorrhage; each call has a folder of its own."""
    number = count()
    return lambda **choices: make_bleeds(tmp_path / f"bleeds{next(number)}", **choices)
