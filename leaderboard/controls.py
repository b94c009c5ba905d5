"""Controls bound to query parameters of the address, so that a link reproduces the view.

Options are shown as plain text, whoever wrote them. A value in the address that is not among the options is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import streamlit as st

from ctbench.report.wording import shortened
from leaderboard import layout

__all__ = ["address", "are_chosen", "choice", "choices", "first_of", "forget", "number", "search", "switch"]

_SHOWN = "controls_shown"

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
    linked = _linked(key)
    found = st.selectbox(label, options, index=at, format_func=shown, key=key, help=hint, bind="query-params")
    chosen = options[at] if found is None else found
    if linked and linked not in {shown(one) for one in options}:
        layout.note(f"{key}={shortened(linked, 60)} of the address is not there; shown is {shown(chosen)}.", "warning")
    _remember(key, shown(chosen))
    return chosen


def _linked(key: str) -> str:
    """Return the value that the address of the visitor's first view has for a control; empty if it has none."""
    return "" if key in st.session_state else str(st.query_params.get(key, ""))


def are_chosen(*keys: str) -> bool:
    """Return whether controls have a value already, from the address or the visitor's former choices."""
    return all(key in st.session_state or key in st.query_params for key in keys)


def forget() -> None:
    """Begin a page: no control has been shown yet."""
    st.session_state[_SHOWN] = {}


def address() -> str:
    """Return the query of an address that repeats the page with the value of every control, the usual ones too."""
    return urlencode(st.session_state.get(_SHOWN, {}), doseq=True)


def _remember(key: str, value: str | list[str]) -> None:
    st.session_state.setdefault(_SHOWN, {})[key] = value


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
    chosen = list(st.multiselect(label, options, default=kept, bind="query-params", **asked))
    _remember(key, [shown(one) for one in chosen])
    return chosen


def first_of(label: str, options: Sequence[T], key: str, *, most: int, few: int | None = None) -> list[T]:
    """Show a multiselect box that starts with all options, or with the first of them and how many there are.

    Args:
        label: What is chosen.
        options: What there is.
        key: Query parameter.
        most: The most that can be chosen.
        few: How many are chosen at first where there are more than ``most``. None: ``most``.
    """
    if len(options) <= most:
        return choices(label, options, key, default=options, most=most)
    return choices(
        f"{label}: at most {most} of {len(options)}", options, key, default=options[: few or most], most=most
    )


def number(
    label: str, key: str, *, low: float, high: float, default: float, step: float, hint: str | None = None
) -> float:
    """Show a slider and return its value; whole numbers if all bounds are."""
    chosen = float(st.slider(label, low, high, default, step, key=key, help=hint, bind="query-params"))
    _remember(key, f"{chosen:g}")
    return chosen


def search(label: str, key: str, *, hint: str | None = None) -> str:
    """Show a text box bound to the query parameter ``key`` and return its stripped text."""
    words = str(st.text_input(label, key=key, help=hint, max_chars=500, bind="query-params") or "").strip()
    if words:
        _remember(key, words)
    return words


def switch(label: str, key: str, *, default: bool = False, hint: str | None = None) -> bool:
    """Show a toggle bound to the query parameter ``key``."""
    chosen = bool(st.toggle(label, value=default, key=key, help=hint, bind="query-params"))
    _remember(key, str(chosen).lower())
    return chosen
