"""What every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data():
    """The folder of real volumes; tests that want it are skipped where it is absent."""
    folder = Path(os.environ.get("CTBENCH_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real volumes are not at {folder}; set CTBENCH_TEST_DATA")
    return folder
