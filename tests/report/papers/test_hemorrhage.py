"""What the papers on hemorrhage need of some runs."""

import pytest

from ctbench.report.papers.hemorrhage import expect_bleed, expect_model_of_bleed
from ctbench.report.papers.part import Material, NotAvailableError


def test_a_single_label_stands_for_any_hemorrhage(make_small_runs, tmp_path):
    """So does a group of that name; of two other labels none does, and the sentence says what there is."""
    one = Material.of(make_small_runs(tmp_path / "one", labels={"caudate": 6}), {}).one()
    two = Material.of(make_small_runs(tmp_path / "two"), {}).one()
    assert expect_bleed([two, one]) == [(one, "caudate")]
    assert expect_model_of_bleed(one) == "caudate"
    with pytest.raises(
        NotAvailableError, match=r"needs a structure that stands for any hemorrhage.*toy has caudate, v"
    ):
        expect_bleed([two])


def test_readers_alone_are_no_models(make_small_runs, tmp_path):
    """A table of models needs one."""
    readers = make_small_runs(tmp_path, raters=("reader1", "reader2"), labels={"caudate": 6})
    with pytest.raises(NotAvailableError, match="needs a run of a model, got readers only"):
        expect_model_of_bleed(Material.of(readers, {}).one())
