import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.runs import open_run, run
from ctbench.runs.manifest import SCHEMA_VERSION, Manifest, UsedPredictor
from ctbench.runs.privacy import HIDDEN

OLD = Path(__file__).parent / "old_runs"
VERSIONS = sorted(path.name for path in OLD.iterdir())


def test_a_run_of_every_version_is_kept():
    """Whoever raises the schema version leaves a run of it here."""
    assert [f"v{number}" for number in range(1, SCHEMA_VERSION + 1)] == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_runs_of_earlier_versions_load(version):
    """Manifest, scores, times, messages and predictions can be read; what their version did not know is empty."""
    opened = open_run(OLD / version)
    assert opened.manifest.schema_version == SCHEMA_VERSION
    assert opened.manifest.counts == {"failed": 8, "ok": 8, "unsupported": 32}
    assert len(opened.scores) == 48
    assert set(opened.times["phase"]) == {"predict", "score"}
    assert opened.messages()[-1]["case"] == "b"
    assert opened.prediction("a").array.any()
    assert bool(opened.manifest.scores_digest) == (version != "v1")


def test_a_run_of_an_earlier_version_is_not_gone_on_with(blobs, bright, tmp_path):
    """It is another run, because nobody knows the code that made it."""
    shutil.copytree(OLD / "v1", tmp_path / "run")
    with pytest.raises(UsageError, match="holds another run"):
        run(blobs, bright, tmp_path / "run", jobs=1)


def test_extra_fields_are_refused(tmp_path):
    """A file that says more than is understood is not understood."""
    content = json.loads((OLD / "v1" / "run.json").read_text()) | {"mood": "good"}
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match="mood: Extra inputs are not permitted"):
        open_run(tmp_path)


def test_the_manifest_of_a_run_begun_has_no_results():
    """It equals the one with results in everything that the run is to do."""
    manifest = open_run(OLD / "v1").manifest
    begun = manifest.begun()
    assert begun.counts == {}
    assert begun.differences(manifest) == ()
    assert begun.model_copy(update={"split": "other"}).differences(manifest) == ("split",)
    assert Manifest.model_validate_json(begun.to_json()) == begun


def test_a_card_equals_itself_after_it_was_kept():
    """Tuples among options and parameters, at any depth, do not make a finished run look like another one."""
    info = PredictorInfo(
        name="tuples",
        version="1",
        labels=LabelSet({"bright": 1}),
        parameters={"window_hu": (0.0, 80.0), "a": {"b": (1,)}},
    )
    card = UsedPredictor.of(info, "tuples", {"sides": (1, (2, 3))})
    assert UsedPredictor.model_validate_json(card.model_dump_json()) == card


def test_trust_and_variables_stand_in_the_run():
    """Of a variable its name and a digest; a run without either has the bytes that it had."""
    info = PredictorInfo(name="mine", version="1", labels=LabelSet({"bright": 1}))
    plain = UsedPredictor.of(info, "mine:Model", {})
    covering = replace(info, labels=LabelSet({"bright": 1}, covers={"bright": ("iph", "ivh")}))
    passed = UsedPredictor.of(covering, "mine:Model", {}, trusted=True, environment={"MODE": "0123456789ab"})
    assert not {"trusted", "environment"} & plain.model_dump().keys()
    assert passed.model_dump()["trusted"] is True
    assert UsedPredictor.model_validate_json(passed.public().model_dump_json()) == passed


def test_of_a_secret_variable_not_even_a_digest_is_kept():
    """A short password could be guessed from it; what the predictor repeats of it is hidden as well."""
    info = PredictorInfo(name="mine", version="1", labels=LabelSet({"bright": 1}), description="read with s3cret")
    card = UsedPredictor.of(info, "mine:Model", {"url": "s3cret"}, environment={"PASSWORD": "0123", "MODE": "4567"})
    public = card.public(["s3cret"])
    assert public.environment == {"PASSWORD": HIDDEN, "MODE": "4567"}
    assert (public.info.description, public.options["url"]) == (f"read with {HIDDEN}", HIDDEN)
