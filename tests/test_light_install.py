"""The package without its extras: what needs none works, and what needs one says which."""

import json
import subprocess
import sys

import pytest

from ctbench.extras import EXTRA_OF

WITHOUT = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from ctbench.cli import main

for words in json.loads(sys.argv[1]):
    sys.argv = ["ctbench", *words]
    try:
        main()
    except SystemExit as end:
        print(words[0], "ended with", end.code or 0)
"""


@pytest.fixture
def without_extras(tmp_path):
    """Run commands, one after another, in a process in which no package of an extra can be imported."""

    def run(*commands):
        program = [sys.executable, "-c", WITHOUT.format(blocked=set(EXTRA_OF)), json.dumps(commands)]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=200)

    return run


@pytest.mark.slow
def test_scores_consensus_runs_and_report_need_no_extra(without_extras, blobs_folder, tmp_path):
    """Whoever has predictions already installs neither torch nor Streamlit."""
    readers = blobs_folder / "readers"
    masks = [str(readers / reader / "b.nii.gz") for reader in ("r1", "r2", "r3")]
    predictions = tmp_path / "theirs"
    predictions.symlink_to(readers / "r1")
    (readers / "r1" / "labels.json").write_text(json.dumps({"iph": 1, "ivh": 2}))
    data = str(blobs_folder / "blobs.yaml")
    done = without_extras(
        ["score", masks[0], masks[1], "--label", "iph=1", "--label", "ivh=2", "--json"],
        ["consensus", *masks, "--out", "fused"],
        ["run", "folder:theirs", "-d", data, "--metric", "dice", "-j", "1"],
        ["report", "runs/blobs/folder-theirs", "runs/blobs/readers"],
    )
    ended = [line for line in done.stdout.splitlines() if " ended with " in line]
    expected = [f"{name} ended with 0" for name in ("score", "consensus", "run", "report")]
    assert ended == expected, done.stderr


def test_what_needs_an_extra_names_it_with_the_command(without_extras):
    """One sentence and exit code 2, in place of a traceback."""
    done = without_extras(["predictors", "cai-unet-demo"], ["leaderboard", "."], ["demo"])
    told = [line for line in done.stderr.splitlines() if "which is not installed" in line]
    assert "Traceback" not in done.stderr
    assert [line.partition(" needs ")[0] for line in told] == [
        "ctbench: predictor cai-unet-demo",
        "ctbench: this command",
        "ctbench: ctbench demo",
    ]
    extras = [line.rpartition("run in the repository: ")[2] for line in told]
    assert extras == [f"pip install '.[{extra}]'" for extra in ("models", "leaderboard", "models")]
    assert done.stdout.count("ended with 2") == 3
