from typing import Annotated

import pytest

from ctbench.runs import Manifest
from ctbench.runs.roles import Role, WithRoles


def test_every_field_of_the_manifest_has_exactly_one_role():
    """The roles divide the fields: together they name each once."""
    names = [name for role in Role for name in Manifest.fields_with(role)]
    assert sorted(names) == sorted(Manifest.model_fields)


def test_a_field_without_a_role_fails_when_the_class_is_defined():
    """Whoever adds a field to the manifest and forgets its role cannot import it."""
    with pytest.raises(TypeError, match="field mood of Longer has 0 roles, expected 1"):

        class Longer(Manifest):
            mood: str = ""


def test_a_field_with_two_roles_fails_when_the_class_is_defined():
    """A field cannot be a rule and a result."""
    with pytest.raises(TypeError, match="field both of Torn has 2 roles, expected 1"):

        class Torn(WithRoles):
            both: Annotated[str, Role.RULE, Role.RESULT]


def test_fields_are_named_in_the_order_of_their_declaration():
    """The message on runs that cannot be compared names the rules in this order."""
    rules = ("dataset_fingerprint", "split", "cases", "labels", "groups", "consensus", "surface", "tolerance_mm")
    assert Manifest.fields_with(Role.RULE, Role.PORTION) == (*rules, "shard")
    assert Manifest.fields_with(Role.CIRCUMSTANCE) == ("git",)
