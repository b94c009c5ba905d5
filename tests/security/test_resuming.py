"""What was damaged, forged or changed is made anew or found, in caches, in unfinished runs and beside a predictor."""

import os
import sys

import numpy as np
import pytest
import yaml

from ctbench.datasets import load_dataset
from ctbench.errors import LabelError, StoreError
from ctbench.files import cache_folder
from ctbench.labels import LabelSet
from ctbench.matching import match_labels
from ctbench.predictors import Isolation, own_files
from ctbench.report.frames.masks import numbered
from ctbench.runs import Shard, phases, run
from ctbench.runs.cache import ScoreCache
from ctbench.runs.folder import RunFolder
from ctbench.scores import VALUE_COLUMNS
from ctbench.volume import Volume, read_volume, write_volume

MODEL = """
import pathlib
import numpy as np
import ctbench


class Bright:
    def __init__(self):
        self.info = ctbench.PredictorInfo(name="bright", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        beside = pathlib.Path(__file__).with_name("threshold.txt")
        threshold = int(beside.read_text()) if beside.exists() else 50
        return ctbench.Prediction((image.array > threshold).astype(np.uint8), score=0.5)
"""
QUICK = {"metrics": ["dice", "hd95"], "jobs": 1, "isolation": Isolation(trust=True)}


@pytest.fixture
def model(stranger, monkeypatch, request):
    """A trusted module in the working folder, whose name no other test has imported."""
    name = f"resumed_{abs(hash(request.node.name))}"
    (stranger.folder / f"{name}.py").write_text(MODEL)
    monkeypatch.chdir(stranger.folder)
    return f"{name}:Bright"


def results(folder):
    """The bytes of the files that equal runs have in common."""
    names = ["run.json", "scores.parquet", *(f"predictions/{path.name}" for path in (folder / "predictions").iterdir())]
    return {name: (folder / name).read_bytes() for name in names}


def flipped(path, place=0.5):
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("place", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_cached_scores_with_a_flipped_bit_are_not_believed(tmp_path, place):
    """`sensitivity` does not become `seNsitivity` in a run: the entry is ignored."""
    cache, columns = ScoreCache(tmp_path), {name: ["x", "sensitivity"] for name in VALUE_COLUMNS}
    cache.keep("k" * 64, columns)
    assert cache.fetch("k" * 64) == columns
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    flipped(path, place)
    assert cache.fetch("k" * 64) is None


def test_a_run_from_damaged_caches_has_the_same_bytes(blobs, model, tmp_path):
    """Every entry of both caches has a flipped bit: all is made anew."""
    run(blobs, model, tmp_path / "first", **QUICK)
    damaged = [path for path in cache_folder().rglob("*") if path.is_file()]
    assert {path.parts[len(cache_folder().parts)] for path in damaged} == {"predictions", "scores"}
    for path in damaged:
        flipped(path)
    run(blobs, model, tmp_path / "second", **QUICK)
    assert results(tmp_path / "first") == results(tmp_path / "second")


@pytest.fixture
def stopped(blobs, model, tmp_path, monkeypatch):
    """The folder of a run that was stopped just before its end, and a function that goes on with it."""
    uncached = {**QUICK, "cached": False}
    run(blobs, model, tmp_path / "whole", **uncached)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ctbench.runs.execution._expect_unchanged", stop)
        with pytest.raises(KeyboardInterrupt):
            run(blobs, model, tmp_path / "run", **uncached)
    return RunFolder(tmp_path / "run"), lambda: results(run(blobs, model, tmp_path / "run", **uncached).folder)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "of another file": lambda path: path.write_bytes(b"PAR1" * 100),
    "gone": lambda path: path.unlink(),
} | {f"a bit at {place}": lambda path, place=place: flipped(path, place) for place in (0.1, 0.4, 0.6, 0.8, 0.95)}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["parts/001.parquet", "predictions/b.nii.gz", "predictions/b.json"])
def test_a_damaged_file_of_an_unfinished_run_is_made_anew(stopped, tmp_path, name, damage):
    """The run goes on to the bytes of an undisturbed one, instead of stopping at that file for ever."""
    paths, go_on = stopped
    DAMAGES[damage](paths.path / name)
    assert go_on() == results(tmp_path / "whole")


def test_a_bit_of_a_part_is_never_scored(stopped, tmp_path):
    """Wherever a bit of a part flips, the run ends with the same rows, or makes the part anew."""
    from ctbench.runs.completion import _read_part, is_whole_part

    paths, _ = stopped
    part = paths.part(1)
    whole, content = _read_part(part), part.read_bytes()
    for place in range(0, len(content), 7):
        part.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        if is_whole_part(part):
            table, references = _read_part(part)
            assert table.equals(whole[0])
            assert references == whole[1]


def test_a_shard_with_a_damaged_part_is_mended(blobs, model, tmp_path):
    """The same command makes the part anew, which `ctbench merge` needs."""
    first = run(blobs, model, tmp_path / "shard", shard=Shard(1, 2), **QUICK)
    part = RunFolder(first.folder).part(0)
    flipped(part)
    assert not run(blobs, model, tmp_path / "shard", shard=Shard(1, 2), **QUICK).reused
    assert run(blobs, model, tmp_path / "shard", shard=Shard(1, 2), **QUICK).reused


@pytest.mark.parametrize("when", ["before it is scored", "after it was scored"])
def test_a_prediction_that_changes_during_the_run_is_found(blobs, model, tmp_path, monkeypatch, when):
    """What is scored is what was predicted; the same command makes the run anew, with the usual bytes."""
    run(blobs, model, tmp_path / "whole", **QUICK)
    path, original = tmp_path / "run" / "predictions" / "b.nii.gz", phases._score_part

    def score(cases, *rest):
        early = when.startswith("before")
        costs = [] if early else original(cases, *rest)
        if cases[0].id == "b":
            volume = blobs["b"].image()
            write_volume(volume.with_array((volume.array > 1000).astype(np.uint8)), path)
        return original(cases, *rest) if early else costs

    with monkeypatch.context() as patch:
        patch.setattr(phases, "_score_part", score)
        with pytest.raises(StoreError, match=r"b\.nii\.gz was changed after it was made; repeat"):
            run(blobs, model, tmp_path / "run", **QUICK)
    assert results(run(blobs, model, tmp_path / "run", **QUICK).folder) == results(tmp_path / "whole")


@pytest.mark.parametrize("name", ["readers/r1/b.nii.gz", "images/b.nii.gz", "model"])
def test_a_file_that_changes_during_the_run_is_found_at_its_end(
    blobs, blobs_folder, model, stranger, tmp_path, monkeypatch, name
):
    """Masks, images and code that were replaced while cases were scored: no run says the digest of another file."""
    code = stranger.folder / f"{model.partition(':')[0]}.py"
    path, original = code if name == "model" else blobs_folder / name, phases._score_part

    def score(*arguments):
        content = path.read_bytes()
        path.write_bytes(content + b"#" if name == "model" else (path.parent / "a.nii.gz").read_bytes())
        return original(*arguments)

    monkeypatch.setattr(phases, "_score_part", score)
    with pytest.raises(StoreError, match=f"{path} changed while the run was going on"):
        run(blobs, model, tmp_path / "run", **QUICK)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_file_that_is_touched_is_no_change(blobs, blobs_folder, model, tmp_path, monkeypatch):
    """A new time of a file with the old content stops no run."""
    original = phases._score_part

    def score(*arguments):
        os.utime(blobs_folder / "images" / "b.nii.gz", (1, 1))
        return original(*arguments)

    monkeypatch.setattr(phases, "_score_part", score)
    assert run(blobs, model, tmp_path / "run", **QUICK).manifest.counts


@pytest.mark.parametrize("beside", ["threshold.txt", "inner/weights.bin", "helper.pyc"])
def test_cached_predictions_regard_what_lies_beside_a_trusted_module(blobs, model, stranger, tmp_path, beside):
    """Data, folders and compiled modules that it may read are part of the key; a run's own folder is not."""

    def cached(folder):
        times = run(blobs, model, folder, **QUICK).times
        return times.loc[times["phase"] == "predict", "cached"].tolist()

    assert not any(cached(stranger.folder / "runs" / "first"))
    assert all(cached(stranger.folder / "runs" / "second"))
    path = stranger.folder / beside
    path.parent.mkdir(exist_ok=True)
    path.write_text("60")
    assert not any(cached(stranger.folder / "runs" / "third"))
    assert all(cached(stranger.folder / "runs" / "fourth"))


def test_own_files_are_those_of_the_module_that_a_new_process_imports(stranger, tmp_path, monkeypatch):
    """A module of the same name that this process imported from elsewhere is not digested or shown instead."""
    (tmp_path / "elsewhere").mkdir()
    for folder in (stranger.folder, tmp_path / "elsewhere"):
        (folder / "twice_named.py").write_text("")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "elsewhere")
        __import__("twice_named")
    try:
        assert own_files("twice_named:X", stranger.folder) == (
            stranger.folder / "twice_named.py",
            stranger.folder / "twice_named.py",
        )
    finally:
        del sys.modules["twice_named"]


LARGE = (2**20, 2**31, 2**34, 2**63 - 1)


@pytest.mark.parametrize("code", LARGE)
def test_large_codes_of_a_predictor_are_scored(blobs, tmp_path, bright, code):
    """No table of 64 GiB is made for them: the same scores as with code 1."""
    bright.info = type(bright.info)(name="bright", version="1", labels=LabelSet({"hemorrhage": code}))
    original = bright.predict
    bright.predict = lambda image: type(original(image))(original(image).labels.astype(np.uint64) * np.uint64(code))
    found = run(blobs, bright, tmp_path / "run", metrics=["dice"], jobs=1, cached=False)
    assert found.manifest.counts["ok"] == 16


@pytest.mark.parametrize("code", LARGE)
def test_large_codes_of_a_dataset_are_scored(blobs_folder, tmp_path, code):
    """Readers' masks with them are read, fused and scored; pages draw them."""
    for path in blobs_folder.glob("readers/*/*.nii.gz"):
        volume = read_volume(path)
        write_volume(volume.with_array(np.where(volume.array == 1, np.uint64(code), volume.array)), path)
    content = yaml.safe_load((blobs_folder / "blobs.yaml").read_text())
    content["blobs"]["labels"]["iph"] = code
    (blobs_folder / "blobs.yaml").write_text(yaml.safe_dump(content))
    found = run(load_dataset(blobs_folder / "blobs.yaml"), "readers", tmp_path / "run", metrics=["dice"], jobs=1)
    assert found.manifest.counts["ok"] > 0
    match = match_labels(LabelSet({"iph": code, "ivh": 2}), LabelSet({"iph": 1, "ivh": code}))
    assert match.translate(np.array([[[0, 1, code]]], np.uint64)).tolist() == [[[0, code, 2]]]
    assert numbered(np.array([[[0, 2, code]]]), [[code], [7]]).tolist() == [[[0, 0, 1]]]


@pytest.mark.parametrize("code", [2**63, 2**64, 2**70])
def test_codes_that_no_label_map_can_hold_are_refused(code):
    """A label set names the bound."""
    with pytest.raises(LabelError, match=r"below 2\^63"):
        LabelSet({"iph": code})


def test_a_volume_keeps_large_codes(tmp_path):
    """They survive the file of a prediction."""
    array = np.zeros((2, 3, 3), np.uint64)
    array[1] = 2**63 - 1
    write_volume(Volume(array, (1.0, 1.0, 1.0)), tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(read_volume(tmp_path / "x.nii.gz").array, array)
