"""Links, mounts and compiled modules beside a predictor do not widen what it may read."""

import json
import os
import py_compile
import subprocess
import sys

import pytest

from ctbench.errors import PluginError, UsageError
from ctbench.predictors import IsolatedPredictor, Isolation, own_files
from ctbench.predictors.isolation import mounts
from ctbench.runs import run

MODEL = """
import os
import numpy as np
import ctbench


class Reads:
    def __init__(self, path=""):
        text = open(path).read() if path else "nothing"
        self.info = ctbench.PredictorInfo(name=text.strip(), version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        return ctbench.Prediction(np.zeros(image.shape, np.uint8))
"""
PROGRAM = "import sys, shutil\nopen(sys.argv[3]).read()\nshutil.copy(sys.argv[1], sys.argv[2])\n"
pytestmark = pytest.mark.usefixtures("needs_bubblewrap")


@pytest.fixture
def here(stranger, monkeypatch):
    """A stranger's folder with a module, a package and a program; a secret lies outside of it."""
    (stranger.folder / "reading.py").write_text(MODEL)
    (stranger.folder / "packed").mkdir()
    (stranger.folder / "packed" / "__init__.py").write_text(MODEL)
    (stranger.folder / "labels.json").write_text(json.dumps({"labels": {"hemorrhage": 1}, "name": "program"}))
    (stranger.folder / "program.py").write_text(PROGRAM)
    (stranger.folder.parent / "secret").mkdir()
    (stranger.folder.parent / "secret" / "mask").write_text("secret")
    monkeypatch.chdir(stranger.folder)
    return stranger.folder


def reads(spec, path, isolation=None):
    """The name of a predictor that read a file when it was made: the content of the file."""
    predictor = IsolatedPredictor(spec, {"path": str(path)}, isolation)
    try:
        return predictor.info.name
    finally:
        predictor.stop()


def test_links_beside_a_module_are_not_followed_out(here):
    """A `.py` that is a link to a mask is not shown; one to another module of the folder is."""
    (here / "mask.py").symlink_to("../secret/mask")
    (here / "alias.py").symlink_to("reading.py")
    assert here / "mask.py" not in own_files("reading:Reads", here)
    assert here / "alias.py" in own_files("reading:Reads", here)
    with pytest.raises(PluginError, match="FileNotFoundError"):
        reads("reading:Reads", here / "mask.py")
    assert reads("alias:Reads", "") == "nothing"


def test_linked_packages_beside_a_module_are_not_followed_out(here):
    """A folder of modules that is a link to elsewhere is not shown."""
    (here.parent / "secret" / "__init__.py").write_text("")
    (here / "linked").symlink_to("../secret")
    with pytest.raises(PluginError, match="FileNotFoundError"):
        reads("reading:Reads", here / "linked" / "mask")


@pytest.mark.parametrize("name", ["file", "folder"])
def test_links_in_a_package_lead_nowhere(here, name):
    """What they lead to is not there inside the sandbox."""
    (here / "packed" / "file").symlink_to("../../secret/mask")
    (here / "packed" / "folder").symlink_to("../../secret")
    with pytest.raises(PluginError, match="FileNotFoundError"):
        reads("packed:Reads", here / "packed" / ("file" if name == "file" else "folder/mask"))


@pytest.mark.parametrize("spec", ["reading:Reads", "packed:Reads"])
def test_a_predictor_that_is_a_link_out_is_refused(here, spec):
    """The message says where it leads and what to do; a mount allows it."""
    name = "reading.py" if spec.startswith("reading") else "packed"
    (here / name).rename(here.parent / "moved")
    (here / name).symlink_to("../moved")
    with pytest.raises(UsageError, match=rf"{name} is a link out of its folder, to .*moved; .*use --mount"):
        reads(spec, "")
    assert reads(spec, "", Isolation(mounts=(here.parent / "moved",))) == "nothing"


@pytest.mark.parametrize("word", ["data/mask", "data", "--data=data", "mask"])
def test_links_that_a_command_names_are_not_followed_out(here, blobs, word, tmp_path):
    """Neither a linked folder nor a linked file of the working folder is shown."""
    (here / "data").symlink_to("../secret")
    (here / "mask").symlink_to("../secret/mask")
    spec = f"command:{sys.executable} program.py {{image}} {{output}} {word}"
    if word == "data/mask":  # a path through a link: the last part is none
        assert here / "data" / "mask" in own_files(spec, here)
    with pytest.raises(UsageError, match="is a link out of its folder, to"):
        IsolatedPredictor(spec)


def test_a_program_on_the_path_may_be_a_link(here, blobs, tmp_path, monkeypatch):
    """Who installed it put it there; it is found and run."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "installed.sh").write_text('#!/bin/sh\ncp "$1" "$2"\n')
    (tmp_path / "installed.sh").chmod(0o755)
    (tmp_path / "bin" / "installed").symlink_to(tmp_path / "installed.sh")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    shown = own_files("command:installed {image} {output}", here)
    assert tmp_path / "installed.sh" in shown


@pytest.fixture
def mounted(here):
    """Mount a folder of the test somewhere below the stranger's folder."""
    points = []

    def mount(source, point):
        command = ["mount", "--bind", str(source), str(point)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only a user who may mount can try this")
        points.append(point)
        return point

    yield mount
    for point in reversed(points):
        subprocess.run(["umount", str(point)], check=True)  # noqa: S607  # a system's own tool


@pytest.mark.parametrize("name", ["data", "a name", "file"])
def test_what_is_mounted_in_a_package_is_not_shown(here, mounted, name):
    """A mask that was mounted below the package is not there; with a mount of one's own it is."""
    point = here / "packed" / name
    if name == "file":
        point.touch()
        mounted(here.parent / "secret" / "mask", point)
        with pytest.raises(PluginError, match=r"OSError|PermissionError|could not be made|contract"):
            assert reads("packed:Reads", point) == ""
        return
    point.mkdir()
    mounted(here.parent / "secret", point)
    assert mounts.mounted_below(here) == [point]
    with pytest.raises(PluginError, match="FileNotFoundError"):
        reads("packed:Reads", point / "mask")
    assert reads("packed:Reads", point / "mask", Isolation(mounts=(point,))) == "secret"


def test_masks_that_are_mounted_elsewhere_are_found(here, mounted, blobs, blobs_folder, tmp_path):
    """A folder of masks under another path, which a mount shows, is refused by device and inode."""
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True)
    mounted(blobs_folder / "readers", tmp_path / "elsewhere" / "inner")
    for shown in (tmp_path / "elsewhere", tmp_path / "elsewhere" / "inner", tmp_path / "elsewhere" / "inner" / "r1"):
        with pytest.raises(UsageError, match=r"the predictor may read .*elsewhere.*, in which lies .*by which"):
            run(blobs, "reading:Reads", tmp_path / "run", isolation=Isolation(mounts=(shown,)), jobs=1)


@pytest.mark.parametrize("place", ["packed", "mount"])
def test_masks_that_are_hard_links_are_found(here, blobs, blobs_folder, tmp_path, place):
    """A second name of a mask's file in the package, or in a folder that is mounted, is refused."""
    folder = here / "packed" if place == "packed" else tmp_path / "weights"
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").hardlink_to(blobs_folder / "readers" / "r1" / "a.nii.gz")
    isolation = Isolation(mounts=() if place == "packed" else (folder,))
    with pytest.raises(UsageError, match=r"the predictor may read .*weights\.bin, in which lies"):
        run(blobs, "packed:Reads", tmp_path / "run", isolation=isolation, jobs=1)


@pytest.mark.parametrize("spec", ["packed:Reads", "reading:Reads"])
def test_compiled_modules_beside_the_source_are_not_run(here, spec):
    """A forged `__pycache__`, which no digest covers, is not there: the source is what runs."""
    name = spec.partition(":")[0]
    source = here / name / "__init__.py" if name == "packed" else here / f"{name}.py"
    forged = here.parent / "forged.py"
    forged.write_text(MODEL.replace('"nothing"', '"forged!"'))
    compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    compiled.parent.mkdir()
    py_compile.compile(
        str(forged), cfile=str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    assert reads(spec, "") == "nothing"
