"""Readings of a small study: who is compared with whom, and on which reference each reading is scored."""

import numpy as np
import pytest

from ctbench.agreement.repeats import DIFFERENT_READERS, SAME_READER, study_readings
from ctbench.datasets import load_dataset
from ctbench.errors import DataError
from ctbench.volume import Volume, write_volume

YAML = """
toy:
  title: made up
  modality: CT
  task: segmentation
  labels: {iph: 1}
  readers: masks/{reader}/{condition}/{session}/{case}.nii.gz
  conditions: [unaided, aided]
  readings: readings.csv
"""


@pytest.fixture
def toy(tmp_path):
    """One case: ann's boxes are 4 and 5 wide, bob's 6 and 6, cyd's 8; aided all are 6."""
    widths = {
        ("ann", "unaided", "1"): 4,
        ("ann", "unaided", "2"): 5,
        ("ann", "aided", "1"): 6,
        ("bob", "unaided", "1"): 6,
        ("bob", "unaided", "2"): 6,
        ("bob", "aided", "1"): 6,
        ("cyd", "unaided", "1"): 8,
    }
    rows = ["case,reader,condition,session,seconds,order"]
    for number, ((reader, condition, session), width) in enumerate(widths.items()):
        array = np.zeros((6, 20, 20), np.uint8)
        array[2:4, 5:13, 6 : 6 + width] = 1
        write_volume(Volume(array, (2.0, 1.0, 1.0)), tmp_path / "masks" / reader / condition / session / "c1.nii.gz")
        rows.append(f"c1,{reader},{condition},{session},{60 + number},{number + 1}")
    (tmp_path / "readings.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "toy.yaml").write_text(YAML)
    return load_dataset(tmp_path / "toy.yaml")


def test_each_reading_is_scored_on_the_reference_without_its_reader(toy):
    """Ann's sessions are scored on bob and cyd's first sessions (6 wide, 2 undecided), and never on her own."""
    study = study_readings(toy, jobs=1)
    dice = study.readings[study.readings["metric"] == "dice"].set_index(["reader", "condition", "session"])["value"]
    assert dice["ann", "unaided", "1"] == pytest.approx(2 * 4 / (4 + 6))
    assert dice["ann", "unaided", "2"] == pytest.approx(2 * 5 / (5 + 6))
    assert dice["ann", "aided", "1"] == 1.0
    volumes = study.readings[study.readings["metric"] == "volume_ml"]
    assert sorted(volumes["value"].round(6)) == [round(2 * 2 * 8 * width / 1000, 6) for width in (4, 5, 6, 6, 6, 6, 8)]


def test_sessions_of_one_reader_and_first_sessions_of_two_are_pairs(toy):
    """Sessions of different readers other than the first are no pairs, nor are readings of different conditions."""
    study = study_readings(toy, jobs=1)
    dice = study.pairs[study.pairs["metric"] == "dice"]
    found = {
        (row["kind"], row["condition"], row["reader"], row["other"]): row["value"] for row in dice.to_dict("records")
    }
    assert found == {
        (SAME_READER, "unaided", "ann", "ann"): pytest.approx(8 / 9),
        (SAME_READER, "unaided", "bob", "bob"): 1.0,
        (DIFFERENT_READERS, "unaided", "ann", "bob"): pytest.approx(8 / 10),
        (DIFFERENT_READERS, "unaided", "ann", "cyd"): pytest.approx(8 / 12),
        (DIFFERENT_READERS, "unaided", "bob", "cyd"): pytest.approx(12 / 14),
        (DIFFERENT_READERS, "aided", "ann", "bob"): 1.0,
    }


def test_offsets_of_borders_have_the_sign_of_what_is_drawn_too_much(toy):
    """Cyd draws outside of the common border, ann inside; times and orders come along."""
    study = study_readings(toy, jobs=1)
    own = study.readings[study.readings["metric"] == "border_offset_mm"].set_index(["reader", "condition", "session"])
    assert own.loc[("ann", "unaided", "1"), "value"] < own.loc[("ann", "unaided", "2"), "value"] < 0
    assert own.loc[("cyd", "unaided", "1"), "value"] > 0
    assert (own.loc[("cyd", "unaided", "1"), "seconds"], own.loc[("cyd", "unaided", "1"), "order"]) == (66.0, 7)


def test_a_single_reader_cannot_be_studied(tmp_path, toy):
    """With ann alone there is nobody to compare her with."""
    for reader in ("bob", "cyd"):
        for path in (tmp_path / "masks" / reader).rglob("*.nii.gz"):
            path.unlink()
    (tmp_path / "readings.csv").write_text("case,reader,condition,session\n")
    with pytest.raises(DataError, match="two readers"):
        study_readings(load_dataset(tmp_path / "toy.yaml"), jobs=1)
