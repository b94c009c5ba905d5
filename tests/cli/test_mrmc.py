import gzip
import json

import numpy as np
import pandas as pd
import pytest

from ctbench.statistics import mrmc, mrmc_against_readers, mrmc_cases_needed


@pytest.fixture
def ratings(tmp_path):
    """A CSV file of two conditions, three readers and 16 cases, and its rows."""
    rng, truth = np.random.default_rng(0), np.repeat([0, 1], 8)
    rows = [
        (condition, reader, f"case{at}", truth[at], rating)
        for condition in ("unaided", "aided")
        for reader in ("anna", "ben", "cora")
        for at, rating in enumerate(np.round(truth + rng.normal(size=16), 2))
    ]
    table = pd.DataFrame(rows, columns=["condition", "reader", "case", "truth", "rating"])
    path = tmp_path / "ratings.csv"
    table.to_csv(path, index=False)
    return path, table.assign(truth=table["truth"].eq(1))


def test_conditions_of_a_csv_file(ctbench, ratings):
    """The printed rows are those of the function."""
    path, table = ratings
    result = ctbench("mrmc", path, "--margin", "0.1", "--json")
    assert result.exit_code == 0
    expected = mrmc(table, margin=0.1).table
    assert json.loads(result.out) == json.loads(expected.to_json(orient="records", double_precision=15))
    assert "auc of 6 readings, 16 cases, design: factorial" in result.err
    assert "unaided, anna: " in result.err


def test_the_next_study_is_planned_from_the_ratings(ctbench, ratings):
    """`--plan` and `--plan-width` print the cases that ``mrmc_cases_needed`` returns."""
    path, table = ratings
    asked = {"difference": 0.1, "half_width": 0.2, "readers": (4, 8), "power": 0.9}
    result = ctbench(
        *("mrmc", path, "--plan", 0.1, "--plan-width", 0.2, "--power", 0.9, "--readers", 4, "--readers", 8, "--json")
    )
    expected = mrmc_cases_needed(mrmc(table), **asked)
    assert json.loads(result.out) == json.loads(expected.to_json(orient="records", double_precision=15))
    assert expected["cases"].notna().all()


def test_one_reader_may_be_a_model(ctbench, ratings):
    """`--model` compares it with the others."""
    path, table = ratings
    one = table[table["condition"].eq("aided")]
    one.assign(truth=one["truth"].astype(int)).to_csv(path, index=False)
    rows = json.loads(
        ctbench("mrmc", path, "--model", "ben", "--figure", "sensitivity", "--threshold", "0.5", "--json").out
    )
    expected = mrmc_against_readers(one, model="ben", figure="sensitivity", threshold=0.5).table
    assert rows == json.loads(expected.to_json(orient="records", double_precision=15))


def test_runs(ctbench, work, blobs_folder):
    """A row for each structure of the model; the run of the readers must be among them, and the metric scored."""
    asked = ("-d", blobs_folder / "blobs.yaml", "--split", "all", "--metric", "dice", "-j", 1)
    assert ctbench("run", "users_model:Model", *asked, "--trust").exit_code == 0
    folder = work / "runs" / "blobs"
    readers = folder / "readers"
    (model,) = (path for path in folder.iterdir() if path != readers)
    found = ctbench("mrmc", model, readers, "--margin", "0.5", "--json")
    assert found.exit_code == 0, found.err
    rows = json.loads(found.out)
    assert {row["model"] for row in rows} == {"mine"}
    assert rows[-1]["label"] == "overall"
    planned = ctbench("mrmc", model, readers, "--plan", "0.1", "--readers", "3", "--readers", "5", "--json")
    plan = json.loads(planned.out)
    assert [(row["label"], row["readers"]) for row in plan] == [
        (label, count) for label in dict.fromkeys(row["label"] for row in rows) for count in (3, 5)
    ]
    assert all(row["n"] >= 2 and row["p_equivalent"] >= row["p_non_inferior"] for row in rows)
    alone = ctbench("mrmc", model)
    assert alone.exit_code == 2
    assert "name the readers' run too" in alone.err
    unknown = ctbench("mrmc", model, readers, "--metric", "dise")
    assert unknown.exit_code == 2
    assert "metric 'dise' was not scored on blobs; scored are dice" in unknown.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reader,case,rating\nanna,a,1\n", "lack the columns condition, truth"),
        ("condition,reader,case,truth,rating\na,anna,a,maybe,1\n", "truth must be 0 or 1, got 'maybe' in line 2"),
        ("condition,reader,case,truth,rating\na,anna,a,1,high\n", "is not a table of ratings"),
        ("", "is not a table of ratings"),
        (None, "does not exist"),
    ],
)
def test_wrong_files_are_one_sentence(ctbench, tmp_path, text, message):
    """With exit code 2."""
    path = tmp_path / "ratings.csv"
    if text is not None:
        path.write_text(text)
    result = ctbench("mrmc", path)
    assert result.exit_code == 2
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("suffix", [".gz", ".zip", ".XZ"])
def test_a_compressed_table_is_not_unpacked(ctbench, tmp_path, suffix):
    """A megabyte may hold gigabytes of rows."""
    path = tmp_path / f"ratings.csv{suffix}"
    path.write_bytes(gzip.compress(b"condition,reader,case,truth,rating\n"))
    result = ctbench("mrmc", path)
    assert (result.exit_code, f"{path} is compressed; unpack it" in result.err) == (2, True)
