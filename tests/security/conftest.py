"""A stranger's folder: files that leave a mark when ctbench runs them with the user's rights."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctbench.predictors.isolation import sandbox

PROGRAM = Path(sys.executable).with_name("ctbench")

MODEL = """
import numpy as np
import ctbench


class Zeros:
    def __init__(self):
        self.info = ctbench.PredictorInfo(name="zeros", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        return ctbench.Prediction(np.zeros(image.shape, np.uint8))
"""

SHADOWED = (
    *("numpy", "pandas", "joblib", "torch", "yaml", "lazy_loader", "SimpleITK", "streamlit", "reference_models"),
    *("pickle", "tempfile", "subprocess", "multiprocessing", "signal", "argparse", "sitecustomize", "usercustomize"),
)
"""Modules that helper processes import while they start, and some that ctbench imports later."""


@dataclass(frozen=True)
class Stranger:
    """A folder that a stranger wrote, and the mark that code of theirs leaves outside of any sandbox.

    Args:
        folder: The working folder of `run`.
        mark: File that is there after code of the stranger ran with the user's rights.
    """

    folder: Path
    mark: Path

    @property
    def trap(self):
        """Python code that leaves the mark."""
        return f"import os\nos.close(os.open({str(self.mark)!r}, os.O_CREAT | os.O_WRONLY))\n"

    def run(self, *arguments, **environment):
        """Run a program in the folder, with standard output and error as text."""
        return subprocess.run(
            list(map(str, arguments)),
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )

    def ctbench(self, *arguments, **environment):
        """Run the command `ctbench` in the folder."""
        return self.run(PROGRAM, *arguments, **environment)


@pytest.fixture
def stranger(tmp_path):
    """An empty folder of a stranger, beside no data."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    return Stranger(folder, tmp_path / "mark")


@pytest.fixture
def program():
    """The path of the command `ctbench`."""
    return PROGRAM


@pytest.fixture
def shadows(stranger):
    """The folder with a model, and modules named as those that helper processes import."""
    (stranger.folder / "model.py").write_text(MODEL)
    for name in SHADOWED:
        (stranger.folder / f"{name}.py").write_text(stranger.trap)
    return stranger


@pytest.fixture
def needs_bubblewrap():
    """Skip where there is no sandbox."""
    if not sandbox.is_sandboxed():
        pytest.skip("; ".join(sandbox.missing_protections()))
