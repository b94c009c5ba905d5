"""Nothing in a run, or on a board, names the person, the machine, the patient or a token."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK

from ctbench.boards import rebuild, submit
from ctbench.datasets import load_dataset
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.runs import open_run, privacy, run
from ctbench.volume import read_volume, write_volume

MODEL = """
import numpy as np
import ctbench


class Model:
    def __init__(self, token="", weights=""):
        self.token = token
        parameters = {"api_key": token, "weights": weights}
        words = f"weights of /people/zaphod/w.pt, read with {token}"
        labels = ctbench.LabelSet({"hemorrhage": 1})
        self.info = ctbench.PredictorInfo("mine", "1", labels, parameters=parameters, description=words)

    def predict(self, image):
        if image.array[1, 6, 4] > 50:
            raise RuntimeError("/home/zaphod/model.pt refused " + self.token)
        return ctbench.Prediction((image.array > 50).astype(np.uint8))
"""
SECRETS = ("s3cr3t-t0ken", "zaphod", "heartofgold")


@pytest.fixture
def zaphod(on_machine):
    """The user and the machine."""
    on_machine("zaphod", "/people/zaphod", "heartofgold")


def texts(folder):
    """Everything that the files of a folder say, tables and compressed images included."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        yield path, content
        if path.suffix == ".gz":
            yield path, gzip.decompress(content)
        if path.suffix == ".parquet":
            yield path, pd.read_parquet(path).to_csv().encode()


def expect_none(folder, names):
    """No file has one of some names, in whatever case."""
    seen = list(texts(folder))
    assert len(seen) > 5
    for name in names:
        assert [path for path, content in seen if name.lower().encode() in content.lower()] == []


def test_a_run_and_a_board_name_nobody(ctbench, blobs_folder, tmp_path, zaphod):
    """Not the token, which the model repeats in its parameters and in an error, nor user, home and host."""
    work = tmp_path / "work"
    (work / "users_model_private.py").write_text(MODEL)
    options = ("-o", "token=s3cr3t-t0ken", "-o", "weights=/people/zaphod/w.safetensors")
    result = ctbench(
        *("run", "users_model_private:Model", "-d", blobs_folder / "blobs.yaml", "--split", "all", "--out", "run"),
        *("--metric", "dice", "-j", 1, "--trust", *options),
    )
    assert result.exit_code == 0, result.err
    content = json.loads((work / "run" / "run.json").read_text())["predictor"]
    assert content["options"] == {"token": privacy.HIDDEN, "weights": "~/w.safetensors"}
    assert content["description"] == f"weights of ~/w.pt, read with {privacy.HIDDEN}"
    log = (work / "run" / "log.jsonl").read_text()
    assert f"~/model.pt refused {privacy.HIDDEN}" in log
    expect_none(work / "run", SECRETS)
    submit(open_run(work / "run"), tmp_path / "board")
    expect_none(tmp_path / "board", SECRETS)


@pytest.mark.parametrize("name", ["key", "license_key", "KEY", "hf_token", "db_password", "credentials"])
def test_options_whose_name_speaks_of_a_secret_are_not_kept(name):
    """A key by itself, too; but not what merely sounds so."""
    options = {name: "s3cr3t", "keypoints": 3, "monkey": "grivet"}
    assert privacy.public_options(options) == {name: privacy.HIDDEN, "keypoints": 3, "monkey": "grivet"}


def test_a_problem_on_a_board_does_not_name_the_owners_folder(blobs, bright, tmp_path, monkeypatch, nowhere):
    """Pages show the reasons why a run cannot be read."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    privacy._own_names.cache_clear()
    digest, _ = submit(run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1), tmp_path / "board")
    (tmp_path / "board" / "runs" / digest / "scores.parquet").unlink()
    problem = rebuild(tmp_path / "board").runs["problem"].iloc[0]
    privacy._own_names.cache_clear()
    assert problem.startswith("cannot read ~/board/runs/")


IDENTIFIERS = {
    "0010|0010": "Dent^Arthur",
    "0010|0020": "MRN-4242-77",
    "0010|0030": "19520311",
    "0008|0080": "Magrathea General",
    "0008|0081": "Cottington Lane 155",
    "0008|0090": "Beeblebrox^Zaphod",
    "0008|0050": "ACC-991-3",
    "0008|1010": "SCANNER-OF-WARD-9",
    "0018|1000": "SERIAL-00042",
    "0020|4000": "Patient called Trillian",
    "0020|000d": "1.2.840.99.4242.1",
}


class Bright:
    """Finds what is bright."""

    info = PredictorInfo(name="bright", version="1", labels=LabelSet({"blood": 1}))

    def predict(self, image):
        """Segment."""
        return Prediction((image.array > 50).astype(np.uint8))


@pytest.fixture
def identified(tmp_path):
    """A dataset whose image is a folder of DICOM slices with every identifier in it."""
    root = tmp_path / "named"
    folder = root / "images" / "a"
    folder.mkdir(parents=True)
    for z in range(5):
        image = SimpleITK.GetImageFromArray(np.full((1, 12, 12), 70 if z == 2 else 20, np.int16))
        image.SetSpacing((0.5, 0.5, 5.0))
        header = {
            **IDENTIFIERS,
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"1.2.840.99.4242.3.{z}",
            "0008|0060": "CT",
            "0020|000e": "1.2.840.99.4242.2",
            "0020|0013": str(z + 1),
            "0020|0032": f"0\\0\\{5 * z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, text in header.items():
            image.SetMetaData(tag, text)
        writer = SimpleITK.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{z}.dcm"))
        writer.Execute(image)
    grid = read_volume(folder)
    labels = (grid.array > 50).astype(np.uint8)
    for reader, shift in (("r1", 0), ("r2", 1)):
        write_volume(grid.with_array(np.roll(labels, shift, axis=2)), root / "readers" / reader / "a.nii.gz")
    (root / "cases.csv").write_text("case\na\n")
    (root / "named.yaml").write_text(
        "named:\n  title: With names\n  modality: CT\n  task: segmentation\n  labels: {blood: 1}\n"
        "  image: images/{case}\n  readers: readers/{reader}/{case}.nii.gz\n  cases: cases.csv\n"
    )
    return root


def test_no_identifier_of_a_dicom_header_is_kept(identified, tmp_path, nowhere):
    """Neither in predictions, tables, log and manifest, nor on a board; and the headers do have them."""
    stored = b"".join(path.read_bytes() for path in (identified / "images" / "a").glob("*.dcm"))
    assert all(text.encode() in stored for text in IDENTIFIERS.values())
    made = run(load_dataset(identified / "named.yaml"), Bright(), tmp_path / "run", metrics=["dice"], jobs=1)
    submit(made, tmp_path / "board")
    for folder in (made.folder, tmp_path / "board"):
        expect_none(folder, IDENTIFIERS.values())
