import pandas as pd

from ctbench.agreement import (
    ReadingStudy,
    StudyChoices,
    reliability,
    study_lesions,
    write_choice_tables,
    write_lesion_tables,
    write_reading_tables,
    write_tables,
)


def test_every_table_is_written_unrounded(study, tmp_path):
    """What was written is what the study holds, to the last digit."""
    paths = {path.name: path for path in write_tables(study, tmp_path / "new")}
    assert set(paths) == {
        *("pairs.csv", "pair-summary.csv", "agreement.csv", "reliability.csv"),
        *("by-reader.csv", "reader-summary.csv", "disagreement.csv", "skipped.csv"),
    }
    pairs = pd.read_csv(paths["pairs.csv"])
    assert list(pairs.columns) == list(study.pairs.columns)
    assert pairs["value"].equals(study.pairs["value"].reset_index(drop=True))
    assert len(pd.read_csv(paths["reliability.csv"])) == len(reliability(study)) == 3 * 10
    assert pd.read_csv(paths["skipped.csv"]).empty


def test_the_tables_of_sessions_and_conditions_are_written_too(tmp_path):
    """Readings, pairs and their four summaries."""
    columns = ["case", "reader", "session", "condition", "seconds", "order", "label", "metric", "value"]
    rows = [("c1", reader, "1", "", 9.0, 1, "iph", "dice", 1 / 3) for reader in "ab"]
    pairs = pd.DataFrame(columns=["case", "label", "condition", "kind", "reader", "other", "metric", "value"])
    paths = write_reading_tables(ReadingStudy("", ("",), pd.DataFrame(rows, columns=columns), pairs), tmp_path)
    assert [path.name for path in paths] == [
        *("readings.csv", "reading-pairs.csv", "intra-inter.csv", "components.csv", "volume-limits.csv"),
        *("borders.csv", "aided.csv"),
    ]
    assert pd.read_csv(paths[0])["value"].tolist() == [1 / 3, 1 / 3]


def test_the_tolerances_are_written_as_they_stand_in_a_yaml_file(tmp_path):
    """The file holds the field of a data set's entry; the tables lie beside it."""
    who = {"case": "c1", "label": "iph"}
    subsets = [who | {"readers": 1, "subset": "a", "dice": 0.9, "volume_ml": 1.0, "indeterminate_share": 0.0}]
    rules = [who | {"rule": "majority", "volume_ml": 1.0, "dice": 1.0}]
    distances = [who | {"reader": "a", "other": "b", "distance_mm": 0.91}]
    paths = write_choice_tables(StudyChoices(*map(pd.DataFrame, (subsets, rules, distances))), tmp_path)
    assert [path.name for path in paths] == ["how-many-readers.csv", "consensus-rules.csv", "tolerances.yaml"]
    assert paths[-1].read_text() == "tolerance_mm:\n  iph: 1.0\n"


def test_the_lesions_are_written_with_their_summaries(blobs, tmp_path):
    """Every candidate and every reading of the study, and four tables made of them."""
    study = study_lesions(blobs, jobs=1)
    paths = {path.name: path for path in write_lesion_tables(study, tmp_path)}
    assert set(paths) == {
        *("lesions.csv", "lesion-disputes.csv", "lesion-readings.csv", "lesion-presence.csv"),
        *("lesion-numbers.csv", "lesion-counts.csv", "lesion-readers.csv", "lesion-pairs.csv"),
    }
    assert pd.read_csv(paths["lesions.csv"])["volume_ml"].equals(study.lesions["volume_ml"])
    assert pd.read_csv(paths["lesion-pairs.csv"])["missed"].sum() == 0
