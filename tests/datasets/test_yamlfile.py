import time

import pytest

from ctbench.datasets.yamlfile import read_yaml
from ctbench.errors import DatasetError, MissingFileError


@pytest.fixture
def read(tmp_path):
    """A function that writes a text (or bytes) to a file and reads it as YAML."""

    def write_and_read(content):
        path = tmp_path / "some.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_yaml(path)

    return write_and_read


def test_values_are_plain(read):
    """Mappings, lists, strings, numbers and null come back as Python's own."""
    assert read("a: {b: [1, 2.5, x, null, true]}\n") == {"a": {"b": [1, 2.5, "x", None, True]}}


@pytest.mark.parametrize("content", ["", "# only a comment\n"])
def test_an_empty_file_is_none(read, content):
    """Whoever calls decides what an empty file means."""
    assert read(content) is None


def test_a_key_that_stands_twice_is_an_error_with_its_line(read):
    """At any depth: the second one would silently replace the first."""
    with pytest.raises(DatasetError, match=r"some\.yaml, line 3 .*'b'"):
        read("a:\n  b: 1\n  b: 2\n")


def test_the_same_key_may_stand_in_two_mappings(read):
    """Keys are unique in their mapping only."""
    assert read("a: {x: 1}\nb: {x: 2}\n") == {"a": {"x": 1}, "b": {"x": 2}}


def test_aliases_that_expand_to_millions_are_refused(read):
    """Seven lists of ten of the one before are ten million values in 200 bytes."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    with pytest.raises(DatasetError, match="aliases"):
        read("\n".join(lines))


def test_a_long_file_without_aliases_is_read(read, monkeypatch):
    """The limit is of what aliases expand to: a lock of many structures and readers may have more values than it."""
    monkeypatch.setattr("ctbench.datasets.yamlfile._MOST_VALUES", 10)
    assert len(read(f"- [{'x, ' * 20}x]\n")[0]) == 21
    with pytest.raises(DatasetError, match="aliases"):
        read("- &a [x, x, x, x, x]\n- *a\n")


def test_code_is_not_run(read, tmp_path):
    """Tags that make Python objects are an error, and nothing was called."""
    with pytest.raises(DatasetError, match="not valid YAML"):
        read(f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "a: [1\n", "a: 2020-99-99\n", "[" * 5000])
def test_a_file_that_cannot_be_read_is_named(read, content):
    """Bytes, half a list, a date that is none, and a tower of brackets: an error of datasets with the path."""
    with pytest.raises(DatasetError, match=r"some\.yaml"):
        read(content)


def test_a_file_that_is_not_there_is_missing(tmp_path):
    """A missing file and a folder are told apart from wrong content."""
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(MissingFileError, match=str(path)):
            read_yaml(path)


@pytest.mark.parametrize(
    ("key", "read_as"),
    [
        *((key, "true or false") for key in ("yes", "No", "on")),
        *((key, "a number") for key in ("1", "1.5")),
        *((key, "nothing") for key in ("null", "~")),
        ("2020-01-02", "a date"),
    ],
)
def test_a_key_that_yaml_does_not_take_for_text_is_to_be_quoted(read, key, read_as):
    """A label called yes, or a reader called 1: the line, what YAML makes of it, and the way to write it."""
    with pytest.raises(DatasetError) as caught:
        read(f"my:\n  labels: {{{key}: 1}}\n")
    assert f", line 2 is not valid YAML: the key {key} is read as {read_as}" in str(caught.value)
    assert f"quote it: {key!r}" in str(caught.value)
    assert read(f"my: {{labels: {{{key!r}: 1}}}}\n") == {"my": {"labels": {key: 1}}}


def test_a_pattern_in_a_mapping_in_braces_is_to_be_quoted(read):
    """Its own braces would be a mapping in the mapping."""
    with pytest.raises(DatasetError, match=r"quote patterns with braces inside \{\.\.\.\}"):
        read("my:\n  readers: {anna: a/{case}.nii.gz, ben: b/{case}.nii.gz}\n")
    assert read("readers: {anna: 'a/{case}.nii.gz'}\n") == {"readers": {"anna": "a/{case}.nii.gz"}}


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 100_000, "a: " + "[" * 20_000 + "]" * 20_000, "a: " + "{a: " * 20_000, "- " * 20_000 + "a"],
    ids=["open lists", "closed lists", "mappings", "dashes"],
)
def test_a_deep_nest_is_refused_at_once(tmp_path, text):
    """In less than half a second of computing: the scanner's time grows with the square of the depth."""
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(DatasetError, match="nested too deeply"):
        read_yaml(path)
    assert time.process_time() - start < 0.5


def test_usual_nests_are_read(tmp_path):
    """Ninety levels are far beyond any catalogue, and are read."""
    path = tmp_path / "nest.yaml"
    path.write_text("a: " + "[" * 90 + "]" * 90)
    (value,) = read_yaml(path).values()
    for _ in range(89):
        (value,) = value
    assert value == []
