import inspect
import re

import pytest

from ctbench import errors

CLASSES = [member for _, member in inspect.getmembers(errors, inspect.isclass)]
USERS = {errors.CtbenchError, errors.DataError, errors.GeometryError, errors.LabelError, errors.VolumeFileError}
USERS |= {errors.MissingFileError, errors.DatasetError, errors.UsageError, errors.StoreError, errors.SchemaVersionError}
USERS |= {errors.IncompleteRunError, errors.PluginNotFoundError, errors.ContractError}


def drawn_tree():
    """Read name -> (parent, built-in parent or None) off the tree in the docstring, by its indentation."""
    tree, line_of_descent = {}, []
    for line in errors.__doc__.splitlines():
        found = re.fullmatch(r"    ([| `-]*)(\w+Error)(?: \((\w+)\))?(?: {2,}.*)?", line)
        if found:
            branch, name, builtin = found.groups()
            depth = len(branch) // 4
            line_of_descent[depth:] = [name]
            tree[name] = (line_of_descent[depth - 1] if depth else "Exception", builtin)
    return tree


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    """Every class is drawn under its own parent, with the built-in exception that it also is."""
    real = {}
    for member in CLASSES:
        ours = [base.__name__ for base in member.__bases__ if base in CLASSES]
        builtin = [base.__name__ for base in member.__bases__ if base not in CLASSES]
        real[member.__name__] = (ours or builtin)[0], (builtin[0] if ours and builtin else None)
    assert drawn_tree() == real


def test_all_classes_are_exported():
    """``__all__`` is the sorted list of the classes."""
    assert errors.__all__ == sorted(member.__name__ for member in CLASSES)


@pytest.mark.parametrize("member", CLASSES, ids=lambda member: member.__name__)
def test_exit_codes(member):
    """2 where the user can put it right, 1 where a plugin failed."""
    assert member.exit_code == (2 if member in USERS else 1)


@pytest.mark.parametrize("member", CLASSES, ids=lambda member: member.__name__)
def test_a_message_is_shown_as_it_is(member):
    """Built-in parents add neither quotes nor an errno to the sentence."""
    assert str(member("ct7.nii is not there")) == "ct7.nii is not there"
    assert str(member()) == ""


def test_a_message_is_one_line():
    """Whatever stands in a name or a header: line ends, escapes for the terminal, names that are no Unicode."""
    error = errors.DataError("a\nb  c.nii\x1b[2J \0 \udcff ends\r\n")
    assert str(error) == r"a b  c.nii\x1b[2J \x00 \udcff ends"
