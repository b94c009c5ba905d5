import re

import pytest
from typer.main import get_command

from ctbench.cli.app import app

COMMANDS = get_command(app).commands


def leaves(commands, prefix=""):
    """The commands that can be typed, those of groups with the group's name before them."""
    for name, command in sorted(commands.items()):
        if hasattr(command, "commands"):
            yield from leaves(command.commands, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_the_commands_are_those_of_the_readme():
    """A person finds every command that the documentation names."""
    assert set(COMMANDS) >= {
        "check",
        "consensus",
        "datasets",
        "demo",
        "metrics",
        "predictors",
        "readers",
        "report",
        "run",
        "score",
    }


@pytest.mark.parametrize("name", list(leaves(COMMANDS)))
def test_every_command_has_an_example(name):
    """`--help` ends with a command that can be typed."""
    command = get_command(app)
    for part in name.split():
        command = command.commands[part]
    assert re.search(rf"Example: `ctbench {name}\b", command.help)


def test_version_and_help(ctbench):
    """Both answer and end well."""
    assert ctbench("--version").out.startswith("ctbench ")
    assert "demo" in ctbench("--help").out


def test_an_unknown_command_ends_with_two(ctbench):
    """Typing errors in commands are told like all others."""
    assert ctbench("runn").exit_code == 2
