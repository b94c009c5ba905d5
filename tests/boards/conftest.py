"""Runs that are submitted to boards."""

import shutil

import pytest

from ctbench.runs import open_run, run


@pytest.fixture
def kept(blobs, bright, tmp_path):
    """A whole run of a model."""
    return run(blobs, bright, tmp_path / "run", metrics=["dice", "hd95"], jobs=1)


@pytest.fixture
def others(kept, tmp_path):
    """Make runs that are alike but for the rater's name."""

    def make(name):
        folder = tmp_path / name
        shutil.copytree(kept.folder, folder)
        manifest = kept.manifest.model_copy(update={"rater": name})
        kept.scores.assign(rater=name).to_parquet(folder / "scores.parquet", index=False)
        (folder / "run.json").write_text(manifest.to_json())
        return open_run(folder)

    return make
