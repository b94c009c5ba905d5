import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from ctbench.consensus.forecasts import domain_mask
from ctbench.consensus.readings import Readings
from ctbench.datasets import load_dataset
from ctbench.errors import StoreError, UsageError
from ctbench.files import sha256
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.probability_codes import encode
from ctbench.report.frames.forecast_sets import SET_FIGURES, forecast_cases
from ctbench.report.frames.uncertainty import domains_of, uncertainty_table
from ctbench.runs import Shard, merge, open_run, run, verify
from ctbench.runs.folder import RunFolder
from ctbench.runs.forecasts import FORECAST_COLUMNS, patients_of, read_forecasts, write_forecasts
from ctbench.statistics.forecasts import MEAN
from ctbench.volume import read_volume, write_volume

QUICK = {"metrics": ["dice"], "jobs": 1}


@pytest.fixture
def kept(unsure, blobs, tmp_path):
    """A run that keeps probabilities."""
    return run(blobs, unsure(), tmp_path / "kept", keep_probabilities=True, **QUICK)


def results(path):
    """Bytes of all files that must be equal between equal runs."""
    names = ["run.json", "scores.parquet", "probabilities.parquet"]
    names += [f"predictions/{one.name}" for one in (path / "predictions").glob("*")]
    return {name: (path / name).read_bytes() for name in names}


def test_probabilities_are_kept_in_8_bits(unsure, kept, blobs):
    """One file a case and label on the image's grid, known to the digest of the predictions."""
    file = kept.folder / "predictions" / "b_hemorrhage.prob.nii.gz"
    image = blobs["b"].image()
    np.testing.assert_array_equal(read_volume(file).array, encode(np.where(image.array > 50, 0.8, 0.1)))
    assert kept.manifest.keep_probabilities
    assert run(blobs, unsure(), kept.folder, keep_probabilities=True, **QUICK).reused
    file.write_bytes(file.read_bytes()[:-1])
    assert not run(blobs, unsure(), kept.folder, keep_probabilities=True, **QUICK).reused


def test_without_the_option_nothing_changes(unsure, blobs, tmp_path):
    """No file, no field of run.json; and a run with it is another run, in another folder."""
    plain = run(blobs, unsure(), tmp_path / "plain", **QUICK)
    assert not list(plain.folder.rglob("*prob*"))
    assert not [name for name in json.loads((plain.folder / "run.json").read_text()) if "prob" in name]
    assert read_forecasts(plain) == []
    with pytest.raises(UsageError, match="keep_probabilities"):
        run(blobs, unsure(), plain.folder, keep_probabilities=True, **QUICK)


def test_tables_count_the_voxels_of_each_case(kept, blobs):
    """Against each reader the positives are his voxels, and codes are those of the files."""
    found = {(one.case, one.domain): one for one in read_forecasts(kept)}
    assert set(found) == {(case, domain) for case in "abcd" for domain in ("box", "image")}
    table = found["b", "image"].table
    assert table.readers == ("r1", "r2", "r3")
    assert table.counts.sum() == blobs["b"].image().array.size
    for reader in table.readers:
        drawn = np.isin(blobs["b"].reader(reader).array, blobs.labels.codes_of("hemorrhage")).sum()
        assert table.against(reader).positives.sum() == drawn
    codes = np.flatnonzero(table.against(MEAN).voxels)
    assert codes.tolist() == [26, 204]
    drawn = blobs["b"].label_maps()
    inside = domain_mask(Readings.of(drawn.arrays, drawn.annotated), "box", drawn.grid.spacing_mm)
    assert found["b", "box"].table.counts.sum() == inside.sum()


def test_masks_of_the_brain_are_a_domain(unsure, kept, blobs, tmp_path):
    """Within the brain count its voxels and all that a reader drew outside of it; a run without masks says so."""
    brain = np.zeros(blobs["b"].image().array.shape, np.uint8)
    brain[1] = 3
    write_volume(blobs["b"].image().with_array(brain), tmp_path / "brain.nii.gz")
    cases = tuple(replace(case, brain_path=tmp_path / "brain.nii.gz") for case in blobs)
    within = run(replace(blobs, cases=cases), unsure(), tmp_path / "within", keep_probabilities=True, **QUICK)
    (found,) = (one for one in read_forecasts(within) if (one.case, one.domain) == ("b", "brain"))
    drawn = np.logical_or.reduce([array != 0 for array in blobs["b"].label_maps().arrays.values()])
    assert found.table.counts.sum() == np.count_nonzero((brain > 0) | drawn)
    assert domains_of([within]) == ["box", "image", "brain"]
    assert domains_of([within, kept]) == ["box", "image"]
    assert set(uncertainty_table([within], "brain", resamples=0)["domain"]) == {"brain"}
    with pytest.raises(UsageError, match="named no masks of the brain"):
        uncertainty_table([kept], "brain", resamples=0)


@pytest.fixture
def given(blobs, tmp_path):
    """The dataset `blobs` with the shares of its readers' votes released instead of their masks."""
    root = blobs.root / "shares"
    for case in blobs:
        maps = case.label_maps()
        for label, code in blobs.labels.items():
            share = np.mean([own == code for own in maps.arrays.values()], axis=0, dtype=np.float32)
            write_volume(maps.grid.with_array(share), root / f"{case.id}_{label}.nii.gz")
    rules = yaml.safe_load((blobs.root / "blobs.yaml").read_text())["blobs"]
    del rules["readers"]
    rules |= {"root": str(blobs.root), "reference_holds": "shares"}
    rules["reference"] = "shares/{case}_{label}.nii.gz"
    (tmp_path / "given.yaml").write_text(yaml.safe_dump({"given": rules}))
    return load_dataset(tmp_path / "given.yaml")


def test_given_shares_of_votes_are_scored_as_the_readers_who_gave_them(given, unsure, kept):
    """Labels, groups and forecasts against the mean of readers: the same figures; sets need masks, and are null."""
    made = run(given, unsure(), given.root.parent / "made", keep_probabilities=True, **QUICK)
    keys = ["case", "label", "metric"]
    columns = [*keys, "value", "status"]
    theirs = kept.scores[kept.scores["reference"] == "majority"]
    pd.testing.assert_frame_equal(
        made.scores[columns].sort_values(keys, ignore_index=True),
        theirs[columns].sort_values(keys, ignore_index=True),
    )
    figures = [uncertainty_table([one], "image", resamples=0) for one in (made, kept)]
    own, others = (frame[frame["against"] == MEAN].reset_index(drop=True) for frame in figures)
    pd.testing.assert_frame_equal(own.drop(columns="reason"), others.drop(columns="reason"))
    assert set(figures[0]["against"]) == {MEAN}
    sets = forecast_cases([made])
    assert sets[list(SET_FIGURES)].isna().all(axis=None)
    known = ["volume_ml", "volume_of_readers_ml"]
    np.testing.assert_allclose(sets[known], forecast_cases([kept]).query("rater_kind == 'model'")[known])
    assert verify(made, given).empty


def test_an_interrupted_run_ends_with_the_same_bytes(unsure, kept, blobs, tmp_path):
    """Parts whose tables were lost or damaged are made again."""
    folder = tmp_path / "cut"
    run(blobs, unsure(), folder, keep_probabilities=True, **QUICK)
    (folder / "run.json").rename(folder / "run.partial.json")
    (folder / "probabilities.parquet").unlink()
    (folder / "parts").mkdir()
    (folder / "parts" / "000.probabilities.parquet").write_bytes(b"half")
    again = run(blobs, unsure(), folder, keep_probabilities=True, **QUICK)
    assert results(again.folder) == results(kept.folder)
    (folder / "probabilities.parquet").unlink()
    assert not run(blobs, unsure(), folder, keep_probabilities=True, **QUICK).reused
    assert results(folder) == results(kept.folder)


def test_shards_merge_into_the_same_bytes(unsure, kept, blobs, tmp_path):
    """Tables and probabilities too."""
    shards = [Shard(number, 2) for number in (1, 2)]
    made = [
        run(blobs, unsure(), shard.folder(tmp_path / "s"), shard=shard, keep_probabilities=True, **QUICK)
        for shard in shards
    ]
    assert results(merge(made, tmp_path / "merged").folder) == results(kept.folder)


def test_a_lost_case_has_no_table(unsure, blobs, tmp_path):
    """It is penalised in the scores; there is no forecast to count."""
    made = run(blobs, unsure(fails=1), tmp_path / "lost", keep_probabilities=True, **QUICK)
    assert {one.case for one in read_forecasts(made)} == {"b", "c", "d"}


def test_verify_sees_changed_tables(kept, blobs):
    """Its digest is among what is verified; and a table with the digest of its own is counted again."""
    assert verify(kept, blobs).empty
    path = kept.folder / "probabilities.parquet"
    frame = pd.read_parquet(path)
    frame["voxels"] += 1
    write_forecasts([frame], path)
    assert {"probabilities_digest", "probabilities"} == set(verify(kept, blobs)["what"])
    manifest = json.loads((kept.folder / "run.json").read_text())
    (kept.folder / "run.json").write_text(json.dumps(manifest | {"probabilities_digest": sha256(path)}))
    found = verify(open_run(kept.folder), blobs)
    assert set(found["what"]) == {"probabilities"}
    assert sorted(found["case"]) == list("abcd")


def test_a_table_of_another_form_is_refused(kept):
    """A stranger's file: votes that do not fit the readers, or a missing column."""
    path = RunFolder(kept.folder).forecasts
    frame = pd.read_parquet(path)
    assert tuple(frame.columns) == FORECAST_COLUMNS
    write_forecasts([frame.assign(votes="11")], path)
    with pytest.raises(StoreError, match="votes do not fit its readers"):
        read_forecasts(open_run(kept.folder))
    write_forecasts([frame.assign(votes="xyz")], path)
    with pytest.raises(StoreError, match="not a table of forecasts"):
        read_forecasts(open_run(kept.folder))
    frame.drop(columns="code").to_parquet(path)
    with pytest.raises(StoreError, match="code is missing"):
        read_forecasts(open_run(kept.folder))
    shutil.rmtree(kept.folder / "predictions")
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        read_forecasts(open_run(kept.folder))


def test_patients_are_named_by_their_first_case(blobs):
    """Two scans of one patient are one cluster; a case without a patient is its own."""
    from dataclasses import replace

    cases = [replace(case, patient=patient) for case, patient in zip(blobs, ("p", None, "p", None), strict=True)]
    assert patients_of(cases) == {"a": "a", "b": "b", "c": "a", "d": "d"}


def test_file_names_must_be_distinct(unsure, blobs, tmp_path):
    """Case a with label b_c and case a_b with label c would share one; here two labels do."""

    class Twice(unsure):
        info = PredictorInfo(name="twice", version="1", labels=LabelSet({"hemorrhage": 1, "x/y": 2, "x-y": 3}))

    with pytest.raises(UsageError, match="rename a label or a case"):
        run(blobs, Twice(), tmp_path / "twice", keep_probabilities=True, **QUICK)
