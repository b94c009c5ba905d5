import re
from pathlib import Path

import numpy as np
import pytest

from ctbench.annotations.slicer import write_slicer
from ctbench.datasets import check, load_dataset
from ctbench.datasets.entry import Entry
from ctbench.labels import LabelSet
from ctbench.volume import read_volume

from .conftest import write_series

PAGE = (Path(__file__).parents[2] / "docs/add-a-dataset.md").read_text(encoding="utf-8")


@pytest.fixture
def study(tmp_path, write_map):
    """The page's example: its YAML, its case table and the files that it lists."""
    blocks = dict(reversed(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)))  # the first of each kind
    (tmp_path / "study").mkdir()
    (tmp_path / "study/study.yaml").write_text(blocks["yaml"])
    (tmp_path / "study/cases.csv").write_text(blocks["csv"])
    for name in re.findall(r"\S+\.nii\.gz", blocks["text"]):
        write_map(tmp_path / "study" / name, {(1, 0, 0): 4} if "masks" in name else None)
    return blocks, tmp_path


def test_the_example_is_a_whole_dataset(study):
    """What the page tells a reader to write loads without a problem, and says what the page says."""
    _, folder = study
    assert check(folder / "study/study.yaml", deep=True) == ()
    dataset = load_dataset(folder / "study/study.yaml")
    assert dataset.name == "my-study"
    assert [(case.id, case.split, case.readers) for case in dataset] == [
        ("p01", "train", ("anna", "ben")),
        ("p02", "test", ("anna",)),
    ]
    assert dataset["p02"].not_assessed == ("ivh", "sah")
    assert dataset["p02"].subgroups == {"scanner": "Siemens"}
    assert dataset["p02"].annotated("anna").tolist() == [False, True, False]


def test_the_example_with_segments_is_a_whole_dataset(tmp_path, write_map):
    """The second YAML of the page reads segmentations of 3D Slicer, with its aliases."""
    _, text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "study.yaml").write_text(text)
    write_series(tmp_path / "dicom/p01")
    image = read_volume(tmp_path / "dicom/p01")
    drawn = image.with_array((image.array == 0).astype(np.uint8))
    (tmp_path / "masks/anna").mkdir(parents=True)
    write_slicer(drawn, LabelSet({"hematoma": 1}), tmp_path / "masks/anna/p01.seg.nrrd")
    assert check(tmp_path / "study.yaml", deep=True) == ()
    (case,) = load_dataset(tmp_path / "study.yaml")
    assert case.reader("anna").array.sum() == drawn.array.sum() > 0


def test_the_python_example_runs(study, monkeypatch, capsys):
    """The page's lines of Python print the test case."""
    blocks, folder = study
    monkeypatch.chdir(folder)
    exec(blocks["python"], {})  # noqa: S102  # our own page
    assert capsys.readouterr().out == "p02 ('anna',) 4 [False  True False]\n"


def test_the_page_names_every_field():
    """A field that the page does not mention cannot be found by its reader."""
    absent = [name for name in Entry.model_fields if not re.search(rf"\b{name}\b", PAGE)]
    assert absent == ["notes"]
