"""Tables and figures of chang2018."""

from ctbench.report.papers import PAPERS
from ctbench.report.papers.chang2018 import PARTS


def test_the_command_makes_these_parts():
    """`ctbench paper chang2018` finds the parts of this module."""
    assert PAPERS["chang2018"] is PARTS
