import csv
import io
import json

import numpy as np
import pytest

from ctbench.metrics import METRICS
from ctbench.volume import Volume, write_volume

MODEL = """
import numpy as np
import ctbench


class Base:
    def __init__(self):
        self.info = ctbench.PredictorInfo(name="mine", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))


class Good(Base):
    def predict(self, image):
        return ctbench.Prediction((image.array > 50).astype(np.uint8))


class WrongShape(Base):
    def predict(self, image):
        return ctbench.Prediction(np.zeros((2, 2, 2), int))


class NotANumber(Base):
    def predict(self, image):
        return ctbench.Prediction(np.full(image.shape, np.nan))


class UnknownLabel(Base):
    def predict(self, image):
        return ctbench.Prediction(np.full(image.shape, 7))


class Raises(Base):
    def predict(self, image):
        raise RuntimeError("CUDA went away")
"""


@pytest.fixture
def model(ctbench, tmp_path):
    """The name of a module in the working folder with a few predictors."""
    (tmp_path / "work" / "users_models.py").write_text(MODEL)
    return "users_models"


@pytest.fixture
def two_maps(tmp_path):
    """A reference and a prediction: a box of 4 x 4 x 4 voxels, shifted by one along x."""
    labels = np.zeros((8, 10, 12), np.uint8)
    labels[2:6, 3:7, 3:7] = 3
    paths = tmp_path / "reference.nii.gz", tmp_path / "prediction.nii.gz"
    write_volume(Volume(labels, (5.0, 1.0, 1.0)), paths[0])
    write_volume(Volume(np.roll(labels, 1, axis=2), (5.0, 1.0, 1.0)), paths[1])
    return paths


def test_score_prints_a_table_of_two_files(ctbench, two_maps):
    """Without options every code is a structure; a person sees the chief metrics."""
    result = ctbench("score", *two_maps)
    assert result.exit_code == 0
    assert "label-3" in result.out
    assert "0.750" in result.out  # Dice of 64-voxel boxes that share 48


def test_score_gives_every_metric_as_json(ctbench, two_maps):
    """`--json` has the columns of `metrics.score`, and null where there is no value."""
    result = ctbench("score", *two_maps, "--label", "box=3", "--label", "nothing=4", "--json")
    rows = json.loads(result.out)
    assert list(rows[0]) == ["label", "metric", "value", "unit", "status", "detail"]
    assert len(rows) == 2 * len(METRICS)
    values = {(row["label"], row["metric"]): row["value"] for row in rows}
    assert values["box", "dice"] == 0.75
    assert values["box", "hd95"] == 1.0
    assert values["nothing", "dice"] is None


def test_score_as_csv_has_the_same_rows(ctbench, two_maps):
    """`--csv` is for spreadsheets."""
    rows = list(csv.DictReader(io.StringIO(ctbench("score", *two_maps, "--metric", "dice", "--csv").out)))
    assert [(row["metric"], float(row["value"])) for row in rows] == [("dice", 0.75)]


def test_score_leaves_out_excluded_voxels(ctbench, two_maps, tmp_path):
    """With the differing columns excluded the two boxes are the same."""
    mask = np.zeros((8, 10, 12), np.uint8)
    mask[:, :, [3, 7]] = 1
    write_volume(Volume(mask, (5.0, 1.0, 1.0)), tmp_path / "excluded.nii.gz")
    result = ctbench("score", *two_maps, "--excluded", tmp_path / "excluded.nii.gz", "--metric", "dice", "--json")
    assert json.loads(result.out)[0]["value"] == 1.0


def test_run_prints_where_a_model_stands_beside_the_readers(ctbench, model, blobs_folder, tmp_path):
    """The default layout keeps the model and the readers under runs/DATASET."""
    result = ctbench("run", f"{model}:Good", "-d", blobs_folder / "blobs.yaml", "--json", "-j", 1)
    assert result.exit_code == 0
    raters = {row["rater"] for row in json.loads(result.out)}
    assert "mine" in raters
    assert any("reader" in rater for rater in raters)
    for name in (f"{model}-Good", "readers"):
        assert (tmp_path / "work" / "runs" / "blobs" / name / "run.json").is_file()
    again = ctbench("run", f"{model}:Good", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    assert again.err.count("reused:") == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WrongShape", "returned labels of shape (2, 2, 2); expected the image's (6, 24, 24)"),
        ("NotANumber", "NaN as labels; expected integers"),
        ("UnknownLabel", "unknown label codes 7"),
    ],
)
def test_a_predictor_that_breaks_the_contract_ends_with_two(ctbench, model, blobs_folder, name, message):
    """The run is whole, its cases are failed, the sentence is printed, and the exit code is 2."""
    result = ctbench("run", f"{model}:{name}", "-d", blobs_folder / "blobs.yaml", "--out", "run", "-j", 1)
    assert result.exit_code == 2
    assert message in result.err
    assert "3 of 3 cases have no prediction" in result.err
    assert "Traceback" not in result.err


def test_a_predictor_that_fails_on_every_case_ends_with_one(ctbench, model, blobs_folder):
    """A plugin's failure is not the user's input."""
    result = ctbench("run", f"{model}:Raises", "-d", blobs_folder / "blobs.yaml", "--out", "run", "-j", 1)
    assert result.exit_code == 1
    assert "raised RuntimeError on case b: CUDA went away" in result.err


def test_check_ends_with_two_where_the_contract_is_broken(ctbench, model):
    """`ctbench check` names the broken rule."""
    assert ctbench("check", f"{model}:Good").exit_code == 0
    result = ctbench("check", f"{model}:UnknownLabel", "--json")
    assert result.exit_code == 2
    rows = json.loads(result.out)
    assert {row["result"] for row in rows} == {"failed"}
    assert "unknown label codes 7" in rows[0]["detail"]


def test_report_is_one_page(ctbench, model, blobs_folder, tmp_path):
    """`ctbench report` writes the page where it is told."""
    ctbench("run", f"{model}:Good", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    runs = tmp_path / "work" / "runs" / "blobs"
    catalog = ("--catalog", blobs_folder / "blobs.yaml")
    result = ctbench("report", *runs.iterdir(), "--out", tmp_path / "page.html", *catalog)
    assert result.exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "mine" in page


def test_report_takes_other_forms(ctbench, model, blobs_folder, tmp_path, monkeypatch):
    """`--latex` and `--tables` write beside the page; limits are checked; `--pdf` says at once if nothing can print."""
    catalog = ("--catalog", blobs_folder / "blobs.yaml")
    ctbench("run", f"{model}:Good", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    runs = list((tmp_path / "work" / "runs" / "blobs").iterdir())
    written = ("--out", "page.html", "--latex", "tables.tex", "--tables", "tables", "--margin", 0.1)
    result = ctbench("report", *runs, *catalog, *written)
    assert result.exit_code == 0
    assert "\\toprule" in (tmp_path / "work" / "tables.tex").read_text(encoding="utf-8")
    assert "blobs-equivalence.csv" in {path.name for path in (tmp_path / "work" / "tables").iterdir()}
    assert "--margin 0.1" in (tmp_path / "work" / "page.html").read_text(encoding="utf-8")
    assert ctbench("report", *runs, "--margin", 0).exit_code == 2
    monkeypatch.setenv("CTBENCH_BROWSER", "no-such-browser")
    result = ctbench("report", *runs, *catalog, "--out", "other.html", "--pdf", "page.pdf")
    assert result.exit_code == 2
    assert "no-such-browser" in result.err
    assert not (tmp_path / "work" / "other.html").exists()
