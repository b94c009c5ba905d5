import math
from dataclasses import replace

import pytest
import yaml

from ctbench.errors import UsageError
from ctbench.report import model_index, write_model_index
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.shared_means import shared_means


@pytest.fixture(scope="module")
def cards(runs, tmp_path_factory):
    """The model cards of both models."""
    return write_model_index(runs, tmp_path_factory.mktemp("cards"))


def entry_of(path):
    """The entry of `model-index` in the head of a card."""
    _, text, _ = path.read_text().split("---\n", 2)
    (entry,) = yaml.safe_load(text)["model-index"]
    return entry


def expect_fields(found, required, optional=()):
    """A mapping has these keys and no others."""
    assert set(required) <= set(found) <= {*required, *optional}


def test_the_metadata_have_the_fields_of_the_hub(cards):
    """Required and optional fields by the Hub's description of `model-index`; values are finite numbers."""
    assert [path.name for path in cards] == ["atlas.md", "unet.md"]
    for path in cards:
        entry = entry_of(path)
        expect_fields(entry, ("name", "results"))
        for result in entry["results"]:
            expect_fields(result, ("task", "dataset", "metrics"))
            expect_fields(result["task"], ("type",), ("name",))
            expect_fields(result["dataset"], ("type", "name"), ("config", "split", "revision", "args"))
            for metric in result["metrics"]:
                expect_fields(metric, ("type", "value"), ("name", "config", "args"))
                assert isinstance(metric["value"], float)
                assert math.isfinite(metric["value"])


def test_values_and_intervals_are_those_of_the_frame(cards, results):
    """Mean, interval and number of cases; as many as metrics and structures allow, and each is in the table."""
    means = shared_means(results).set_index(["rater", "metric", "label"])
    for path in cards:
        entry = entry_of(path)
        (result,) = entry["results"]
        for metric in result["metrics"]:
            row, args = means.loc[(entry["name"], metric["type"], metric["args"]["label"])], metric["args"]
            assert metric["value"] == pytest.approx(row["mean"], abs=1e-4)
            assert args.get("low", math.nan) == pytest.approx(row["low"], abs=1e-4, nan_ok=True)
            assert args["cases"] == row["n"]
        assert 20 < len(result["metrics"]) <= len(results.chief_metrics) * (1 + len(results.structures))
        assert path.read_text().count("\n| ") == 2 + len(result["metrics"])


def test_readers_alone_have_no_card_and_nothing_is_overwritten(cards, runs):
    """With the reason."""
    readers = [run for run in runs if run.manifest.rater == "readers"]
    with pytest.raises(UsageError, match="there is no run of a model"):
        write_model_index(readers, cards[0].parent)
    with pytest.raises(UsageError, match=r"atlas\.md exists"):
        write_model_index(runs, cards[0].parent)


def test_alike_names_have_cards_of_their_own(runs, tmp_path, monkeypatch):
    """Two models whose names differ in signs that no file name has, or in case, do not overwrite one another."""
    (results,) = gather(runs)
    names = ["net/a", "Net a"]
    index = results.index.assign(name=results.index["name"].replace(dict(zip(results.models, names, strict=True))))
    monkeypatch.setattr(model_index, "gather", lambda *_: [replace(results, index=index)])
    paths = write_model_index(runs, tmp_path)
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    assert sorted(entry_of(path)["name"] for path in paths) == sorted(names)


def test_a_name_in_a_card_is_only_a_name(runs, tmp_path, monkeypatch):
    """Neither HTML nor a picture nor a further cell comes of the name of a model or of a structure."""
    (results,) = gather(runs)
    evil = "<img src=x> ![](y) |"
    index = results.index.assign(name=results.index["name"].replace({results.models[0]: evil}))
    monkeypatch.setattr(model_index, "gather", lambda *_: [replace(results, index=index)])
    (path,) = (path for path in write_model_index(runs, tmp_path) if entry_of(path)["name"] == evil)
    assert r"# &lt;img src=x> !\[\](y) \|" in path.read_text().split("---\n", 2)[2].splitlines()
