from ctbench.report.frames.published import published_rows


def test_what_papers_printed_is_marked():
    """Cai's Table 3: the model's overall Dice with its SD, its source and that it is never ranked."""
    rows = published_rows("cai2020", ("caudate", "ventricles"), "dice")
    row = rows[rows["rater"] == "model (Cai 2020)"].iloc[0]
    assert set(rows["rater_kind"]) == {"published"}
    assert 0.5 < row["mean"] < 1
    assert row["reason"].startswith("printed in Table 3 of Cai 2020")
    assert row["reason"].endswith("never ranked")


def test_a_structure_has_rows_of_its_own():
    """One name asks for that structure, several for the papers' own overall rows."""
    one, all_of_them = (published_rows("cai2020", over, "dice") for over in (("caudate",), ("caudate", "lentiform")))
    assert len(one)
    assert one["mean"].tolist() != all_of_them["mean"].tolist()


def test_other_datasets_and_metrics_have_none():
    """Nor has a dataset that no catalogue knows."""
    assert published_rows("nobody's", ("caudate",), "dice").empty
    assert published_rows("cai2020", ("caudate",), "hd95").empty
