import numpy as np
import pytest
import yaml

from ctbench.volume import Volume, write_volume

SHAPE = (4, 6, 5)
LABELS = {"ivh": 9, "iph": 4}


@pytest.fixture
def study(tmp_path):
    """A dataset of three readers who differ; one slice of the second case was annotated by nobody."""
    random = np.random.default_rng(0)
    for case in ("c1", "c2", "c3"):
        image = Volume(random.integers(-100, 100, SHAPE).astype(np.int16), (5.0, 0.5, 0.6), (1.0, 2.0, 3.0))
        write_volume(image, tmp_path / "images" / f"{case}.nii.gz")
        for reader in ("anna", "ben", "cleo"):
            labels = random.choice([0, 4, 9], SHAPE).astype(np.uint8)
            write_volume(image.with_array(labels), tmp_path / reader / f"{case}.nii.gz")
    (tmp_path / "cases.csv").write_text("case,patient,split,slices\nc1,a,train,all\nc2,b,train,0-2\nc3,a,test,all\n")
    entry = {
        "title": "made up",
        "modality": "CT",
        "task": "segmentation",
        "labels": LABELS,
        "image": "images/{case}.nii.gz",
        "readers": {name: f"{name}/{{case}}.nii.gz" for name in ("anna", "ben", "cleo")},
        "cases": "cases.csv",
        "annotated": {"column": "slices"},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"our-study": entry}))
    return tmp_path / "study.yaml"
