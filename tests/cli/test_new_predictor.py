def test_a_new_predictor_is_written_and_told(ctbench, work):
    """The next two commands stand in the note; a second call overwrites nothing."""
    result = ctbench("new-predictor", "my-model")
    assert result.exit_code == 0
    assert "ctbench check my-model" in result.err
    assert (work / "my-model" / "pyproject.toml").is_file()
    assert ctbench("new-predictor", "my-model").exit_code == 2
