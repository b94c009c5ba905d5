"""Layout of a page: texts, tables, charts and links, with users' texts shown as plain text."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.snapshots import SnapshotCard
from ctbench.report.wording import p_value, shortened
from ctbench.spreadsheet import as_csv, as_parquet

__all__ = [
    "chart",
    "code",
    "digits",
    "empty_board",
    "facts",
    "figures_table",
    "folded",
    "has_viewer",
    "legend",
    "link",
    "note",
    "remember",
    "snapshots",
    "style",
    "table",
    "text",
    "viewer",
]

Kind = Literal["plain", "muted", "title", "subtitle"]

_TAGS = {"title": "h2", "subtitle": "h3"}
_PLACES = "places"
_LONGEST = 120
_STYLED = 200
_NOTHING = "–"
_STYLE = """
<style>
.block-container { padding-top: 4rem; padding-bottom: 3rem; max-width: 1400px; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.words.muted { color: #59636e; font-size: .875rem; }
.words.title { font-size: 1.3rem; font-weight: 600; margin-top: .5rem; padding: 0; }
.words.facts { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .35rem 1.5rem; padding: 0; }
.words.facts dt { color: #59636e; font-weight: 400; }
.words.facts dd { margin: 0; }
.words .key { display: inline-block; margin-right: 1rem; }
.words .key i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border: 1px solid #59636e; }
.words.subtitle { font-size: 1.05rem; font-weight: 600; margin-top: .5rem; padding: 0; }
/* Streamlit's own CSV lets a spreadsheet run what a name begins with; ours does not. */
[data-testid="stElementToolbar"] button[aria-label="Download as CSV"] { display: none; }
[data-testid="stVegaLiteChart"] { max-width: 100%; overflow-x: auto; }
@media (max-width: 640px) { .block-container { padding-left: .75rem; padding-right: .75rem; } }
</style>
"""


def style() -> None:
    """Load the style of all pages."""
    st.html(_STYLE)


def text(words: object, kind: Kind = "plain") -> None:
    """Show a text as it is, without markup; titles and subtitles are headings, by which a screen reader moves."""
    tag = _TAGS.get(kind, "p")
    st.html(f'<{tag} class="words {kind}">{escape(str(words))}</{tag}>')


def facts(known: Iterable[tuple[object, object]]) -> None:
    """Show names and values as a definition list."""
    rows = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in known)
    st.html(f'<dl class="words facts">{"".join(rows)}</dl>')


def code(words: str) -> None:
    """Show a text in a fixed-width font, as it is typed."""
    st.code(words, language=None, wrap_lines=True)


def note(words: object, kind: Literal["info", "warning", "error"] = "info") -> None:
    """Show a text in a coloured box."""
    boxes = {"info": st.info, "warning": st.warning, "error": st.error}
    boxes[kind](_unmarked(str(words)))


def _unmarked(words: str) -> str:
    """Return the text with the special characters of markdown escaped."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>$:~" else sign for sign in words)


def table(
    frame: pd.DataFrame,
    name: str,
    *,
    columns: Mapping[str, Any] | None = None,
    key: str | None = None,
    height: int | Literal["auto", "content"] = "auto",
    shade: pd.Series | None = None,
    p_values: Collection[str] | None = None,
) -> int | None:
    """Show a table, with the same rows to download as CSV and Parquet.

    P values are written as in the report, ``<.001`` where they are smaller. Long tables have three digits instead,
    because styling every cell is slow; the files have the numbers.

    Args:
        frame: The rows; the index is not shown.
        name: Name of the files, without suffix.
        columns: ``st.column_config`` by column.
        key: Key of the selection; without it no row can be selected.
        height: Height in pixels, or a keyword of Streamlit.
        shade: Background colour of each row; null for none. Ignored for long tables.
        p_values: Names of the columns of P values; None: ``p`` and those that begin with ``p_``.

    Returns:
        The position of the selected row; None if none is selected.
    """
    asked: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-row", "key": key} if key else {}
    shown = {name: str(name).replace("_", " ") for name in frame.columns} | dict(columns or {})
    tests = [name for name in frame.columns if _is_p(str(name))] if p_values is None else list(p_values)
    is_styled = len(frame) <= _STYLED and (shade is not None or bool(tests))
    chosen = st.dataframe(
        _styled(frame, shade, tests) if is_styled else frame,
        hide_index=True,
        width="stretch",
        height=height,
        placeholder=_NOTHING,
        column_config=_with_digits(shown, () if is_styled else tests),
        **asked,
    )
    with st.container(horizontal=True):
        for ending, write, kind in (("csv", as_csv, "text/csv"), ("parquet", as_parquet, "application/octet-stream")):
            st.download_button(
                ending.upper() if ending == "csv" else "Parquet",
                write(frame),
                f"{name}.{ending}",
                kind,
                key=f"{name}.{ending}",
                icon=":material/download:",
                on_click="ignore",
                type="tertiary",
            )
    rows = chosen["selection"]["rows"] if key else []
    return int(rows[0]) if rows else None


def digits(names: Iterable[str]) -> dict[str, Any]:
    """Return the configuration of columns of a table that have three digits, and their names in words."""
    return {name: st.column_config.NumberColumn(name.replace("_", " "), format="%.3f") for name in names}


def figures_table(frame: pd.DataFrame, name: str) -> None:
    """Show a table in which all fractions have three digits; ``name`` is that of its files."""
    fractions = [str(column) for column in frame.columns if pd.api.types.is_float_dtype(frame[column])]
    table(frame, name, columns=digits(fractions))


def _is_p(column: str) -> bool:
    return column == "p" or column.startswith("p_")


def _with_digits(columns: Mapping[str, Any], tests: Collection[str]) -> dict[str, Any]:
    """Return the configuration of columns with three digits for those P values that cannot be written as text."""
    number = st.column_config.NumberColumn
    own = {name: columns[name] if isinstance(columns[name], Mapping) else number(columns[name]) for name in tests}
    return {**columns} | {
        name: {**one, "type_config": {"type": "number", "format": "%.3f"}} for name, one in own.items()
    }


def _styled(frame: pd.DataFrame, shade: pd.Series | None, tests: Collection[str]) -> Any:
    """Return the frame with coloured rows and P values as text; a column with a format of its own keeps it."""
    words: dict[Any, Any] = dict.fromkeys(tests, p_value)
    whole = frame.reset_index(drop=True).style.format(words, precision=4, na_rep=_NOTHING)
    if shade is None:
        return whole
    css = ("background-color: " + shade).where(shade.notna(), "").to_numpy()
    return whole.apply(lambda cells: pd.DataFrame(dict.fromkeys(cells.columns, css), index=cells.index), axis=None)


def chart(drawing: Any, words: str) -> None:
    """Show an altair chart over its caption, which states n."""
    drawing = drawing.copy(deep=False)
    drawing.description = words  # what a screen reader says of it
    st.altair_chart(drawing, width="stretch", theme=None)
    text(words, "muted")


def legend(colours: Mapping[str, tuple[int, int, int]]) -> None:
    """Show a legend of colours; the names may be users' texts."""
    entries = (
        f'<span class="key"><i style="background:rgb{colour}"></i>{escape(shortened(name, 40))}</span>'
        for name, colour in colours.items()
    )
    st.html(f'<p class="words muted">{" ".join(entries)}</p>')


def snapshots(cards: Sequence[SnapshotCard], words: str) -> None:
    """Show where readers differ, three cards in a row, below a sentence about them."""
    if not cards:
        return
    text(words, "muted")
    for start in range(0, len(cards), 3):
        for place, card in zip(st.columns(3), cards[start : start + 3], strict=False):
            with place:
                pictures, said = zip(*card.pictures, strict=True)
                st.image(png(np.hstack(pictures)), width="stretch", alt="; ".join(said))
                text(card.title)
                text(f"{card.where}, {card.below}", "muted")


def has_viewer() -> bool:
    """Return whether the 3D viewer is installed (extra ``viewer``)."""
    return importlib.util.find_spec("niivue_component") is not None


def viewer(image: bytes, over: bytes | None) -> None:
    """Show a volume that can be rotated, with a coloured one over it.

    Args:
        image: A compressed NIfTI.
        over: A compressed NIfTI of RGBA; None: nothing.
    """
    from niivue_component import niivue_viewer

    niivue_viewer(
        nifti_data=image,
        filename="image.nii.gz",
        overlays=[] if over is None else [{"data": over, "name": "errors.nii.gz", "opacity": 0.6}],
        height=560,
        styled=False,
        settings={"interpolation": False, "radiological": True},
        update_interval_ms=None,
        key="niivue",
    )


@contextmanager
def folded(words: str) -> Iterator[None]:
    """Open a collapsed section; its title must not be a user's text."""
    with st.expander(words):
        yield


def empty_board(where: str) -> None:
    """Show what to do if the board has no runs."""
    text("Nothing here yet", "title")
    text(f"{shortened(where, _LONGEST)} holds no runs. To fill it:")
    code(
        "ctbench demo           # makes runs in ./demo, which `ctbench leaderboard` shows\n\n"
        "ctbench run threshold --dataset phantom-hemorrhage\n"
        "ctbench submit runs/phantom-hemorrhage/threshold --to board\n"
        "ctbench leaderboard board"
    )


def remember(places: Mapping[str, Any]) -> None:
    """Store the pages of this run of the script, for ``link``."""
    st.session_state[_PLACES] = dict(places)


def link(url: str, words: str, **query: str) -> None:
    """Show a link to another page, with the values of its controls; its text must not be a user's.

    The values of controls that both pages have (the dataset) are passed on by themselves. A page cannot be left without
    a click: Streamlit refuses to change an address while its controls are on the page.
    """
    st.page_link(
        st.session_state[_PLACES][url], label=words, icon=":material/arrow_forward:", query_params=query or None
    )
