import json

import pandas as pd


def test_readers_scores_them(ctbench, blobs_folder, tmp_path):
    """Each reader has a row a structure and metric, on the reference that this reader had no part in."""
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1, "--json")
    assert result.exit_code == 0
    rows = {(row["rater"], row["label"], row["metric"]): row for row in json.loads(result.out)}
    assert {rater for rater, _, _ in rows} == {"r1", "r2", "r3"}
    # Without r1 the others agree where their boxes, 8 voxels long and 2 apart, overlap; r1 lies over all of that.
    assert rows["r1", "iph", "dice"]["mean"] == 1.0
    assert rows["r2", "iph", "dice"]["mean"] < 1.0
    assert rows["r1", "iph", "dice"]["n"] == 3
    assert (tmp_path / "work" / "runs" / "blobs" / "readers" / "run.json").is_file()


def test_readers_writes_the_study(ctbench, blobs_folder, tmp_path):
    """By default the page and its tables lie beside the run, and a person is told where."""
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1)
    assert result.exit_code == 0
    folder = tmp_path / "work" / "runs" / "blobs" / "reader-study"
    assert "reader-study.html" in result.err
    assert "Against the others" in (folder / "reader-study.html").read_text()
    assert set(pd.read_csv(folder / "pairs.csv")["case"]) == {"b", "c", "d"}  # the test split, as in the run
    assert not (folder / "maps").exists()


def test_out_takes_run_study_and_maps(ctbench, blobs_folder, tmp_path):
    """With --out all is in one folder; a second time the run is reused and the study made again."""
    arguments = ("readers", blobs_folder / "blobs.yaml", "-j", 1, "--maps", "--out", tmp_path / "study")
    assert ctbench(*arguments).exit_code == 0
    assert "reused" in ctbench(*arguments).err
    assert (tmp_path / "study" / "run.json").is_file()
    assert (tmp_path / "study" / "reader-study.html").is_file()
    assert {path.name for path in (tmp_path / "study" / "maps").iterdir()} == {
        f"{case}_disagreement.nii.gz" for case in "bcd"
    }


def test_a_case_with_one_reader_is_named(ctbench, blobs_folder):
    """The study goes on without it, and says so."""
    for reader in ("r2", "r3"):
        (blobs_folder / "readers" / reader / "b.nii.gz").unlink()
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1, "--json")
    assert result.exit_code == 0
    assert "case b is left out of the reader study: it has 1 reader" in result.err


def test_without_two_readers_there_is_no_study(ctbench, blobs_folder):
    """A dataset of single readers has a run without rows, and no page."""
    for case in "abcd":
        for reader in ("r2", "r3"):
            (blobs_folder / "readers" / reader / f"{case}.nii.gz").unlink()
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1, "--json")
    assert result.exit_code == 0
    assert "no case has two readers" in result.err


def test_choices_are_written_beside_the_study(ctbench, blobs_folder, tmp_path):
    """With --choices the page has their section, and the tolerances lie in a file of their own."""
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1, "--choices", "--out", tmp_path / "study")
    assert result.exit_code == 0
    page = (tmp_path / "study" / "reader-study.html").read_text()
    assert "How many readers" in page
    assert "--choices" in page
    assert (tmp_path / "study" / "tolerances.yaml").read_text().startswith("tolerance_mm:\n  iph: ")


def test_lesions_are_written_beside_the_study(ctbench, blobs_folder, tmp_path):
    """With --lesions the page has their section, and the command that repeats it has the tolerance."""
    arguments = ("readers", blobs_folder / "blobs.yaml", "-j", 1, "--lesions", "--lesion-tolerance", 2.5)
    result = ctbench(*arguments, "--out", tmp_path / "study")
    assert result.exit_code == 0
    page = (tmp_path / "study" / "reader-study.html").read_text()
    assert "Lesions among readers" in page
    assert "--lesions --lesion-tolerance 2.5" in page
    assert pd.read_csv(tmp_path / "study" / "lesions.csv")["found"].eq(3).all()


def test_models_are_ranked_by_subsets_of_readers(ctbench, blobs_folder, finished_run, bright, tmp_path):
    """With --choices their lines are on the page and their ranks in two files; without it the option is refused."""
    run = finished_run(bright, "dice").folder
    refused = ctbench("readers", blobs_folder / "blobs.yaml", "--model", run)
    assert (refused.exit_code, "--choices" in refused.err) == (2, True)
    arguments = ("readers", blobs_folder / "blobs.yaml", "-j", 1, "--choices", "--model", run)
    assert ctbench(*arguments, "--out", tmp_path / "study").exit_code == 0
    assert pd.read_csv(tmp_path / "study" / "models-by-readers.csv")["model"].unique().tolist() == ["bright"]
    assert len(pd.read_csv(tmp_path / "study" / "models-by-rule.csv")) == 6
    assert "Models by number of readers" in (tmp_path / "study" / "reader-study.html").read_text()
