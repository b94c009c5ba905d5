"""The opening sentences of a study whose readers read once."""

from ctbench.agreement import opening_sentences, pair_summary, reliability, study_readings


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
