import json

import pytest


def test_check_runs_in_the_sandbox_or_trusted(ctbench, work):
    """Either way the same questions are asked, and all are passed."""
    for trust in ((), ("--trust",)):
        result = ctbench("check", "users_model:Model", "--json", *trust)
        assert result.exit_code == 0, result.err
        assert len(json.loads(result.out)) == 9
    assert "is trusted" in result.err


def test_a_mount_is_what_a_predictor_may_read_too(ctbench, work, tmp_path):
    """A file elsewhere is seen with `--mount`, and is refused by name if it is not there."""
    (tmp_path / "weights").write_text("1")
    arguments = ("check", "users_model:Model", "-o", f"path={tmp_path / 'weights'}")
    assert ctbench(*arguments, "--mount", tmp_path / "weights").exit_code == 0
    result = ctbench(*arguments, "--mount", tmp_path / "absent")
    assert result.exit_code == 2
    assert "--mount expects an existing file or folder" in result.err


@pytest.mark.parametrize("option", ["--timeout", "--memory-gb", "--processes"])
def test_a_limit_is_positive(ctbench, work, option):
    """One sentence, exit code 2."""
    result = ctbench("check", "users_model:Model", option, "0")
    assert result.exit_code == 2
    assert "expected a positive limit" in result.err


def test_check_ends_with_two_where_the_contract_is_broken(ctbench, work):
    """`ctbench check` names the broken rule."""
    assert ctbench("check", "users_model:Model").exit_code == 0
    result = ctbench("check", "users_model:UnknownLabel", "--json")
    assert result.exit_code == 2
    rows = json.loads(result.out)
    assert {row["result"] for row in rows} == {"failed"}
    assert "unknown label codes 7" in rows[0]["detail"]
