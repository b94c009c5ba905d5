"""A dataset's YAML and a run's manifest choose among what is installed; they cannot name code or files."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from ctbench.datasets import build, catalog, find_entry, is_built, load_dataset
from ctbench.errors import DatasetError, StoreError
from ctbench.report.frames.local_datasets import local_dataset
from ctbench.runs import lock, open_run

RUN = Path(__file__).parents[1] / "runs" / "old_runs" / "v2"
ENTRY = {
    "title": "Theirs",
    "modality": "CT",
    "task": "segmentation",
    "labels": {"iph": 1},
    "readers": "{reader}/{case}.nii.gz",
}


def write_yaml(stranger, builder, name="theirs", **options):
    """Write the YAML of a dataset with a builder; return its path."""
    path = stranger.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({name: {**ENTRY, "builder": builder, "builder_options": options}}))
    return path


@pytest.fixture
def their_run(stranger):
    """A whole run of a stranger, and a function that writes another dataset into its ``run.json``."""
    folder = shutil.copytree(RUN, stranger.folder / "run")

    def name_dataset(name):
        manifest = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**manifest, "dataset": str(name)}))
        return folder

    return name_dataset


@pytest.mark.parametrize(
    "builder",
    [
        "os:system",
        "subprocess:run",
        "theirs:build",
        "ctbench.datasets.build:shutil",
        "ctbench.cli.app:main",
        "ctbench.files:write_text",
        "ctbench.temporary:remove_tree",
    ],
)
def test_a_yaml_cannot_name_a_function(stranger, monkeypatch, builder):
    """Functions of the system, of a module in the working folder and of ctbench itself are not builders."""
    monkeypatch.syspath_prepend(stranger.folder)
    (stranger.folder / "theirs.py").write_text(stranger.trap + "def build(folder): pass\n")
    path = write_yaml(stranger, builder)
    with pytest.raises(DatasetError, match=f"{builder} is not an installed builder; known: ctbench.phantom:"):
        load_dataset(path)
    (stranger.folder / build.MARK).write_text("{}")
    assert not is_built(find_entry(path), stranger.folder)
    assert not stranger.mark.exists()


def test_every_builder_of_the_catalogue_is_known():
    """The builders that ctbench's own catalogue names are those that need no entry point."""
    assert {found.entry.builder for found in catalog().values()} - {None} == set(build._OURS)


@pytest.mark.parametrize("command", ["check", "show"])
def test_looking_at_a_strangers_dataset_runs_nothing_of_theirs(stranger, command):
    """`ctbench datasets check` and `show` with a module beside the YAML end with a sentence."""
    (stranger.folder / "theirs_builder.py").write_text(stranger.trap)
    path = write_yaml(stranger, "theirs_builder:build")
    done = stranger.ctbench("datasets", command, path, PYTHONPATH=str(stranger.folder))
    assert "is not an installed builder" in done.stderr
    assert not stranger.mark.exists()


@pytest.mark.parametrize("name", ["theirs.yaml", "{folder}/theirs.yaml", "theirs.yaml#theirs", "../x", "THEIRS.YML"])
def test_the_dataset_of_a_run_is_a_name(stranger, their_run, name):
    """A manifest whose dataset is the path of a YAML file cannot be read, by any command."""
    folder = their_run(name.format(folder=stranger.folder))
    with pytest.raises(StoreError, match="is not the name of a dataset"):
        open_run(folder)


@pytest.mark.parametrize(
    "command",
    [
        ("report", "run"),
        ("verify", "run"),
        ("submit", "run", "--to", "board"),
        ("lock", "run"),
        ("compare", "run", "run"),
        ("merge", "run", "run", "--out", "merged"),
    ],
)
def test_no_command_makes_the_dataset_that_a_run_names(stranger, their_run, ctbench, monkeypatch, command):
    """Every command that reads a run refuses one whose dataset is a YAML file beside it; its builder does not run."""
    monkeypatch.chdir(stranger.folder)
    monkeypatch.syspath_prepend(stranger.folder)
    (stranger.folder / "theirs_builder.py").write_text(stranger.trap)
    write_yaml(stranger, "theirs_builder:build")
    their_run("theirs.yaml")
    done = ctbench(*command)
    assert not stranger.mark.exists()
    assert done.exit_code in {1, 2}
    assert "'theirs.yaml' is not the name of a dataset" in done.err


def test_a_yaml_in_the_working_folder_is_no_catalogue(stranger, monkeypatch):
    """A name is looked up in catalogues only, also where a YAML file of that name lies in the working folder."""
    monkeypatch.chdir(stranger.folder)
    write_yaml(stranger, "ctbench.phantom:build_anatomy")
    for name in ("theirs", "theirs.yaml"):
        with pytest.raises(DatasetError, match="no catalogue here describes"):
            local_dataset(name)


def test_verify_says_how_to_name_an_own_dataset(stranger, their_run, ctbench):
    """A run of a dataset that no catalogue describes is verified with --dataset FILE.yaml, says the message."""
    done = ctbench("verify", their_run("theirs"))
    assert done.exit_code == 2
    assert "no dataset has the name 'theirs'" in done.err
    assert "--dataset FILE.yaml" in done.err
    assert lock(open_run(stranger.folder / "run")).dataset == "theirs"
