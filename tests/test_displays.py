"""Short displays of objects, and those of the public classes."""

import numpy as np
import pytest

from ctbench import Prediction, Reference, load_dataset
from ctbench.displays import Displayed, names_in_short


class Thing(Displayed):
    """A thing with a hostile name."""

    def _facts(self):
        return {"name": "<b>x</b>\x1b[2J", "nothing": "", "count": 0}


def test_facts_are_shown_on_one_line_and_as_a_table():
    """Empty values are left out; markup and control sequences are text."""
    assert repr(Thing()) == r"Thing(name: <b>x</b>\x1b[2J, count: 0)"
    html = Thing()._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "nothing" not in html


def test_many_names_are_counted():
    """The first ones are named."""
    assert names_in_short([]) == "0"
    assert names_in_short("abcde") == "5 (a, b, c, d, ...)"


def test_arrays_are_not_printed():
    """A prediction and a reference show their shape, readers and excluded voxels."""
    labels = np.zeros((2, 3, 4), np.uint8)
    reference = Reference(labels, labels > 0, np.ones(2, bool), "majority", ("ann", "ben"))
    assert repr(Prediction(labels, score=0.25)) == "Prediction(labels: 2 x 3 x 4 uint8, score: 0.250)"
    assert repr(reference) == (
        "Reference(method: majority, readers: 2 (ann, ben), labels: 2 x 3 x 4 uint8, excluded: 0 voxels, "
        "annotated: 2 of 2 slices)"
    )


@pytest.mark.parametrize("shown", [repr, lambda thing: thing._repr_html_()])
def test_a_dataset_and_its_cases_are_short(blobs_folder, shown):
    """Numbers of cases and structures, readers by name; not the entry, paths and cases in full."""
    dataset = load_dataset(blobs_folder / "blobs.yaml")
    for thing in (dataset, next(iter(dataset))):
        text = shown(thing)
        assert "readers" in text
        assert len(text) < 1500
