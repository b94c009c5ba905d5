"""Runs that are submitted to boards."""

import shutil

import pytest

from ctbench.files import sha256
from ctbench.runs import open_run


@pytest.fixture
def kept(finished_run, bright):
    """A whole run of a model."""
    return finished_run(bright, "dice", "hd95")


@pytest.fixture
def others(kept, tmp_path):
    """Make runs that are alike but for the rater's name."""

    def make(name):
        folder = tmp_path / name
        shutil.copytree(kept.folder, folder)
        kept.scores.assign(rater=name).to_parquet(folder / "scores.parquet", index=False)
        restate(folder, kept.manifest.model_copy(update={"rater": name}))
        return open_run(folder)

    return make


def restate(folder, manifest):
    """Write a manifest that states the digest that the scores have now."""
    manifest = manifest.model_copy(update={"scores_digest": sha256(folder / "scores.parquet")})
    (folder / "run.json").write_text(manifest.to_json())


@pytest.fixture
def smuggled(tmp_path):
    """Put a run's folder on the board `board` under its digest, past `submit`; with other scores if some are given."""

    def put(run, scores=None):
        if scores is not None:
            scores.to_parquet(run.folder / "scores.parquet", index=False)
            restate(run.folder, run.manifest)
        digest = sha256(run.folder / "run.json")
        shutil.copytree(run.folder, tmp_path / "board" / "runs" / digest)
        return digest

    return put
