"""Explanations that page and leaderboard share."""

import ast
from pathlib import Path

import leaderboard
from ctbench.report import explanations, page

SENTENCE = 50
"""Texts of this many characters or more explain something; shorter ones are titles."""


def _texts(folder):
    """Return the long texts in the modules of a folder, docstrings aside."""
    found = set()
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found |= {
            node.value.strip()
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        }
    return {text for text in found if len(text) >= SENTENCE}


def test_no_explanation_stands_on_page_and_leaderboard():
    """A text that both show is written once, in ``explanations``."""
    on_page, on_board = _texts(Path(page.__file__).parent), _texts(Path(leaderboard.__file__).parent)
    assert on_page
    assert on_board
    assert on_page & on_board == set()


def test_explanations_name_what_they_are_about():
    """Texts with arguments hold them."""
    assert "scored on staple-without-k" in explanations.readers_as_one("staple")
    assert "better than unet, † unet is better" in explanations.marks("unet")
    assert "all raters at once" in explanations.RANK_INTERVALS
    assert "Models are judged on majority" in explanations.detection_references("majority")
