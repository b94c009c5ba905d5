import json

from ctbench.volume import read_volume, write_volume


def test_datasets_lists_every_entry(ctbench):
    """The phantoms make themselves; a dataset that nobody has here is not here."""
    rows = json.loads(ctbench("datasets", "--json").out)
    here = {row["dataset"]: row["here"] for row in rows}
    assert here["phantom-anatomy"] == here["phantom-hemorrhage"] == "makes itself"
    assert "no" in here.values()
    assert len(rows) > 15


def test_datasets_lists_a_users_catalogue_first(ctbench, blobs_folder):
    """`--catalog` adds the user's own."""
    rows = json.loads(ctbench("datasets", "--catalog", blobs_folder / "blobs.yaml", "--json").out)
    assert (rows[0]["dataset"], rows[0]["here"]) == ("blobs", "yes")


def test_show_counts_cases_by_type_and_size(ctbench, blobs_folder):
    """A box of 3 x 8 x 8 voxels of 0.004 mL is 0.768 mL: small; train and test are counted apart."""
    result = ctbench("datasets", "show", blobs_folder / "blobs.yaml", "--json")
    rows = {(row["by"], row["value"]): row["cases"] for row in json.loads(result.out)}
    assert rows["all", ""] == 4
    assert rows["split", "test"] == 3
    assert rows["iph test", "small"] == 3
    assert rows["iph test", "large"] == 0
    assert "cases by type and size class" in ctbench("datasets", "show", blobs_folder / "blobs.yaml").out


def test_show_tells_how_to_get_what_is_not_here(ctbench):
    """An entry without files is shown with how it is had."""
    result = ctbench("datasets", "show", "instance2022")
    assert result.exit_code == 0
    assert "its files are not here" in result.err
    assert "access" in result.out


def test_check_names_missing_files_and_exits_two(ctbench, blobs_folder):
    """A complete dataset passes; a missing image is named."""
    assert ctbench("datasets", "check", blobs_folder / "blobs.yaml", "--deep").exit_code == 0
    (blobs_folder / "images" / "b.nii.gz").unlink()
    result = ctbench("datasets", "check", blobs_folder / "blobs.yaml", "--json")
    assert result.exit_code == 2
    assert any("b.nii.gz" in row["path"] for row in json.loads(result.out))


def test_a_dataset_goes_to_nnunet_and_comes_back(ctbench, blobs_folder, tmp_path):
    """`export` writes the raw data set of a split, `import` its description, which `check` finds complete."""
    raw = tmp_path / "raw"
    command = ("export", blobs_folder / "blobs.yaml", "--to", "nnunet", "--id", "901", "--split", "train", "--out", raw)
    assert ctbench("datasets", *command).exit_code == 0
    (folder,) = raw.iterdir()
    assert len(list((folder / "imagesTr").iterdir())) == 1
    assert ctbench("datasets", "import", "nnunet", folder, "--out", tmp_path / "back.yaml").exit_code == 0
    assert ctbench("datasets", "check", tmp_path / "back.yaml", "--deep").exit_code == 0
    assert ctbench("datasets", *command).exit_code == 2


def test_a_dataset_goes_to_bids_and_comes_back(ctbench, blobs_folder, tmp_path):
    """`export` writes a folder, `import` its description, which `check` finds complete; nnU-Net needs a number."""
    folder = tmp_path / "bids"
    assert ctbench("datasets", "export", blobs_folder / "blobs.yaml", "--to", "bids", "--out", folder).exit_code == 0
    assert ctbench("datasets", "import", "bids", folder, "--out", tmp_path / "back.yaml").exit_code == 0
    assert ctbench("datasets", "check", tmp_path / "back.yaml", "--deep").exit_code == 0
    refused = ctbench("datasets", "export", blobs_folder / "blobs.yaml", "--to", "nnunet", "--out", tmp_path / "raw")
    assert refused.exit_code == 2
    assert "needs --id" in refused.err


def test_a_plain_folder_is_shown_before_it_is_written(ctbench, blobs_folder, tmp_path):
    """The guess names images and readers and writes nothing; `--write` writes what `check` finds complete."""
    (blobs_folder / "readers" / "r1" / "atlas.nii.gz").write_bytes((blobs_folder / "images" / "a.nii.gz").read_bytes())
    shown = ctbench("datasets", "import", "folder", blobs_folder)
    assert shown.exit_code == 0
    assert "readers/{reader}/{case}.nii.gz" in shown.out
    assert "left over: readers/r1/atlas.nii.gz" in shown.err
    assert not (tmp_path / "work" / "blobs.yaml").exists()
    assert ctbench("datasets", "import", "folder", blobs_folder, "--write").exit_code == 0
    assert ctbench("datasets", "check", "blobs.yaml").exit_code == 0


def test_an_archive_of_grand_challenge_is_described(ctbench, blobs_folder, tmp_path):
    """Images and masks of the same names; `check` finds them all."""
    for folder, name in (("images", "images/ct"), ("readers/r1", "images/ich-segmentation")):
        (tmp_path / "archive" / name).mkdir(parents=True)
        for case in "ab":
            volume = read_volume(blobs_folder / folder / f"{case}.nii.gz")
            write_volume(volume, tmp_path / "archive" / name / f"{case}.mha")
    assert ctbench("datasets", "import", "grand-challenge", tmp_path / "archive").exit_code == 0
    assert ctbench("datasets", "check", "archive.yaml", "--deep").exit_code == 0


def test_a_dataset_is_described_as_croissant_and_as_a_card(ctbench, blobs_folder, tmp_path):
    """What Croissant needs and nobody knows is asked for; the card needs nothing."""
    export = ("datasets", "export", blobs_folder / "blobs.yaml", "--to")
    refused = ctbench(*export, "croissant", "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "--creator, --published" in refused.err
    with (blobs_folder / "blobs.yaml").open("a") as file:
        file.write("  licence: CC0\n")
    options = ("--creator", "Us", "--published", "2026-01-31", "--url", "https://example.org")
    assert ctbench(*export, "croissant", "--out", tmp_path / "out", *options).exit_code == 0
    assert len(json.loads((tmp_path / "out" / "croissant.json").read_text())["distribution"]) == 2 + 4 + 12
    assert ctbench(*export, "card", "--out", tmp_path / "card.md").exit_code == 0
    assert "| r1 | 4 | all |" in (tmp_path / "card.md").read_text()
