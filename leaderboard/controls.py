"""Controls bound to query parameters of the address, so that a link reproduces the view.

Options are shown as plain text, whoever wrote them. A value in the address that is not among the options is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

__all__ = ["choice", "choices", "first_of", "number", "search", "switch"]

T = TypeVar("T")


def choice(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    default: T | None = None,
    shown: Callable[[T], str] = str,
    hint: str | None = None,
) -> T:
    """Show a select box and return the chosen option.

    Args:
        label: Label of the control; never a user's text.
        options: At least one; small values, because Streamlit copies and compares them; their texts must differ.
        key: Name of the query parameter.
        default: The option chosen at first; None: the first option.
        shown: Returns the text of an option.
        hint: Tooltip of the label.
    """
    at = list(options).index(default) if default is not None and default in options else 0
    found = st.selectbox(label, options, index=at, format_func=shown, key=key, help=hint, bind="query-params")
    return options[at] if found is None else found


def choices(
    label: str,
    options: Sequence[T],
    key: str,
    *,
    default: Sequence[T] = (),
    most: int | None = None,
    shown: Callable[[T], str] = str,
    hint: str | None = None,
) -> list[T]:
    """Show a multiselect box and return the chosen options, at most ``most``."""
    kept = [one for one in default if one in options][:most]
    asked: dict[str, Any] = {"format_func": shown, "key": key, "help": hint, "max_selections": most}
    return list(st.multiselect(label, options, default=kept, bind="query-params", **asked))


def first_of(label: str, options: Sequence[T], key: str, *, most: int) -> list[T]:
    """Show a multiselect box that starts with all options, or with the first ``most`` and how many there are."""
    titled = label if len(options) <= most else f"{label}: at most {most} of {len(options)}"
    return choices(titled, options, key, default=options[:most], most=most)


def number(
    label: str, key: str, *, low: float, high: float, default: float, step: float, hint: str | None = None
) -> float:
    """Show a slider and return its value; whole numbers if all bounds are."""
    return float(st.slider(label, low, high, default, step, key=key, help=hint, bind="query-params"))


def search(label: str, key: str, *, hint: str | None = None) -> str:
    """Show a text box bound to the query parameter ``key`` and return its stripped text."""
    return str(st.text_input(label, key=key, help=hint, max_chars=500, bind="query-params") or "").strip()


def switch(label: str, key: str, *, default: bool = False, hint: str | None = None) -> bool:
    """Show a toggle bound to the query parameter ``key``."""
    return bool(st.toggle(label, value=default, key=key, help=hint, bind="query-params"))
