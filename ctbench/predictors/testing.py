"""The conformance test as a pytest fixture, for the test suites of plugins.

Example of a plugin's ``tests/test_conformance.py``::

    from ctbench.predictors.testing import assert_conforms  # noqa: F401

    from my_package import MyModel

    def test_my_model_keeps_the_contract(assert_conforms):
        assert_conforms(MyModel())
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctbench.predictors.conformance import check_conformance
from ctbench.predictors.predictor import Predictor

__all__ = ["assert_conforms"]


@pytest.fixture
def assert_conforms() -> Callable[[Predictor], None]:
    """Return a function that fails the test, listing every failed check, unless a predictor keeps the contract."""

    def check(predictor: Predictor) -> None:
        broken = [f"{result.check}: {result.detail}" for result in check_conformance(predictor) if not result.passed]
        if broken:
            pytest.fail(f"{predictor.info.name} breaks the contract of predictors:\n" + "\n".join(broken))

    return check
