"""Tests of runs."""

import pytest


@pytest.fixture(autouse=True)
def in_no_repository(nowhere):
    """Every test of this folder works outside any repository."""
