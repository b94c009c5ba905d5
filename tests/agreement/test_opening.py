"""The opening sentences of a study whose readers read once."""

from ctbench.agreement import (
    opening_sentences,
    opening_summary,
    pair_summary,
    reliability,
    study_readers,
    study_readings,
)


def test_a_study_and_its_readings_open_with_the_same_numbers(study, blobs):
    """Pairwise Dice and the ICC are those of the tables, whether the sentence is made with readings or without."""
    found = opening_sentences(study)
    assert found == opening_sentences(study, study_readings(blobs, jobs=1))
    pairs = pair_summary(study).query("metric == 'dice' and label == 'iph'")["mean"]
    icc = reliability(study).query("statistic == 'icc(2,1)'").set_index("label")["value"]
    assert f"pairwise Dice {pairs.min():.2f} to {pairs.max():.2f}" in found["iph"]
    assert set(found) == set(study.labels)
    shown = {label for label, text in found.items() if "ICC" in text}
    assert shown == set(icc.dropna().index) & set(found)


def test_the_opening_needs_no_more_than_a_brief_study(study, blobs):
    """The Dice of pairs and the volumes are enough, and the sentences are the same."""
    brief = study_readers(blobs, jobs=1, briefly=True)
    assert opening_sentences(brief) == opening_sentences(study)
    assert set(brief.pairs["metric"]) == {"dice"}
    assert brief.pictures == {}


def test_many_structures_have_one_sentence_with_the_lowest_and_the_highest(study, monkeypatch):
    """Few need none; the ends of the ranges are those of the single sentences."""
    assert opening_summary(study) == ""
    monkeypatch.setattr("ctbench.agreement.opening._FEW", 1)
    pairs = pair_summary(study).query("metric == 'dice'")
    pairs = pairs[pairs["label"].isin(study.labels)].dropna(subset="mean").set_index("label")["mean"]
    told = opening_summary(study)
    assert told.startswith(
        f"{len(study.labels)} structures: pairwise Dice {pairs.min():.2f} ({pairs.idxmin()}) to "
        f"{pairs.max():.2f} ({pairs.idxmax()})"
    )
    assert opening_summary(study, None).endswith(".")
