from dataclasses import replace

import pytest

from ctbench.errors import CtbenchError, UsageError
from ctbench.metrics import METRICS
from ctbench.metrics.registry import chosen_metrics
from ctbench.runs import Shard
from ctbench.runs.planning import READERS, RunRequest, plan_run, scoring_of


def test_a_plan_of_readers_has_no_predictor(blobs):
    """Rater, kind and device say so; all metrics are scored by default."""
    plan = plan_run(RunRequest(blobs, READERS))
    assert (plan.source, plan.match, plan.manifest.predictor) == (None, None, None)
    assert (plan.manifest.rater, plan.manifest.rater_kind, plan.manifest.device) == (READERS, "reader", "none")
    assert tuple(plan.manifest.metrics) == chosen_metrics(None)


def test_cases_are_sorted_and_those_of_the_split(blobs):
    """Whatever their order in the dataset."""
    assert plan_run(RunRequest(blobs.select(["d", "a"]), READERS)).manifest.cases == ("a", "d")
    assert plan_run(RunRequest(blobs, READERS, split="test")).manifest.cases == ("b", "c", "d")
    shard = plan_run(RunRequest(blobs, READERS, shard=Shard(2, 2)))
    assert shard.manifest.cases == ("c", "d")
    assert shard.manifest.shard == str(Shard(2, 2))


def test_structures_that_the_model_does_not_claim_are_named(blobs, bright):
    """They are unsupported, and the card is the model's."""
    plan = plan_run(RunRequest(blobs, bright, metrics=["dice"]))
    assert plan.manifest.unsupported == ("iph", "ivh")
    assert plan.manifest.predictor.info == bright.info
    assert plan.manifest.metrics == {"dice": METRICS["dice"].version}


def test_a_model_that_saw_phantoms_only_is_refused_for_patients(blobs, bright):
    """Unless the user insists; a phantom is what it is for."""
    bright.info = replace(bright.info, name="bright-demo", phantoms_only=True)
    with pytest.raises(UsageError, match=r"bright-demo learnt on simulated heads alone, .* in blobs .*--allow-demo"):
        plan_run(RunRequest(blobs, bright))
    insisted = plan_run(RunRequest(blobs, bright, allow_demo=True))
    assert insisted.manifest.predictor.info.phantoms_only
    phantom = replace(blobs, entry=blobs.entry.model_copy(update={"builder": "ctbench.phantom:build_hemorrhage"}))
    assert plan_run(RunRequest(phantom, bright)).manifest.rater == "bright-demo"


def test_options_reach_the_card(blobs):
    """Two thresholds are two runs."""
    cards = [
        plan_run(RunRequest(blobs, "threshold", options={"smallest_ml": size})).manifest.predictor for size in (0, 1)
    ]
    assert [card.options for card in cards] == [{"smallest_ml": 0}, {"smallest_ml": 1}]
    assert cards[0] != cards[1]


def test_the_fingerprint_is_that_of_the_cases_scored(blobs):
    """A run of some cases does not depend on the files of the others."""
    whole, some = (plan_run(RunRequest(blobs, READERS, split=split)) for split in ("", "train"))
    assert whole.manifest.dataset_fingerprint == blobs.fingerprint()
    assert some.manifest.dataset_fingerprint == blobs.select(["a"]).fingerprint()
    assert set(some.files) < set(whole.files)


def test_the_rules_of_scoring_are_those_of_the_manifest(blobs):
    """Read back from a manifest, scoring needs no dataset."""
    plan = plan_run(RunRequest(blobs, READERS, consensus="plurality", metrics=["hd95", "dice"]))
    rules = scoring_of(plan.manifest)
    assert (rules.dataset, rules.consensus, rules.metrics) == ("blobs", "plurality", ("hd95", "dice"))
    assert rules.labels == blobs.labels
    assert (rules.surface, rules.tolerance_mm, rules.cache) == ("3d", 1.0, None)


@pytest.mark.parametrize(
    ("asked", "named"),
    [({"split": "tset"}, "train"), ({"metrics": ["dise"]}, "dise"), ({"shard": Shard(1, 9)}, "9")],
)
def test_what_cannot_be_planned_is_refused(blobs, asked, named):
    """Before anything is computed, with the name of what is wrong or of what there is."""
    with pytest.raises(UsageError, match=named):
        plan_run(RunRequest(blobs, READERS, **asked))


def test_a_model_of_other_structures_is_refused(blobs, bright):
    """It has nothing in common with the dataset."""
    bright.info = type(bright.info)(name="other", version="1", labels=type(blobs.labels)({"tumour": 1}))
    with pytest.raises(CtbenchError, match="tumour"):
        plan_run(RunRequest(blobs, bright))


@pytest.mark.parametrize("role", ["image_path", "brain_path"])
def test_a_file_that_changes_after_the_plan_is_found(blobs, tmp_path, role):
    """Images and masks of the brain are read while the run goes on, as the masks of readers are."""
    copy = tmp_path / "copy.nii.gz"
    copy.write_bytes(blobs["a"].image_path.read_bytes())
    plan = plan_run(RunRequest(replace(blobs, cases=(replace(blobs["a"], **{role: copy}),)), READERS))
    assert plan.changed_file() is None
    copy.write_bytes(b"another")
    assert plan.changed_file() == copy
