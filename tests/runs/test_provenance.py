import subprocess
from importlib.metadata import version

from ctbench.runs.provenance import describe_device, git_state, package_versions, seeds_in


def test_the_commit_of_the_working_folder_is_known(tmp_path, monkeypatch):
    """A changed file that git knows makes it dirty; one that it does not know, e.g. the run, does not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() is None
    (tmp_path / "file").write_text("one")
    for command in (
        ["init", "-q"],
        ["add", "file"],
        ["-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *command], check=True)  # noqa: S607  # git is where PATH says
    state = git_state()
    assert len(state.commit) == 40
    assert not state.dirty
    (tmp_path / "run.json").write_text("{}")
    assert git_state() == state
    (tmp_path / "file").write_text("two")
    assert git_state().dirty


def test_devices_and_seeds():
    """A device that was not named is the predictor's choice; only whole numbers are seeds."""
    assert [describe_device(name) for name in (None, "", "cpu")] == ["default", "default", "cpu"]
    assert describe_device("cuda:99").startswith("cuda:99")
    assert seeds_in({"seed": 3, "noise_seed": 4, "seeds": 5, "seed_file": "x", "depth": 6}) == {
        "noise_seed": 4,
        "seed": 3,
    }


def test_versions_are_those_of_what_can_move_a_number():
    """Python, ctbench and numpy are always there; a package that is not installed is left out."""
    versions = package_versions()
    assert versions["numpy"] == version("numpy")
    assert versions["ctbench"] == version("ctbench")
    assert versions["python"].count(".") == 2
    assert all(versions.values())
