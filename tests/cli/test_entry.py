import pytest

from ctbench.cli import app, main


@pytest.mark.parametrize(("raised", "code"), [("UsageError", 2), ("PluginError", 1), ("WorkerError", 1)])
def test_an_error_is_one_line_and_the_exit_code_of_its_class(monkeypatch, capsys, raised, code):
    """A message of several lines, too, and without a traceback."""
    from ctbench import errors

    def fail():
        message = "one\n  two"
        raise getattr(errors, raised)(message)

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert capsys.readouterr().err == "ctbench: one two\n"
