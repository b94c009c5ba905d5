"""Tests mirror the packages: tests/metrics/test_surface.py tests ctbench/metrics/surface.py."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS_OF = {"ctbench": "tests", "leaderboard": "tests/leaderboard", "reference_models": "tests/reference_models"}
WITHOUT = {
    "ctbench/phantom/place.py": "a record of arrays, without a function",
    "ctbench/phantom/tissue.py": "constants: HU of tissues, which tests/phantom/test_head.py measures in heads",
    "reference_models/deepnat/inputs.py": "type definitions",
}
"""Module -> why it has no test module of its own name."""


@pytest.fixture(scope="module")
def unmatched():
    """The modules without a test module of their own name at the same place."""
    return {
        module.relative_to(ROOT).as_posix()
        for package, tests in TESTS_OF.items()
        for module in (ROOT / package).rglob("*.py")
        if not module.name.startswith("__")
        and not (ROOT / tests / module.relative_to(ROOT / package).with_name(f"test_{module.name}")).is_file()
    }


def test_every_module_has_a_test_module_of_its_own_name(unmatched):
    """Or it stands among the exceptions, with a reason."""
    assert unmatched - WITHOUT.keys() == set()
    assert all(WITHOUT.values())


def test_every_exception_is_needed(unmatched):
    """A module that is gone, or has a test module by now, is no exception any more."""
    assert WITHOUT.keys() - unmatched == set()
