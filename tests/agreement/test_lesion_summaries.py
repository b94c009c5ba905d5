"""Summaries of lesions among readers, by hand."""

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement.lesion_summaries import (
    found_and_missed,
    lesion_counts,
    lesion_numbers,
    lesion_presence,
    lesion_readers,
)
from ctbench.agreement.lesions import LesionStudy

# case, lesion, volume in mL, who found it; all three readers read every place
FOUND = (("p", 1, 6.0, "abc"), ("p", 2, 0.1, "abc"), ("q", 1, 0.1, "ab"), ("q", 2, 0.1, "c"))


@pytest.fixture
def lesions():
    """Four candidates in two of three patients: two of all, one that c misses, one of c alone; b splits the first."""
    cases, rows, readings = [], [], []
    for case in "pqr":
        own = [found for name, _, _, found in FOUND if name == case]
        cases += [(case, case, "iph", reader, sum(reader in found for found in own)) for reader in "abc"]
    for case, lesion, ml, found in FOUND:
        size = "medium" if ml > 5 else "small"
        rows.append((case, case, "iph", lesion, "", len(found), 3, ml, size, 1, 0, "", ""))
        for reader in "abc":
            others = len(set(found) - {reader})
            marks = (1 if (case, lesion, reader) == ("p", 1, "b") else 0, 0)
            drew = reader in found
            readings.append((case, case, "iph", lesion, size, reader, drew, int(drew), ml * drew, *marks, others, 2))
    columns = "case patient label lesion verdict found read volume_ml size_class parts slice found_by missed_by"
    kept = "case patient label lesion size_class reader found pieces volume_ml splits merges others_found others_read"
    return LesionStudy(
        0.0,
        pd.DataFrame(cases, columns=["case", "patient", "label", "reader", "lesions"]),
        pd.DataFrame(rows, columns=columns.split()),
        pd.DataFrame(readings, columns=kept.split()),
    )


def test_presence_is_judged_by_case_and_by_lesion(lesions):
    """All agree on the three cases; of the candidates 14 of 18 pairs are positive, by class 1 and 8 of 12."""
    table = lesion_presence(lesions).set_index(["unit", "size_class"])
    cases = table.loc[("cases", "all"), ["n", "by_all", "kappa", "ac1", "positive"]]
    assert cases.tolist() == pytest.approx([3, 2, 1, 1, 1])
    whole = table.loc[("lesions", "all")]
    assert whole[["n", "by_all", "by_one"]].tolist() == [4, 2, 1]
    assert whole[["kappa", "ac1", "positive"]].tolist() == pytest.approx([1 / 9, 7 / 15, 7 / 9])
    assert whole["positive_low"] < 7 / 9 < whole["positive_high"]
    assert table.loc[("lesions", "medium"), "n"] == 1
    assert table.loc[("lesions", "small"), "positive"] == pytest.approx(8 / 12)
    assert ("lesions", "large") not in table.index


def test_agreement_on_the_number_of_lesions_is_weighted(lesions):
    """Two, two, two; one, one, none; none: AC2 by hand. Readers who count alike agree fully."""
    assert lesion_numbers(lesions)["ac2"].tolist() == [1]
    counts = lesions.cases["lesions"].mask(lesions.cases[["case", "reader"]].eq(["q", "c"]).all(axis=1), 0)
    study = LesionStudy(0.0, lesions.cases.assign(lesions=counts), lesions.lesions, lesions.readings)
    (row,) = lesion_numbers(study).to_dict("records")
    chance = 5 / 6 * (2 / 9 + 14 / 81 + 20 / 81)
    assert row["ac2"] == pytest.approx((8 / 9 - chance) / (1 - chance))
    assert (row["n"], row["fewest"], row["most"]) == (3, 2 / 3, 1)
    assert row["low"] < row["ac2"] < row["high"]


def test_lesions_are_counted_by_k(lesions):
    """One reader is enough for four, two for three, three for two."""
    table = lesion_counts(lesions)
    assert table[["least", "lesions", "undecided"]].to_numpy().tolist() == [[1, 4, 0], [2, 3, 0], [3, 2, 0]]
    assert table["volume_ml"].tolist() == pytest.approx([6.3, 6.2, 6.1])


def test_each_reader_is_held_against_the_others(lesions):
    """C misses one of three lesions of a and b, and draws one that they do not; a draws one that half of them do."""
    table = lesion_readers(lesions).set_index(["size_class", "reader"])
    c = table.loc[("all", "c")]
    assert c[["read", "found", "others_lesions", "others_found"]].tolist() == [4, 3, 3, 2]
    assert c[["confirmed", "unconfirmed", "alone", "missed_alone"]].tolist() == [2, 1, 1, 1]
    assert c[["sensitivity", "precision"]].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert 0 <= c["low"] < 2 / 3 < c["high"] <= 1
    a = table.loc[("all", "a")]
    assert a[["found", "others_lesions", "others_found", "confirmed", "unconfirmed"]].tolist() == [3, 2, 2, 2, 0]
    assert table.loc[("all", "b"), ["splits", "merges"]].tolist() == [1, 0]
    assert table.loc[("medium", "b"), ["read", "splits"]].tolist() == [1, 1]
    assert table.index.get_level_values("size_class").unique().tolist() == ["all", "medium", "small"]


def test_what_one_finds_another_misses(lesions):
    """C misses .1 mL of a, and a and b miss .1 mL of c; a and b miss nothing of each other."""
    table = found_and_missed(lesions).set_index(["reader", "other"])
    assert table["missed"].to_dict() == {
        ("a", "b"): 0,
        ("a", "c"): 1,
        ("b", "a"): 0,
        ("b", "c"): 1,
        ("c", "a"): 1,
        ("c", "b"): 1,
    }
    assert table.loc[("a", "b"), "both"] == 3
    assert table.loc[("a", "c"), "missed_volume_ml"] == pytest.approx(0.1)


def test_a_place_that_one_reader_read_counts_nowhere(lesions):
    """Neither in the agreement nor for its reader; the count of lesions has it."""
    lesions.lesions.loc[3, "read"] = 1
    alone = lesions.readings.drop([9, 10]).assign(others_read=lambda own: np.where(own.index == 11, 0, 2))
    study = LesionStudy(0.0, lesions.cases, lesions.lesions, alone)
    table = lesion_presence(study).set_index(["unit", "size_class"])
    assert table.loc[("lesions", "all"), ["n", "left_out"]].tolist() == [3, 1]
    assert lesion_readers(study).set_index(["size_class", "reader"]).loc[("all", "c"), "read"] == 3
    assert lesion_counts(study)["undecided"].tolist() == [0, 1, 1]
