"""Strict reading of YAML files: plain values, no duplicate keys, limited size of expanded aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ctbench.errors import DatasetError, MissingFileError

__all__ = ["parse_yaml", "read_yaml"]


_MOST_VALUES = 100_000
"""Most values of a file with aliases: a few nested ones could expand to billions."""


_READ_AS = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:null": "nothing (null)",
    "tag:yaml.org,2002:timestamp": "a date",
}
"""Tag of a key -> what YAML makes of it."""


_MOST_LEVELS = 100
"""Deepest nesting of a file: the time that the scanner needs grows with its square."""
_TOO_DEEP = f"it is nested more than {_MOST_LEVELS} levels deep"


class _Loader(yaml.SafeLoader):
    """Loads plain values only; a duplicate key is an error, and so is a deep nest."""

    _level = 0

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803  # PyYAML's name
        if self.flow_level >= _MOST_LEVELS:  # many are scanned before the first of them is composed
            raise RecursionError(_TOO_DEEP)
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._level += 1
        if self._level > _MOST_LEVELS:
            raise RecursionError(_TOO_DEEP)
        try:
            return super().compose_node(parent, index)
        finally:
            self._level -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    problem = f"the key {key_node.value!r} is written twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
                seen.add(key_node.value)
                _expect_text(key_node)
        return super().construct_mapping(node, deep=deep)


def _expect_text(key: yaml.ScalarNode) -> None:
    """Raise for a key that YAML does not read as text, such as ``yes``, ``no``, ``on``, ``1`` or ``null``."""
    if key.tag in _READ_AS:
        problem = f"the key {key.value} is read as {_READ_AS[key.tag]}, not as text; quote it: {key.value!r}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file as plain values: mappings, lists, strings, numbers.

    Raises:
        MissingFileError: The file does not exist.
        DatasetError: The file is not valid YAML, has a duplicate key, or its aliases expand to too many values; the
            message contains the line.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        msg = f"no catalogue file at {path}; expected the path of a YAML file"
        raise MissingFileError(msg) from error
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}: {error}; expected a YAML file in UTF-8"
        raise DatasetError(msg) from error
    except RecursionError as error:
        msg = f"{path} is nested too deeply to be a catalogue of datasets"
        raise DatasetError(msg) from error
    except ValueError as error:
        msg = f"{path} holds a value that cannot be read: {error}"
        raise DatasetError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{path}{_where(error)} is not valid YAML: {_problem(error)}"
        raise DatasetError(msg) from error


def parse_yaml(text: str) -> Any:
    """Return the content of YAML as plain values: mappings, lists, strings, numbers; None if it is empty.

    Raises:
        yaml.YAMLError: It is not valid YAML, has a duplicate key, or its aliases expand to too many values.
        RecursionError: It is nested too deeply.
        ValueError: It has a value that does not exist, such as the date 2020-99-99.
    """
    loader = _Loader(text)
    node = loader.get_single_node()
    if node is None:
        return None
    known: dict[int, int] = {}
    if _expanded(node, known) > max(_MOST_VALUES, len(known)):
        problem = f"its aliases (*name) expand to more than {_MOST_VALUES} values; write them out"
        raise yaml.MarkedYAMLError(problem=problem)
    return loader.construct_document(node)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of values below a node with all aliases expanded; more than the limit for a cycle."""
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inner = node.value
        elif isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_expanded(part, known) for part in inner)
    return known[id(node)]


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    # {anna: a/{case}.nii.gz} is a mapping inside a mapping.
    return f"{problem}; quote patterns with braces inside {{...}}" if "flow mapping" in str(error) else problem
