"""Whatever is wrong, a person reads one clear line, the exit code is 2, and nothing is half-written."""

import gzip
import json

import numpy as np
import pytest

from ctbench.volume import Volume, write_volume


@pytest.fixture
def run(ctbench, blobs_folder, tmp_path):
    """Run the readers of the small dataset as it is on disk."""

    def call():
        return ctbench("run", "readers", "-d", blobs_folder / "blobs.yaml", "--out", tmp_path / "run", "-j", 1)

    return call


def expect(result, *parts, exit_code=2):
    """One line on standard error, without a traceback, that has all the parts."""
    lines = [line for line in result.err.splitlines() if line.startswith("ctbench:")]
    assert result.exit_code == exit_code, result.err
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    for part in parts:
        assert part in lines[0]


def mask(blobs_folder):
    """The path of one reader's mask."""
    return blobs_folder / "readers" / "r2" / "b.nii.gz"


def test_a_mask_on_another_grid(run, blobs_folder):
    """Both geometries stand in the message."""
    write_volume(Volume(np.zeros((6, 24, 24), np.uint8), (4.0, 1.0, 1.5)), mask(blobs_folder))
    expect(run(), "case 'b'", "reader 'r2'", "another grid", "expected shape (6, 24, 24), spacing (4, 1, 1)", "1.5)")


def test_a_missing_readers_file(run, blobs_folder):
    """A reader whom the dataset names for every case must have a file for each."""
    text = (blobs_folder / "blobs.yaml").read_text()
    each = "{r1: 'readers/r1/{case}.nii.gz', r2: 'readers/r2/{case}.nii.gz'}"
    (blobs_folder / "blobs.yaml").write_text(text.replace("readers/{reader}/{case}.nii.gz", each))
    mask(blobs_folder).unlink()
    expect(run(), "case 'b'", "r2", "b.nii.gz")


def test_a_case_without_any_reader(run, blobs_folder):
    """A case that nobody read cannot be scored."""
    for path in blobs_folder.glob("readers/*/b.nii.gz"):
        path.unlink()
    expect(run(), "'b'", "reader")


def test_an_unknown_structure(run, blobs_folder):
    """A code that the label set does not name is listed."""
    write_volume(Volume(np.full((6, 24, 24), 9, np.uint8), (4.0, 1.0, 1.0)), mask(blobs_folder))
    expect(run(), "case 'b'", "unknown label codes 9", "1 iph")


def test_a_yaml_with_a_wrong_key(run, blobs_folder):
    """The wrong key and the nearest right one are named."""
    path = blobs_folder / "blobs.yaml"
    path.write_text(path.read_text().replace("labels:", "lables:"))
    expect(run(), "'lables'", "did you mean 'labels'", "blobs.yaml")


def test_a_truncated_gz(run, blobs_folder):
    """Half a file is no file."""
    content = mask(blobs_folder).read_bytes()
    mask(blobs_folder).write_bytes(content[: len(content) // 2])
    expect(run(), "case 'b'", "r2")


def test_a_zero_byte_file(run, blobs_folder):
    """Nor is an empty one."""
    mask(blobs_folder).write_bytes(b"")
    expect(run(), "case 'b'", "empty")


def test_a_gz_of_rubbish(run, blobs_folder):
    """Nor is something else under the name of a volume."""
    mask(blobs_folder).write_bytes(gzip.compress(b"not an image at all"))
    expect(run(), "case 'b'", "r2")


def test_a_float_label_map(run, blobs_folder):
    """Fractions are no codes; the message says how the file is stored, and names the first of them."""
    write_volume(Volume(np.full((6, 24, 24), 0.5, np.float32), (4.0, 1.0, 1.0)), mask(blobs_folder))
    expect(run(), "case 'b'", "float32", "0.5")


def test_an_output_folder_that_cannot_be_written(ctbench, blobs_folder, tmp_path):
    """A path below a file cannot be made, whoever tries."""
    (tmp_path / "file").write_text("mine")
    result = ctbench("run", "-d", blobs_folder / "blobs.yaml", "--out", tmp_path / "file" / "run", "-j", 1)
    expect(result, "cannot write the run folder", "choose a folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_folder_of_another_version(run, ctbench, tmp_path):
    """Neither going on nor reporting touches it."""
    run()
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    before = path.read_text()
    expect(run(), "another version of ctbench", "expected schema version 3, got 99")
    expect(ctbench("report", tmp_path / "run", "--out", tmp_path / "page.html"), "another version of ctbench")
    assert path.read_text() == before
    assert not (tmp_path / "page.html").exists()


def test_a_broken_mask_leaves_nothing_behind(run, blobs_folder, tmp_path):
    """Masks are read before anything is written, so the same command works when the file is mended."""
    content = mask(blobs_folder).read_bytes()
    mask(blobs_folder).write_bytes(b"")
    run()
    assert not (tmp_path / "run").exists()
    mask(blobs_folder).write_bytes(content)
    assert run().exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("run", "-d", "phantom-anatomie"), ("phantom-anatomie", "did you mean 'phantom-anatomy'")),
        (("run", "treshold", "-d", "phantom-anatomy", "--out", "x"), ("treshold", "did you mean 'threshold'")),
        (("score", "absent.nii.gz", "absent.nii.gz"), ("absent.nii.gz",)),
        (("consensus",), ("expected either the masks of one case or --dataset NAME",)),
        (("report", "."), ("is not a run folder",)),
        (("check", "threshold", "-o", "low"), ("--option expects KEY=VALUE, got 'low'",)),
        (("check", "threshold", "-o", "lo=3"), ("cannot be made with options", "it takes: low_hu")),
        (("datasets", "show", "no-such"), ("no-such",)),
    ],
)
def test_what_is_misspelt_or_absent(ctbench, arguments, parts, monkeypatch, tmp_path):
    """Names of datasets, predictors, files and options that do not exist."""
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "cache"))
    if "phantom-anatomy" in arguments:
        pytest.importorskip("reference_models")
        arguments = tuple("absent.yaml" if one == "phantom-anatomy" else one for one in arguments)
        parts = ("absent.yaml",)
    expect(ctbench(*arguments), *parts)
