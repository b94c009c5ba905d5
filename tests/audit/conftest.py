"""The audit of the papers' tables, which several tests look at."""

import pytest

from ctbench.audit import audit


@pytest.fixture(scope="session")
def whole():
    """The audit of all papers."""
    return audit()


@pytest.fixture
def one(whole):
    """A function that gives the one row with the given fields."""

    def select(**fields):
        rows = whole
        for name, value in fields.items():
            rows = rows[rows[name].eq(value)]
        assert len(rows) == 1, f"{len(rows)} rows have {fields}"
        return rows.iloc[0]

    return select
