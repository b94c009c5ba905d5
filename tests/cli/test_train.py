import json

import pytest

from ctbench.runs import open_run
from ctbench.volume import read_label_map

BRIGHT = ("bright", "--trust")
"""The model of the fixture ``bright_plugin``, which is not code of ctbench."""


def test_train_gives_the_splits_and_settings_to_the_trainer(ctbench, bright_plugin, blobs_folder, tmp_path):
    """Without a validation split a fifth of the patients is held back; options are read as JSON."""
    (blobs_folder / "cases.csv").write_text("case,split\na,train\nb,train\nc,train\nd,test\n")
    result = ctbench(
        "train",
        *BRIGHT,
        "-d",
        str(blobs_folder / "blobs.yaml"),
        "--out",
        str(tmp_path / "t"),
        "--preset",
        "demo",
        "-o",
        "minutes=2",
        "--seed",
        "7",
    )
    assert result.exit_code == 0, result.err
    (call,) = bright_plugin
    assert sorted(call["learn"] + call["choose"]) == ["a", "b", "c"]
    assert call["choose"] == ["a"]
    assert (call["preset"], call["options"], call["seed"], call["resume"]) == ("demo", {"minutes": 2}, 7, False)


def test_a_subgroup_can_be_learnt_from(ctbench, bright_plugin, blobs_folder, tmp_path):
    """One scanner's cases alone, as Cai's appendix does; an unknown column is refused by name."""
    (blobs_folder / "cases.csv").write_text("case,split,scanner\na,train,A\nb,validation,A\nc,train,B\nd,test,B\n")
    dataset = str(blobs_folder / "blobs.yaml")
    assert ctbench("train", *BRIGHT, "-d", dataset, "--out", str(tmp_path / "t"), "--only", "scanner=A").exit_code == 0
    assert (bright_plugin[0]["learn"], bright_plugin[0]["choose"]) == (["a"], ["b"])
    result = ctbench("train", *BRIGHT, "-d", dataset, "--out", str(tmp_path / "t"), "--only", "vendor=A")
    assert result.exit_code == 2
    assert "scanner" in result.err


def test_folds_pool_their_held_out_predictions_into_one_run(ctbench, bright_plugin, blobs_folder, tmp_path):
    """Every case is predicted by a model that did not see its patient; all of them are scored together."""
    (blobs_folder / "cases.csv").write_text("case,patient\na,p1\nb,p1\nc,p2\nd,p3\n")
    result = ctbench(
        "train",
        *BRIGHT,
        "-d",
        str(blobs_folder / "blobs.yaml"),
        "--out",
        str(tmp_path / "t"),
        "--folds",
        "3",
        "-j",
        "1",
        "--json",
    )
    assert result.exit_code == 0, result.err
    assert len(bright_plugin) == 3
    for call in bright_plugin:
        seen = set(call["learn"] + call["choose"])
        assert ("a" in seen) == ("b" in seen)
    assert {path.name for path in (tmp_path / "t" / "predictions").glob("*.nii.gz")} == {
        f"{case}.nii.gz" for case in "abcd"
    }
    run = json.loads((tmp_path / "t" / "run" / "run.json").read_text())
    assert run["cases"] == ["a", "b", "c", "d"]
    folds = json.loads((tmp_path / "t" / "folds.json").read_text())
    assert [(fold["number"], fold["weights"]) for fold in folds] == [
        (number, f"fold-{number}/weights.safetensors") for number in (1, 2, 3)
    ]
    assert sorted(fold["cases"] for fold in folds) == [["a", "b"], ["c"], ["d"]]
    assert [fold["validation"] for fold in folds] == [call["choose"] for call in bright_plugin]
    assert all(not set(fold["validation"]) & set(fold["cases"]) for fold in folds)
    pooled = open_run(tmp_path / "t" / "run")
    assert [pooled.findings(case)[1][0].confidence for case in "abcd"] == [0.75] * 4  # boxes come along
    scores = pooled.scores
    dice = scores[(scores["metric"] == "dice") & ~scores["reference"].str.contains("without")]
    for fold in folds:
        assert fold["dice"] == pytest.approx(dice.loc[dice["case"].isin(fold["cases"]), "value"].mean())


@pytest.fixture
def three_folds(ctbench, bright_plugin, blobs_folder, tmp_path):
    """Run `ctbench train --folds 3` with further arguments."""
    (blobs_folder / "cases.csv").write_text("case,patient,scanner,split\na,p1,A,\nb,p2,A,\nc,p3,A,\nd,p4,B,test\n")
    dataset, out = str(blobs_folder / "blobs.yaml"), str(tmp_path / "t")
    return lambda *more: ctbench("train", *BRIGHT, "-d", dataset, "--out", out, "--folds", "3", "-j", "1", *more)


def test_options_of_the_predictor_are_its_own(three_folds, bright_plugin, tmp_path):
    """What the training gets, the predictor does not, and the other way round; the run's card holds them."""
    assert three_folds("-o", "minutes=2", "--predict-option", "more=1000").exit_code == 0
    assert all(call["options"] == {"minutes": 2} for call in bright_plugin)
    assert not any(read_label_map(path).array.any() for path in (tmp_path / "t" / "predictions").glob("*.nii.gz"))
    card = json.loads((tmp_path / "t" / "run" / "run.json").read_text())["predictor"]
    assert card["parameters"] == {"more": 1000}


def test_the_same_folds_again_end_alike(three_folds, bright_plugin, tmp_path):
    """Each training is told to go on; predictions, scores and the list of folds have the same bytes."""

    def files():
        found = (path for path in (tmp_path / "t").rglob("*") if path.name in {"folds.json", "scores.parquet"})
        return {path.name: path.read_bytes() for path in (*found, *(tmp_path / "t" / "predictions").iterdir())}

    assert three_folds().exit_code == 0
    first = files()
    assert three_folds().exit_code == 0
    assert files() == first
    assert all(call["resume"] for call in bright_plugin)


def test_folds_of_a_subgroup_leave_all_others_out(three_folds, bright_plugin, tmp_path):
    """A fold learns from all cases of the subgroup that it is not tested on."""
    assert three_folds("--only", "scanner=A").exit_code == 0
    assert sorted({case for call in bright_plugin for case in call["learn"] + call["choose"]}) == ["a", "b", "c"]
    assert json.loads((tmp_path / "t" / "run" / "run.json").read_text())["cases"] == ["a", "b", "c"]


def test_folds_leave_the_test_split_alone_unless_it_is_named(three_folds, bright_plugin, tmp_path):
    """Nothing learns from it, chooses by it or is scored on it."""
    assert three_folds().exit_code == 0
    assert json.loads((tmp_path / "t" / "run" / "run.json").read_text())["cases"] == ["a", "b", "c"]
    assert "d" not in {case for call in bright_plugin for case in call["learn"] + call["choose"]}
    result = three_folds("--split", "test")
    assert result.exit_code == 2
    assert "3 folds cannot be made of 1 patients" in result.err


def test_the_left_out_fold_can_choose_the_epoch(three_folds, bright_plugin, tmp_path):
    """As in the papers, with all other cases to learn from; the card says that it did."""
    assert three_folds("--split", "all", "--no-hold-out", "--stratify", "scanner").exit_code == 0
    folds = json.loads((tmp_path / "t" / "folds.json").read_text())
    assert [fold["validation"] for fold in folds] == [fold["cases"] for fold in folds]
    assert all(sorted(call["learn"] + call["choose"]) == ["a", "b", "c", "d"] for call in bright_plugin)
    card = json.loads((tmp_path / "t" / "run" / "run.json").read_text())["predictor"]
    assert card["parameters"]["best_epoch_on_held_out_cases"] is True


@pytest.mark.parametrize("option", [("--split", "train"), ("--stratify", "iph"), ("--no-hold-out",)])
def test_options_of_folds_need_folds(ctbench, bright_plugin, blobs_folder, tmp_path, option):
    """Otherwise they would be ignored."""
    dataset = str(blobs_folder / "blobs.yaml")
    result = ctbench("train", *BRIGHT, "-d", dataset, "--out", str(tmp_path / "t"), *option)
    assert result.exit_code == 2
    assert "use them with --folds N" in result.err


def test_more_folds_than_patients_are_refused(ctbench, bright_plugin, blobs_folder, tmp_path):
    """The message counts both."""
    (blobs_folder / "cases.csv").write_text("case,patient\na,p1\nb,p1\nc,p2\nd,p3\n")
    result = ctbench("train", *BRIGHT, "-d", str(blobs_folder / "blobs.yaml"), "--out", str(tmp_path), "--folds", "4")
    assert result.exit_code == 2
    assert "4 folds cannot be made of 3 patients" in result.err


def test_an_unknown_model_is_refused_with_the_nearest(ctbench, bright_plugin, blobs_folder, tmp_path):
    """By name, at both doors."""
    result = ctbench("train", "brigth", "-d", str(blobs_folder / "blobs.yaml"), "--out", str(tmp_path / "t"))
    assert result.exit_code == 2
    assert "did you mean 'bright'?" in result.err
    assert ctbench("weights", "import", "unet", str(tmp_path)).exit_code == 2
