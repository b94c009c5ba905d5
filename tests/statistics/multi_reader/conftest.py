"""Ratings of a multi-reader multi-case study, drawn from a seed."""

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
