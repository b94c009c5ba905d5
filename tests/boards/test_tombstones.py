import json

import pytest

from ctbench.boards import open_board, submit, withdraw
from ctbench.boards.storage import Place
from ctbench.boards.tombstones import bury, expect_not_withdrawn, resembles, values_of
from ctbench.errors import UsageError
from ctbench.files import sha256

FORMER = {"a\tiph": 0.62, "b\tiph": 0.71, "c\tiph": 0.5, "d\tiph": 0.0}


def test_a_tombstone_keeps_values_on_the_common_reference(kept):
    """Of one metric, by case and structure: what a later run is compared with."""
    metric, values = values_of(kept.manifest, kept.scores)
    assert metric == "dice"
    assert set(values) == {f"{case}\themorrhage" for case in "abcd"}
    assert values_of(kept.manifest, kept.scores[kept.scores["metric"] == "hd95"])[0] == "hd95"
    assert values_of(kept.manifest, kept.scores.iloc[:0]) == ("", {})


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({}, True),
        ({"a\tiph": 0.6203}, True),
        ({"a\tiph": 0.9}, True),  # most cases are still those of the former run
        ({"a\tiph": 0.9, "b\tiph": 0.8}, False),
        ({"a\tiph": 0.63, "b\tiph": 0.72, "c\tiph": 0.51}, False),
        ({"d\tiph": 0.4}, True),  # zeros tell nothing
    ],
)
def test_half_of_the_telling_values_make_a_likeness(change, alike):
    """A voxel more or less does not make another model; other values in most cases do."""
    assert resembles(FORMER, FORMER | change) == alike


def test_without_telling_values_all_must_agree():
    """Two models that miss everything are alike; one that finds something is not."""
    former = dict.fromkeys("abcd", 0.0)
    assert resembles(former, former)
    assert not resembles(former, former | {"a": 0.2})
    assert not resembles({}, {})


def test_the_message_says_why_and_what_the_owner_can_do(kept, others, tmp_path):
    """The tombstone's file is named; once it is gone, the run is let in."""
    submit(kept, tmp_path / "board")
    place, digest = Place.of(tmp_path / "board"), sha256(kept.folder / "run.json")
    bury(place, digest, "trained on the test cases")
    with pytest.raises(UsageError, match=rf"trained on the test cases; .* removes withdrawn/{digest}.json"):
        expect_not_withdrawn(place, others("new name"), "0" * 64)
    (tmp_path / "board" / "withdrawn" / f"{digest}.json").unlink()
    expect_not_withdrawn(place, others("other"), "0" * 64)


@pytest.mark.parametrize("content", ["", "[]", '{"values": 3, "dataset": "blobs"}', "{" * 10_000])
def test_a_damaged_tombstone_stands_for_its_own_run(kept, tmp_path, content):
    """Its name is enough to keep that run out, and no other is kept out by it."""
    digest, _ = submit(kept, tmp_path / "board")
    withdraw(digest, tmp_path / "board")
    file = tmp_path / "board" / "withdrawn" / f"{digest}.json"
    assert json.loads(file.read_text())["metric"] == "dice"
    file.write_text(content)
    with pytest.raises(UsageError, match="was withdrawn"):
        submit(kept, tmp_path / "board")
    file.rename(file.with_name(f"{'0' * 64}.json"))
    assert submit(kept, tmp_path / "board") == (digest, True)
    assert open_board(tmp_path / "board").runs["run"].tolist() == [digest]
