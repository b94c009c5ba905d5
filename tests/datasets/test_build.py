import json
import shutil
import sys
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from ctbench.datasets import build, check, dataset_root, find_entry, is_built, load_dataset
from ctbench.datasets.build import MARK
from ctbench.errors import DatasetError, StoreError

BUILDER = '''
from pathlib import Path

import numpy as np

from ctbench.volume import Volume, write_volume

FORMAT = 1
CALLS = []


def build(folder: Path, *, seed: int = 0, fail: bool = False) -> None:
    """Write one mask whose only voxel is the seed."""
    CALLS.append(seed)
    (folder / "anna").mkdir()
    write_volume(Volume(np.full((1, 1, 1), seed, np.uint8), (1, 1, 1)), folder / "anna" / "c1.nii.gz")
    if fail:
        raise RuntimeError("no more disk")
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """An installed module 'toybuilder' with a builder that counts its calls, and two builders that are broken."""
    specs = ("toybuilder:build", "toybuilder:biuld", "no.such:build")
    monkeypatch.setattr(build, "entry_points", lambda group: [EntryPoint("toy", spec, group) for spec in specs])
    (tmp_path / "toybuilder.py").write_text(BUILDER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "cache"))
    import toybuilder

    yield toybuilder
    del sys.modules["toybuilder"]


@pytest.fixture
def described(module, write_catalog):
    """Describe a dataset that 'toybuilder' makes; gives the path of its catalogue."""

    def write(root=None, **options):
        fields = {"builder": "toybuilder:build", "readers": "{reader}/{case}.nii.gz", "builder_options": options}
        return write_catalog(toy=fields | ({"root": root} if root else {}))

    return write


def test_it_is_built_once(module, described, tmp_path):
    """The first use builds in the cache, the second one reuses, and one can ask which it will be."""
    path = described(seed=1)
    found = find_entry(path)
    assert dataset_root(found) == tmp_path / "cache/datasets/toy"
    assert not is_built(found, dataset_root(found))
    assert load_dataset(path)["c1"].reader("anna").array.item() == 1
    assert is_built(found, dataset_root(found))
    load_dataset(path)
    assert module.CALLS == [1]


def test_other_options_or_another_format_build_anew(module, described):
    """What was made with other options, or by an older form of the builder, is replaced as a whole."""
    root = load_dataset(described(seed=1)).root
    (root / "anna/c2.nii.gz").write_bytes(b"left over")
    assert load_dataset(described(seed=2))["c1"].reader("anna").array.item() == 2
    module.FORMAT = 2
    assert [case.id for case in load_dataset(described(seed=2))] == ["c1"]
    assert module.CALLS == [1, 2, 2]
    assert sorted(path.name for path in root.parent.iterdir()) == ["toy"]


def test_a_dataset_is_never_half_there(module, described):
    """A builder that fails leaves nothing behind, and an earlier dataset as it was."""
    root = load_dataset(described(seed=1)).root
    before = sorted(path for path in root.rglob("*"))
    with pytest.raises(RuntimeError, match="no more disk"):
        load_dataset(described(seed=2, fail=True))
    assert sorted(path for path in root.rglob("*")) == before
    assert sorted(path.name for path in root.parent.iterdir()) == ["toy"]


def test_a_folder_without_a_mark_is_not_touched(module, described, tmp_path):
    """Files that no builder made are never replaced."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match="holds other files; set its root to an empty folder"):
        load_dataset(described(root="mine"))
    assert (tmp_path / "mine/thesis.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    assert len(load_dataset(described(root="empty", seed=1))) == 1


def test_who_comes_second_uses_what_is_there(module, described, monkeypatch):
    """Two processes may build at once: the later one finds the dataset in place and is content with it."""
    path = described(seed=1)
    original = Path.rename

    def late(self, target):
        if self.name == "toy":
            shutil.copytree(self, target)
        return original(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert load_dataset(path)["c1"].reader("anna").array.item() == 1
    assert sorted(folder.name for folder in dataset_root(find_entry(path)).parent.iterdir()) == ["toy"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("phantom-anatomy", {"train": 1, "validation": 0, "test": 1}),
        ("phantom-hemorrhage", {"train": 0, "validation": 0, "test": 2}),
    ],
)
def test_the_phantoms_lie_as_their_entries_say(name, options, builtin, tmp_path, monkeypatch):
    """What the builders write is what the catalogue describes, down to the grids and label codes."""
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "cache"))
    raw = yaml.safe_load(builtin[name].file.read_text())[name]
    raw["builder_options"] = options | {"shape": [12, 48, 48], "jobs": 1}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({name: raw}))
    assert check(path, deep=True) == ()
    dataset = load_dataset(path)
    assert len(dataset) == 2
    for case in dataset:
        assert len(case.readers) == 3
        assert case.split is not None
        assert case.truth().geometry == case.image().geometry


def test_a_damaged_mark_means_not_built(module, described):
    """A mark that cannot be read is no proof."""
    path = described(seed=1)
    root = load_dataset(path).root
    assert json.loads((root / MARK).read_text())["options"] == {"seed": 1}
    (root / MARK).write_text("{")
    assert not is_built(find_entry(path), root)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"builder": "no.such:build"}, "module 'no.such' cannot be imported"),
        ({"builder": "toybuilder:biuld"}, "module 'toybuilder' has no function 'biuld'"),
        ({"builder_options": {"sede": 1}}, "builder_options do not fit toybuilder:build: got an unexpected keyword"),
        ({"builder_options": {"seed": date(2026, 1, 2)}}, "builder_options must be numbers, text, lists and mappings"),
    ],
)
def test_a_wrong_builder_is_refused(module, write_catalog, fields, message):
    """A builder that is not there, or does not take the options, is told in a sentence."""
    path = write_catalog(toy={"builder": "toybuilder:build", "readers": "{reader}/{case}.nii.gz"} | fields)
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith("dataset 'toy' in ")


def test_a_cache_that_cannot_be_written_is_told(module, described, tmp_path, monkeypatch):
    """Where the folder cannot be made, the message says how to choose another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"cannot make 'toy' in .*; set CTBENCH_CACHE to another"):
        load_dataset(described())


def test_the_study_of_repeats_lies_as_its_entry_says(builtin, tmp_path, monkeypatch):
    """Three readers vote once each, and have four readings of the case, with times."""
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "cache"))
    raw = yaml.safe_load(builtin["phantom-repeats"].file.read_text())["phantom-repeats"]
    raw["builder_options"] = {"cases": 1, "shape": [10, 40, 40], "jobs": 1}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"phantom-repeats": raw}))
    assert check(path, deep=True) == ()
    (case,) = load_dataset(path)
    assert (case.readers, len(case.readings)) == (("reader1", "reader2", "reader3"), 12)
    assert all(one.seconds > 0 and one.order for one in case.readings)
    assert {one.condition for name in case.readers for one in case.voting(name)} == {"unaided"}
