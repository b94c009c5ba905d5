"""Tidy scores for the tests of statistics."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def judged():
    """A function that lays out rater -> (status, value) of each case as tidy scores."""

    def make(values, *, metric="dice", label="bleed", unit="1", reference="majority", dataset="made-up"):
        rows = [
            {
                "dataset": dataset,
                "case": f"case{case}",
                "rater": rater,
                "rater_kind": "reader" if rater.startswith("reader") else "model",
                "reference": reference,
                "label": label,
                "metric": metric,
                "value": value,
                "unit": unit,
                "status": status,
                "detail": "",
            }
            for rater, own in values.items()
            for case, (status, value) in enumerate(own)
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def tidy(judged):
    """A function that lays out values, one list per rater (case by case, NaN: undefined), as tidy scores."""

    def make(values, *, label="caudate", **more):
        with_status = {
            rater: [("not_sampled" if np.isnan(value) else "ok", value) for value in sample]
            for rater, sample in values.items()
        }
        return judged(with_status, label=label, **more)

    return make


@pytest.fixture
def readers_and_model():
    """Dice of three readers and a model on twelve cases, drawn from a seed; the model is the worst by .05."""
    rng = np.random.default_rng(7)
    means = {"model": 0.80, "reader1": 0.85, "reader2": 0.84, "reader3": 0.86}
    return {rater: rng.normal(mean, 0.04, 12) for rater, mean in means.items()}


@pytest.fixture
def three(tidy):
    """Three raters on 40 cases: a and b alike, c clearly worse."""
    rng = np.random.default_rng(6)
    case = rng.normal(0.8, 0.05, 40)
    noise = 0.02 * np.where(np.arange(40) % 2, 1, -1)
    return tidy({"c": case - 0.05 + rng.normal(0, 0.01, 40), "a": case + 0.001 + noise, "b": case})
