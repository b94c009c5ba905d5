"""Small made-up datasets."""

import numpy as np
import pytest
import SimpleITK
import yaml

from ctbench.datasets.catalogs import builtin_catalog, read_catalog
from ctbench.volume import Volume, write_volume

SHAPE = (3, 4, 5)
SPACING = (5.0, 0.5, 0.5)


@pytest.fixture
def write_map():
    """Write a small volume of integers: zeros but for the voxels that are given as {index: code}."""

    def write(path, voxels=None, shape=SHAPE, spacing=SPACING, dtype=np.uint8):
        array = np.zeros(shape, dtype)
        for index, code in (voxels or {}).items():
            array[index] = code
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(Volume(array, spacing), path)
        return path

    return write


@pytest.fixture
def write_catalog(tmp_path):
    """Write entries (name=fields) to a catalogue in tmp_path; fields that are left out have small defaults."""

    def write(file="my.yaml", **entries):
        defaults = {"title": "made up", "modality": "CT", "task": "segmentation", "labels": {"iph": 1, "ivh": 2}}
        path = tmp_path / file
        path.write_text(yaml.safe_dump({name: defaults | fields for name, fields in entries.items()}))
        return path

    return write


@pytest.fixture
def reader_folder(tmp_path, write_map, write_catalog):
    """A dataset 'toy' of two cases with images, read by anna (both) and ben (the first); gives its catalogue."""
    for case in ("c1", "c2"):
        write_map(tmp_path / f"images/{case}.nii.gz", dtype=np.int16)
        write_map(tmp_path / f"readers/anna/{case}.nii.gz", {(1, 2, 3): 1})
    write_map(tmp_path / "readers/ben/c1.nii.gz", {(0, 0, 0): 2, (2, 0, 0): 2})
    return write_catalog(toy={"image": "images/{case}.nii.gz", "readers": "readers/{reader}/{case}.nii.gz"})


@pytest.fixture
def lay_out(write_map):
    """Make two cases and two readers in the layout that a catalogue entry describes, each label in each mask."""

    def make(entry, root):
        voxels = {(1, 1, index): code for index, code in enumerate(list(entry.labels.values())[:5])}
        readers = list(entry.readers) if isinstance(entry.readers, dict) else ["r1", "r2"]
        if entry.cases:
            root.mkdir(parents=True)
            (root / entry.cases).write_text("case,split\n001,train\n002,test\n")
        for case in ("001", "002"):
            if entry.image and entry.image.endswith("/"):
                write_series(root / _filled(entry.image, case))
            elif entry.image:
                write_map(root / _filled(entry.image, case), dtype=np.int16)
            for pattern in filter(None, (entry.reference, entry.truth)):
                write_map(root / _filled(pattern, case), voxels)
            for reader in readers if entry.readers else ():
                pattern = entry.readers if isinstance(entry.readers, str) else entry.readers[reader]
                write_map(root / _filled(pattern, case, reader), voxels)

    return make


@pytest.fixture(scope="session")
def builtin():
    """The entries that come with ctbench, by name."""
    return read_catalog(builtin_catalog())


def _filled(pattern, case, reader=""):
    return pattern.replace("{case}", case).replace("{reader}", reader).replace("*", "x")


def write_series(folder):
    """Write a CT of zeros as a series of DICOM files."""
    folder.mkdir(parents=True)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for z in range(SHAPE[0]):
        image = SimpleITK.Image(SHAPE[2], SHAPE[1], SimpleITK.sitkInt16)
        image.SetSpacing(SPACING[:0:-1])
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"1.2.3.4.{z + 1}",
            "0008|0060": "CT",
            "0018|0050": str(SPACING[0]),
            "0020|000d": "1.2.3.1",
            "0020|000e": "1.2.3.2",
            "0020|0013": str(z + 1),
            "0020|0032": f"0\\0\\{z * SPACING[0]}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{z}.dcm"))
        writer.Execute(image)
