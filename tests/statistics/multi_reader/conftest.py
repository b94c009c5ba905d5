"""Ratings and marks of multi-reader multi-case studies."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def ratings():
    """A function that draws ratings 1 to 5 of readers in conditions on some normal and as many diseased cases."""

    def make(conditions=("a", "b"), readers=("r1", "r2", "r3"), cases=12, seed=0):
        rng = np.random.default_rng(seed)
        truth = np.repeat([False, True], cases)
        case = rng.normal(size=2 * cases)
        rows = [
            {"condition": condition, "reader": reader, "case": f"case{at:03d}", "truth": truth[at], "rating": rating}
            for condition in conditions
            for reader in readers
            for at, rating in enumerate(np.digitize(case + truth + rng.normal(size=2 * cases), [-1, 0, 1, 2]) + 1)
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def marks():
    """Two readers and conditions; of the diseased case's two lesions only the first is found, surely."""
    rows = [
        {"condition": condition, "reader": reader, "case": case, "lesion": lesion, "rating": rating, "weight": weight}
        for condition in "ab"
        for reader in "rs"
        for case, lesion, rating, weight in (
            ("ill1", "big", 5.0, 3.0),
            ("ill1", "small", np.nan, 1.0),
            ("ill2", "only", 5.0, 7.0),
            ("well1", None, 2.0, np.nan),
            ("well2", None, 1.0, np.nan),
        )
    ]
    return pd.DataFrame(rows)
