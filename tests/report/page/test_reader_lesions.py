"""The section about lesions among readers: its numbers are those of the tables."""

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement import LesionStudy, Snapshot, study_lesions
from ctbench.report.page.reader_lesions import can_have_reader_lesions, lesions_among_readers, lesions_section
from ctbench.volume import Volume

COLUMNS = "case patient label lesion size_class reader found pieces volume_ml splits merges others_found others_read"


@pytest.fixture
def lesions():
    """Two lesions of two patients: both of three readers found the first, b missed the second, of 7.125 mL."""
    cases = [(case, case, "iph", reader, 1) for case in "pq" for reader in "abc"]
    rows = [
        ("p", "p", "iph", 1, "lesion", 3, 3, 30.0, "large", 1, 4, "a b c", "", 0.0),
        ("q", "q", "iph", 1, "lesion", 2, 3, 7.125, "medium", 1, 8, "a c", "b", 1 / 3),
    ]
    readings = []
    for case, size, ml, missed in (("p", "large", 30.0, ""), ("q", "medium", 7.125, "b")):
        for reader in "abc":
            others = 2 if missed in ("", reader) else 1
            readings.append((case, case, "iph", 1, size, reader, reader != missed, 1, ml, 0, 0, others, 2))
    columns = "case patient label lesion verdict found read volume_ml size_class parts slice found_by missed_by dispute"
    return LesionStudy(
        2.5,
        pd.DataFrame(cases, columns=["case", "patient", "label", "reader", "lesions"]),
        pd.DataFrame(rows, columns=columns.split()),
        pd.DataFrame(readings, columns=COLUMNS.split()),
        {("q", "iph", 1): Snapshot(Volume(np.ones((1, 4, 4), np.float32), (5, 1, 1)), (8, 0, 0), 20)},
    )


def test_the_section_says_who_missed_what(lesions):
    """The lesion that b missed is listed with its slice from 1; b found one of two, the others missed none."""
    text = lesions_section(lesions)
    for part in ("at most 2.5 mm apart", "7.12", "1 of 2", "0.800", ">9<", "large", "medium"):
        assert part in text
    assert text.count("a b c") == 0  # found by all: not in the list
    assert "slice 9 of 20, 7.12 mL, found by a and c, missed by b" in text
    assert text.count("data:image/png") == 1


def test_the_report_has_the_same_section(results, dataset):
    """Of the structures that are lesions: the section of a study of the same cases."""
    assert can_have_reader_lesions(results)
    study = study_lesions(dataset.select(results.cases), structures=["septum_pellucidum"], jobs=1)
    assert lesions_among_readers(results, dataset) == lesions_section(study)


def test_without_lesions_there_is_a_sentence(lesions):
    """No table of nothing."""
    none = LesionStudy(0.0, lesions.cases, lesions.lesions.head(0), lesions.readings.head(0))
    assert lesions_section(none) == "<p>No reader drew a lesion.</p>"
