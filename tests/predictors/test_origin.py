import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from ctbench.predictors import is_third_party, origin, own_files, package_lists
from ctbench.predictors.origin import option_files


@pytest.fixture
def repository(tmp_path):
    """A working folder as research leaves it: a script, a package beside it, data, runs."""
    for name in ("model.py", "train.py", "nets/__init__.py", "nets/unet.py", "data/mask.nii.gz", "weights.pt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('imported')")
    return tmp_path


def names(paths, folder):
    """Paths as they stand in a folder."""
    return {str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("model:Net", {"model.py", "train.py", "nets"}),
        ("nets.unet:Net", {"nets"}),
        ("absent:Net", set()),
        ("absent", set()),
        ("command:./model.py --weights=weights.pt {image} {output}", {"model.py", "train.py", "nets", "weights.pt"}),
        ("command:cp weights.pt {image} {output}", {"weights.pt"}),
        (f"command:cp weights.pt {'long' * 100} {{image}} {{output}}", {"weights.pt"}),
        ("folder:model", set()),
        ("container:model", set()),
    ],
)
def test_a_predictor_sees_its_code_and_not_the_data_beside_it(repository, spec, expected):
    """Code and what the command names belong to it; nothing is imported to find that out."""
    assert names(own_files(spec, repository), repository) == expected


def test_options_name_files_and_folders(repository):
    """A folder counts with a slash in its name; a text that is too long for a path names nothing."""
    values = ["weights.pt", "data/", "data", "", 3, "long" * 100, "a\0b", "absent.pt"]
    found = option_files({str(place): value for place, value in enumerate(values)}, repository)
    assert found == (repository / "weights.pt", repository / "data")
    assert option_files({"labels": "weights.pt"}, repository) == ()


def test_an_installed_package_is_its_folder(repository):
    """A package somewhere on the path is found as Python finds it."""
    assert own_files("numpy.linalg:norm", repository) == (Path(np.__file__).parent,)


def test_a_program_and_what_it_links_to_are_both_there(repository, monkeypatch):
    """Programs are often links to versions."""
    (repository / "bin").mkdir()
    (repository / "real").write_text("#!/bin/sh\n")
    (repository / "real").chmod(0o755)
    (repository / "bin" / "tool").symlink_to(repository / "real")
    monkeypatch.setenv("PATH", str(repository / "bin"))
    found = own_files("command:tool {image} {output}", repository)
    assert names(found, repository) == {"bin/tool", "real"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("threshold", False),
        ("folder:x", False),
        ("container:x", False),
        ("absent", False),
        ("reference_models.baselines.threshold:threshold", True),
        ("command:x", True),
        ("theirs", True),
    ],
)
def test_only_what_comes_with_ctbench_is_trusted_by_itself(monkeypatch, spec, expected):
    """An entry point of another package is a stranger's, whatever it is called."""
    known = dict(origin.installed_predictors())
    monkeypatch.setattr(
        origin, "installed_predictors", lambda: known | {"theirs": EntryPoint("theirs", "a:B", "ctbench.predictors")}
    )
    assert is_third_party(spec) is expected
    assert "a" not in sys.modules


def test_the_lists_of_packages_are_those_of_the_commands_environment(tmp_path):
    """Of a virtual and of a conda environment; other predictors have none."""
    kept = {"pyvenv.cfg", "conda-meta/a.json"} | {
        f"lib/python3.12/site-packages/{name}" for name in ("a-1.dist-info/RECORD", "own.pth", "own.egg-link")
    }
    for name in (*kept, "bin/tool", "lib/python3.12/site-packages/a/large.so", "other/b-1.dist-info/RECORD"):
        (tmp_path / "env" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "env" / name).touch(mode=0o755)
    found = package_lists(f"command:{tmp_path / 'env' / 'bin' / 'tool'} {{image}} {{output}}", tmp_path)
    assert found == {f"env/{name}": tmp_path / "env" / name for name in kept}
    assert package_lists("model:Net", tmp_path) == {}
