import json
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.predictors.info import info_from_json, info_of_program, info_to_json, read_labels_file


def test_a_card_comes_back_as_it_went():
    """Through JSON and back, nothing of a predictor's info is lost."""
    info = PredictorInfo(
        name="theirs",
        version="3",
        labels=LabelSet({"iph": 1, "ivh": 2}, groups={"hemorrhage": ("iph", "ivh")}),
        description="finds blood",
        paper="10.1/2",
        licence="MIT",
        weights_digest="abc",
        training_datasets=("bhsd",),
        parameters={"fold": 3},
        phantoms_only=True,
        size=10,
        paper_size=31_043_084,
    )
    assert info_from_json(json.loads(json.dumps(info_to_json(info))), "the card") == info


def test_covers_comes_back_and_is_left_out_where_it_is_empty():
    """A card without it has the bytes that it had."""
    plain = PredictorInfo(name="a", version="1", labels=LabelSet({"eah": 1}))
    covering = PredictorInfo(name="a", version="1", labels=LabelSet({"eah": 1}, covers={"eah": ("edh", "sah")}))
    assert "covers" not in info_to_json(plain)
    assert info_from_json(json.loads(json.dumps(info_to_json(covering))), "the card") == covering
    assert info_of_program({"labels": {"eah": 1}, "covers": {"eah": ["edh", "sah"]}}, Path(), name="a") == covering


def test_parameters_that_json_does_not_know_become_text():
    """A path or an array's scalar must not keep a predictor from being run."""
    info = PredictorInfo(name="a", version="1", labels=LabelSet({"b": 1}), parameters={"cut": np.float32(0.5)})
    assert info_to_json(info)["parameters"] == {"cut": "0.5"}


def test_a_label_set_alone_is_a_card(tmp_path):
    """The name comes from whoever asks."""
    (tmp_path / "labels.json").write_text('{"iph": 1}')
    info = info_from_json(read_labels_file(tmp_path / "labels.json"), "here", name="folder")
    assert (info.name, info.version, info.labels.codes) == ("folder", "1", {"iph": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not a label set: expected"),
        ("{}", "is not a label set: expected"),
        ("{", "is not a label set: expected"),
        ("[" * 100_000, "is not a label set: expected"),
        ('{"labels": {"iph": 1}, "lables": 2}', "has unknown keys .'lables'.; known: labels, groups"),
    ],
    ids=["list", "empty", "cut", "deep", "key"],
)
def test_what_is_no_card_is_told(tmp_path, text, message):
    """The path and the expected form stand in the message."""
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_labels_file(tmp_path / "labels.json")


@pytest.mark.parametrize(
    "card",
    [
        {"labels": {"iph": 0}},
        {"labels": {"iph": "x"}},
        {"labels": 3},
        {},
        {"labels": {"iph": 1}, "phantoms_only": "yes"},
        {"labels": {"iph": 1}, "size": -1},
        {"labels": {"iph": 1}, "paper_size": True},
    ],
)
def test_what_a_process_says_of_itself_is_checked(card):
    """A card from another process is no better than one from a file."""
    with pytest.raises(UsageError, match="the card is not a label set"):
        info_from_json({"name": "a", **card}, "the card")


def test_a_card_that_is_not_there_is_named(tmp_path):
    """Folder and file stand in the message."""
    with pytest.raises(PluginNotFoundError, match=r"has no labels\.json; write one"):
        read_labels_file(tmp_path / "labels.json")


@pytest.mark.parametrize(
    ("size", "paper_size", "words"),
    [
        (0, 0, "learnt on heads"),
        (10, 10, "learnt on heads; 10 trainable parameters"),
        (10, 0, "learnt on heads; 10 trainable parameters"),
        (760_532, 31_043_084, "learnt on heads; 760,532 trainable parameters; the paper's network has 31,043,084"),
    ],
)
def test_a_card_says_what_the_weights_are(size, paper_size, words):
    """What they learnt on, and how large the network is; the paper's size stands beside it only where it differs."""
    info = PredictorInfo("a", "1", LabelSet({"b": 1}), training_datasets=("heads",), size=size, paper_size=paper_size)
    assert info.provenance == words


def test_a_program_has_no_aliases(tmp_path):
    """It answers with a label map, whose codes have no names to be mapped: the key would do nothing."""
    content = {"labels": {"a": 1}, "aliases": {"b": "a"}}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    for labels in (content, None, "labels.json"):
        with pytest.raises(UsageError, match="has aliases, but the answer of a program is a label map"):
            info_of_program(labels, tmp_path, name="x")
