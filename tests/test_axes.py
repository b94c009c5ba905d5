"""Equal volumes have equal scores in every command, in whichever of the 48 orientations their files store them."""

import json
import sys
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import SimpleITK

from ctbench import notices
from ctbench.consensus import fuse
from ctbench.datasets import load_dataset
from ctbench.metrics import METRICS, score
from ctbench.runs import open_run
from ctbench.volume import Volume, read_volume, write_volume

WAYS = list(product(permutations(range(3)), product((False, True), repeat=3)))
USUAL = WAYS[0]
SPACING = (5.0, 0.9, 0.7)
SHAPE = (6, 13, 11)
CHOSEN = [word for name in ("dice", "hd95", "nsd", "hd95_pooled", "abc2_ml") for word in ("--metric", name)]
"""All metrics are tried on arrays; through the commands, those that know slices or surfaces."""
ANNOTATED = (1, 3)
"""The slices that anna annotated, counted from the first of the usual orientation."""
YAML = """
turned:
  title: One case in 48 orientations
  modality: CT
  task: segmentation
  labels: {{iph: 1}}
  image: images/{{case}}.nii.gz
  readers: readers/{{reader}}/{{case}}.nii.gz
  cases: cases.csv
  annotated: {annotated}
  surface: {surface}
"""
MODEL = '''
import numpy as np
import ctbench


class Third:
    """Call the brightest voxels, and frame them, on the third slice from the feet: what it sees is z, y, x."""

    def __init__(self):
        self.info = ctbench.PredictorInfo(name="third", version="1", labels=ctbench.LabelSet({"iph": 1}))

    def predict(self, image):
        assert image.spacing_mm[0] == 5
        z = 3 if image.direction[0, 0] > 0 else image.shape[0] - 1 - 3
        labels = np.zeros(image.shape, np.uint8)
        labels[z] = image.array[z] > 50
        rows, columns = (np.flatnonzero(labels[z].any(axis=axis)) for axis in (1, 0))
        box = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
        return ctbench.Prediction(labels, score=0.5, findings=(ctbench.Finding(z, box, "iph", 0.9),))
'''
PROGRAM = """
import sys
import SimpleITK

image = SimpleITK.ReadImage(sys.argv[1])
SimpleITK.WriteImage(SimpleITK.Cast(image > 50, SimpleITK.sitkUInt8), sys.argv[2])
"""


def lump(shift=0):
    """A lopsided structure: no two of its mirror images or projections are alike."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 3:9, 2 + shift : 7 + shift] = 1
    labels[2:5, 6:11, 5 + shift : 8 + shift] = 1
    labels[3, 2, 3 + shift] = 1
    return labels


MAPS = {"anna": lump(), "ben": lump(1), "cleo": lump(2)}


def volume(array):
    """A volume in the usual orientation."""
    return Volume(array, SPACING, (10.0, -20.0, 30.0))


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Each test hears every warning anew."""
    monkeypatch.setattr(notices, "_said", set())


@pytest.fixture
def turned(tmp_path, stored_as):
    """A function that writes the dataset of 48 cases, each the same head in another orientation; returns its YAML."""

    def write(annotated="all", surface="3d"):
        root = tmp_path / "turned"
        lines = ["case,split,slices"]
        for number, way in enumerate(WAYS):
            case = f"c{number:02d}"
            image = volume(np.where(lump(1) > 0, 70, 30).astype(np.int16))
            write_volume(stored_as(image, *way), root / "images" / f"{case}.nii.gz")
            for reader, array in MAPS.items():
                write_volume(stored_as(volume(array), *way), root / "readers" / reader / f"{case}.nii.gz")
            slices = [SHAPE[0] - 1 - z if way[1][0] else z for z in ANNOTATED]
            lines.append(f"{case},test,{';'.join(map(str, slices))}")
        (root / "cases.csv").write_text("\n".join(lines) + "\n")
        (root / "turned.yaml").write_text(YAML.format(annotated=annotated, surface=surface))
        return root / "turned.yaml"

    return write


def assert_all_equal(rows, ignored=("case",)):
    """Assert that each case has the same rows as the first one, to the last digits of a sum."""
    groups = [group.drop(columns=list(ignored)).reset_index(drop=True) for _, group in rows.groupby("case")]
    assert len(groups) == len(WAYS)
    for group in groups[1:]:
        pd.testing.assert_frame_equal(group, groups[0], check_exact=False, rtol=1e-12, atol=1e-12)
    return groups[0]


@pytest.mark.parametrize("surface", ["2d", "3d"])
def test_score_and_fuse_in_python(tmp_path, stored_as, surface):
    """Arrays that are read have the order z, y, x: every metric of every orientation is that of the usual one."""
    results = []
    for way in WAYS:
        read = {}
        for reader, array in MAPS.items():
            write_volume(stored_as(volume(array), *way), tmp_path / f"{reader}.nii.gz")
            read[reader] = read_volume(tmp_path / f"{reader}.nii.gz")
        annotated = read["anna"].array.any(axis=(1, 2))
        reference = fuse({name: one.array for name, one in read.items()}, annotated={"anna": annotated})
        rows = score(
            reference,
            read["anna"].array,
            spacing_mm=read["anna"].spacing_mm,
            labels={"iph": 1},
            surface=surface,
            metrics="all",
        )
        results.append(rows)
    for rows in results[1:]:
        pd.testing.assert_frame_equal(rows, results[0], check_exact=False, rtol=1e-12, atol=1e-12)
    assert set(results[0]["metric"]) == set(METRICS)
    usual = score(
        fuse(MAPS, annotated={"anna": MAPS["anna"].any(axis=(1, 2))}),
        MAPS["anna"],
        spacing_mm=SPACING,
        labels={"iph": 1},
        surface=surface,
        metrics="all",
    )
    pd.testing.assert_frame_equal(results[0], usual, check_exact=False, rtol=1e-6)


@pytest.mark.parametrize("surface", ["2d", "3d"])
def test_ctbench_score(ctbench, tmp_path, stored_as, surface, caplog):
    """Two files in whichever orientation, or in two different ones, have the values of the usual one."""
    paths = tmp_path / "reference.nii.gz", tmp_path / "prediction.nii.gz"

    def scored(way, other):
        write_volume(stored_as(volume(MAPS["anna"]), *way), paths[0])
        write_volume(stored_as(volume(MAPS["cleo"]), *other), paths[1])
        result = ctbench("score", *paths, "--surface", surface, "--json", *CHOSEN)
        assert result.exit_code == 0, result.err
        said = [record.getMessage() for record in caplog.records]
        caplog.clear()
        notices._said.clear()
        return pd.DataFrame(json.loads(result.out)), said

    usual, said = scored(USUAL, USUAL)
    assert said == []
    for number, way in enumerate(WAYS):
        rows, said = scored(way, way if number % 2 else USUAL)
        pd.testing.assert_frame_equal(rows, usual, check_exact=False, rtol=1e-12)
        assert len(said) == (0 if number % 2 or way == USUAL else 1)


def stored_grid(path):
    """The size, spacing, origin and direction of a file, in the order in which it is stored."""
    image = SimpleITK.ReadImage(str(path))
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()


@pytest.mark.parametrize(("annotated", "surface"), [("all", "3d"), ("nonempty", "2d"), ("{column: slices}", "2d")])
def test_ctbench_run_of_a_folder(ctbench, turned, tmp_path, stored_as, annotated, surface, caplog):
    """48 cases of one head score alike, with any rule of annotated slices and predictions in another orientation."""
    dataset = turned(annotated, surface)
    for number, way in enumerate(reversed(WAYS)):
        write_volume(stored_as(volume(lump(1)), *way), tmp_path / "theirs" / f"c{number:02d}.nii.gz")
    (tmp_path / "theirs" / "labels.json").write_text('{"iph": 1}')
    out = tmp_path / "run"
    result = ctbench("run", f"folder:{tmp_path / 'theirs'}", "-d", dataset, "--out", out, "-j", 1, *CHOSEN)
    assert result.exit_code == 0, result.err
    assert [record.getMessage().startswith("label map") for record in caplog.records] == [True]
    rows = assert_all_equal(open_run(out).scores)
    assert len(rows[rows["metric"] == "dice"]) == 4
    for name in ("c00", "c17", "c47"):
        image, prediction = (dataset.parent / "images" / f"{name}.nii.gz", out / "predictions" / f"{name}.nii.gz")
        assert stored_grid(image) == stored_grid(prediction)


def test_ctbench_readers(ctbench, turned, tmp_path):
    """Readers agree alike in every orientation; the slice with most disagreement is counted along the file."""
    dataset = turned("{column: slices}", "2d")
    result = ctbench("readers", dataset, "--out", tmp_path / "study", "--maps", "-j", 1)
    assert result.exit_code == 0, result.err
    rows = assert_all_equal(open_run(tmp_path / "study").scores)
    assert len(rows[rows["metric"] == "dice"]) == 6
    rows = pd.read_csv(tmp_path / "study" / "disagreement.csv")
    assert_all_equal(rows, ignored=("case", "worst_slice"))
    for row in rows.itertuples():
        disagreement = read_volume(tmp_path / "study" / "maps" / f"{row.case}_disagreement.nii.gz").array
        assert np.count_nonzero(disagreement[row.worst_slice]) == row.worst_slice_voxels > 0


@pytest.mark.parametrize("of", ["module", "program"])
def test_predictors_see_the_patient_and_programs_the_file(ctbench, turned, tmp_path, of):
    """A predictor gets z, y, x; a program the file's order; what either predicts is stored as the image is."""
    dataset, work = turned(), tmp_path / "work"
    (work / "users_model.py").write_text(MODEL)
    (work / "model.py").write_text(PROGRAM)
    (work / "labels.json").write_text('{"iph": 1}')
    images = sorted((dataset.parent / "images").iterdir())
    program = f"command:{sys.executable} {work / 'model.py'} {{image}} {{output}}"
    spec, images = ("users_model:Third", images) if of == "module" else (program, images[::12])
    result = ctbench("predict", spec, *images, "--out", tmp_path / "out", "--trust", "--json")
    assert result.exit_code == 0, result.err
    whole, third = lump(1).sum(), lump(1)[3].sum()
    for path in images:
        assert stored_grid(tmp_path / "out" / path.name) == stored_grid(path)
        assert read_volume(tmp_path / "out" / path.name).array.sum() == (third if of == "module" else whole)


def test_findings_name_the_slices_of_the_file(ctbench, turned, tmp_path):
    """A run keeps findings by the slices of the stored file, and scores alike."""
    dataset, work = turned(), tmp_path / "work"
    (work / "users_model.py").write_text(MODEL)
    result = ctbench("run", "users_model:Third", "-d", dataset, "--trust", "--out", "run", "-j", 1, "--metric", "dice")
    assert result.exit_code == 0, result.err
    run = open_run(work / "run")
    assert_all_equal(run.scores)
    for case in load_dataset(dataset):
        (finding,) = run.findings(case.id)[1]
        flipped = WAYS[int(case.id[1:])][1][0]
        assert finding.slice == (SHAPE[0] - 1 - 3 if flipped else 3)
        assert run.prediction(case.id).array[finding.slice].sum() == lump(1)[3].sum()


def test_ctbench_consensus(ctbench, turned, tmp_path, stored_as, caplog):
    """References are fused alike and stored as the readers' files are; masks of different orientations meet."""
    result = ctbench("consensus", "-d", turned(), "--split", "all", "--out", tmp_path / "fused", "--json")
    assert result.exit_code == 0, result.err
    assert_all_equal(pd.DataFrame(json.loads(result.out)))
    assert not caplog.records
    masks = []
    for (reader, array), way in zip(MAPS.items(), (WAYS[11], WAYS[29], WAYS[0]), strict=True):
        masks.append(tmp_path / reader / "c.nii.gz")
        write_volume(stored_as(volume(array), *way), masks[-1])
    mixed = ctbench("consensus", *masks, "--out", tmp_path / "mixed", "--json")
    assert mixed.exit_code == 0, mixed.err
    one = [row for row in json.loads(result.out) if row["case"] == "c11"]
    for row, expected in zip(json.loads(mixed.out), one, strict=False):
        assert row | {"case": "", "label": ""} == expected | {"case": "", "label": ""}
    labels = tmp_path / "fused" / "c11_labels.nii.gz", tmp_path / "mixed" / "consensus_labels.nii.gz"
    assert labels[0].read_bytes() == labels[1].read_bytes()
    assert stored_grid(labels[0]) == stored_grid(masks[0])
    assert len(caplog.records) == 2
