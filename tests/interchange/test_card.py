from dataclasses import replace

import numpy as np
import pytest
import yaml

from ctbench.datasets import load_dataset
from ctbench.errors import UsageError
from ctbench.interchange import export_card
from ctbench.volume import Volume, write_volume


@pytest.fixture
def counted(tmp_path):
    """Two cases of 100 voxels of 0.01 mL: one with 10 voxels of iph, one with none and two that are ignored."""
    for case, drawn, ignored in (("a", 10, 0), ("b", 0, 2)):
        labels = np.zeros(100, np.uint8)
        labels[:drawn] = 1
        labels[90 : 90 + ignored] = 9
        write_volume(Volume(labels.reshape(4, 5, 5), (5.0, 1.0, 2.0)), tmp_path / "masks" / f"{case}.nii.gz")
    (tmp_path / "cases.csv").write_text("case,split,scanner\na,train,GE\nb,test,GE|X\n")
    entry = {"title": "Heads", "modality": "CT", "task": "segmentation", "labels": {"iph": 1, "ivh": 2}}
    entry |= {"groups": {"any": ["iph", "ivh"]}, "reference": "masks/{case}.nii.gz", "ignore": 9, "cases": "cases.csv"}
    (tmp_path / "d.yaml").write_text(yaml.safe_dump({"d": {**entry, "licence": "CC0", "access": "Write to us."}}))
    return load_dataset(tmp_path / "d.yaml")


def test_the_numbers_are_those_of_the_masks(counted, tmp_path):
    """10 of the 198 voxels that count are iph, 0.1 mL in one case; spacing and size stand by axis."""
    text = export_card(counted, tmp_path / "card.md").read_text()
    assert "| iph | 1 | 1 of 2 | 5.0505% | 0.10 |" in text
    assert "| background | 0 | 2 of 2 | 94.9495% | 0.94 |" in text
    assert "| ivh | 2 | 0 of 2 | 0.0000% |  |" in text
    assert "| spacing x (mm) | 2 | 2 | 2 |" in text
    assert "| size z (voxels) | 4 | 4 | 4 |" in text
    assert "| split | train | 1 |" in text
    assert "| scanner | GE\\|X | 1 |" in text
    assert "- any: iph, ivh" in text
    assert "- Licence: CC0" in text


def test_the_limits_are_said_in_sentences(counted, tmp_path):
    """What does not count, labels without a case, one mask a case, patients unknown."""
    text = export_card(counted, tmp_path / "card.md").read_text()
    limits = text.partition("## Limits")[2]
    assert "1.00% of the voxels do not count" in limits
    assert "No case holds ivh." in limits
    assert "one released reference" in limits
    assert "not known which cases are of the same patient" in limits
    assert "no splits" not in limits
    assert "simulated" not in limits


def test_a_case_without_a_grid_does_not_count_in_the_table_of_voxels(counted, tmp_path):
    """A case that has neither image nor mask adds no spacing of its own; without any grid there is no table."""
    bare = replace(counted["a"], reference_path=None)
    text = export_card(replace(counted, cases=(bare, counted["b"])), tmp_path / "one.md").read_text()
    assert "| spacing x (mm) | 2 | 2 | 2 |" in text
    assert "## Voxels" not in export_card(replace(counted, cases=(bare,)), tmp_path / "none.md").read_text()


def test_readers_are_counted_and_nothing_is_overwritten(study, tmp_path):
    """The table of readers, and the rule of the consensus."""
    out = export_card(load_dataset(study), tmp_path / "card.md", consensus="staple")
    text = out.read_text()
    assert "Numbers below are of the consensus: staple." in text
    assert "| anna | 3 | all |" in text
    assert "3 cases of 2 patients." in text
    with pytest.raises(UsageError, match=r"card\.md exists"):
        export_card(load_dataset(study), out)
