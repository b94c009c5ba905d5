"""Python files and settings in the working folder are not run by ctbench's own processes."""

import sys

import pytest

QUICK = ("--metric", "dice", "-j", 2)


@pytest.mark.parametrize("command", [("run", "model:Zeros"), ("run", "readers")])
def test_helper_processes_import_nothing_from_the_working_folder(shadows, blobs_folder, command):
    """Workers and the sandboxed process import the installed numpy, not a stranger's."""
    done = shadows.ctbench(*command, "-d", blobs_folder / "blobs.yaml", *QUICK)
    assert done.returncode == 0, done.stderr
    assert not shadows.mark.exists()


def test_a_dataset_is_made_without_the_working_folder(shadows):
    """The workers of a phantom's builder import nothing from the working folder."""
    catalogue = shadows.folder / "small.yaml"
    catalogue.write_text(
        "small:\n  title: A small phantom\n  modality: CT\n  task: segmentation\n  labels: {ventricles: 1}\n"
        "  image: images/{case}.nii.gz\n  readers: readers/{reader}/{case}.nii.gz\n"
        "  builder: ctbench.phantom:build_anatomy\n"
        "  builder_options: {train: 1, validation: 0, test: 1, shape: [12, 48, 48], jobs: 2}\n"
    )
    done = shadows.ctbench("datasets", "check", catalogue)
    assert "nothing is missing" in done.stderr
    assert not shadows.mark.exists()


def test_python_m_ctbench_works_without_the_working_folder(shadows):
    """`python -m ctbench` is the command, and takes the working folder off the path before it imports anything."""
    done = shadows.run(sys.executable, "-m", "ctbench", "metrics", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == shadows.ctbench("metrics", "--json").stdout
    assert not shadows.mark.exists()


def test_the_folder_of_a_module_is_searched_last(stranger):
    """Code that ctbench imports after a trusted predictor was loaded does not come from beside the predictor."""
    (stranger.folder / "model.py").write_text("import ctbench\nclass Model: pass\n")
    (stranger.folder / "wave.py").write_text(stranger.trap)
    code = (
        "import pathlib, sys\n"
        "from ctbench.errors import ContractError\n"
        "from ctbench.predictors import load_predictor\n"
        "try: load_predictor('model:Model', here=pathlib.Path.cwd())\n"
        "except ContractError: pass\n"
        "assert 'model' in sys.modules\n"
        "import wave\n"
    )
    done = stranger.run(sys.executable, "-P", "-c", code)
    assert done.returncode == 0, done.stderr
    assert not stranger.mark.exists()


def test_a_trusted_program_has_the_users_environment(stranger, blobs_folder):
    """A script that imports the file beside it still runs: the variable that protects workers does not reach it."""
    (stranger.folder / "labels.json").write_text('{"name": "zeros", "version": "1", "labels": {"hemorrhage": 1}}')
    (stranger.folder / "answer.py").write_text("import shutil\n")
    script = "import sys\nimport answer\nimport SimpleITK as s\n"
    script += "s.WriteImage(s.Cast(s.ReadImage(sys.argv[1]) > 50, s.sitkUInt8), sys.argv[2])\n"
    (stranger.folder / "script.py").write_text(script)
    command = f"command:{sys.executable} script.py {{image}} {{output}}"
    done = stranger.ctbench("run", command, "--trust", "-d", blobs_folder / "blobs.yaml", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "have no prediction" not in done.stderr


def test_settings_of_numba_in_the_working_folder_are_refused(stranger, blobs_folder):
    """A file that would make numba read pickles from a stranger's folder ends the command with one sentence."""
    (stranger.folder / "kept").mkdir()
    (stranger.folder / ".numba_config.yaml").write_text(f"cache_dir: {stranger.folder / 'kept'}\n")
    done = stranger.ctbench("run", "threshold", "-d", blobs_folder / "blobs.yaml", "--metric", "hd95", "-j", 1)
    assert list((stranger.folder / "kept").iterdir()) == []
    assert done.returncode == 2
    assert "holds .numba_config.yaml" in done.stderr
    assert len(done.stderr.splitlines()) < 5
