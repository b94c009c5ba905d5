import pytest

from ctbench.predictors.unseen import mount_advice


@pytest.mark.parametrize(
    "line",
    [
        "FileNotFoundError: [Errno 2] No such file or directory: '{path}'",
        "python: can't open file '{path}': [Errno 2] No such file or directory",
        "sh: 1: {path}: not found",
        "no weights: file {path} does not exist.",
    ],
)
def test_a_file_that_exists_here_is_to_be_mounted(tmp_path, line):
    """Whatever the program's words for a missing file."""
    weights = tmp_path / "w.pt"
    weights.touch()
    assert f"add --mount {weights} " in mount_advice(f"Traceback\n{line.format(path=weights)}\n", [])


def test_no_advice_where_it_would_not_help(tmp_path):
    """The file exists nowhere, is shown already, or the failure is another one."""
    weights = tmp_path / "w.pt"
    missing = f"No such file or directory: '{weights}'"
    assert mount_advice(missing, []) == ""
    weights.touch()
    assert mount_advice(missing, [tmp_path]) == ""
    assert mount_advice(f"loaded {weights}\nRuntimeError: shapes differ", []) == ""
