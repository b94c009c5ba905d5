"""Pages of the site that are made from the code (commands, metrics, Python modules), and figures of its examples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import run as call
from sys import executable
from typing import TYPE_CHECKING, Any

from pygments.lexers import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MODULES = (
    "consensus",
    "metrics",
    "metrics.detection",
    "statistics",
    "agreement",
    "datasets",
    "volume",
    "annotations",
    "predictors",
    "runs",
    "boards",
    "report",
    "errors",
)
"""Modules whose public names have a page each, below ``ctbench``."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the pages with Sphinx, which calls this."""
    app.add_lexer("csv", TextLexer)
    app.connect("builder-inited", lambda built: write_pages(Path(built.srcdir) / "reference"))
    return {"parallel_read_safe": True}


def write_pages(folder: Path) -> None:
    """Write every page that is made from the code.

    Args:
        folder: Folder of the pages, which are not kept under version control.
    """
    pages = {
        "command-line.md": command_line(),
        "metrics.md": metrics(),
        "datasets.schema.json": schema(),
        "python.md": python(),
    } | {f"python-{name.replace('.', '-')}.rst": module(name) for name in MODULES}
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # an unchanged page is not built again
            path.write_text(text, encoding="utf-8")


def command_line() -> str:
    """Return the help of all commands as Markdown, made by typer."""
    made = call(
        [executable, "-m", "typer", "ctbench.cli.app", "utils", "docs", "--name", "ctbench", "--title", "Command line"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    # The lists of commands hold first lines that are cut after 45 characters; the headings below say more.
    return re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+\n?", "", made.stdout)


def metrics() -> str:
    """Return the table of metrics as Markdown: definitions, empty cases and sources."""
    from ctbench.metrics import METRICS

    parts = [
        "# Metrics",
        (
            "`ctbench metrics` prints this table. What a value is where a mask is empty is explained in "
            "[empty and missing](../decisions/003-empty-and-missing.md). `--metric all` computes all of them."
        ),
    ]
    for metric in METRICS.values():
        empty = {"both empty": metric.empty.both, "prediction empty": metric.empty.prediction}
        empty |= {"reference empty": metric.empty.reference, "missing or failed": metric.empty.missing}
        values = "; ".join(f"{when}: {'null' if value is None else value}" for when, value in empty.items())
        parts += [
            f"## {metric.name}",
            f"{metric.title}: {metric.definition}",
            (
                f"- unit: {metric.unit}; better: {metric.better or 'neither'}; version {metric.version}\n"
                f"- computed: {'by default' if metric.default else 'where it is named'}\n"
                f"- {values}\n- source: {metric.source}"
            ),
        ]
    return "\n\n".join(parts) + "\n"


def schema() -> str:
    """Return the JSON schema of the YAML of data sets, with which editors complete and check it."""
    from pydantic import TypeAdapter

    from ctbench.datasets import Entry

    return json.dumps(TypeAdapter(dict[str, Entry]).json_schema(), indent=1)


def python() -> str:
    """Return the public names of ``ctbench``, each with the first sentence of its docstring, as Markdown."""
    import ctbench

    lines = ["# Python", "", "These names stand in `ctbench` itself; they are imported when they are first used.", ""]
    lines += ["| name | what it is |", "|---|---|"]
    for name in ctbench.__all__:
        thing: Any = getattr(ctbench, name)
        first = (thing.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", r"\|")
        lines.append(f"| `{name}` | {first} |")
    lines += ["", "```{toctree}", ":maxdepth: 1", ""]
    lines += [f"python-{name.replace('.', '-')}" for name in MODULES]
    return "\n".join([*lines, "```", ""])


def module(name: str) -> str:
    """Return the page of one module of ``ctbench`` as reStructuredText."""
    title = f"ctbench.{name}"
    options = "   :members:\n   :imported-members:\n" if name != "errors" else "   :members:\n   :show-inheritance:\n"
    return f"{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n{options}"


def scraper(_block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Return the reStructuredText of the figure of a block of an example: its variable ``figure``.

    A figure is an altair chart, or y,x,RGB as 8-bit integers.
    """
    from sphinx_gallery.scrapers import figure_rst

    figure = variables["example_globals"].pop("figure", None)
    if figure is None:
        return ""
    path = next(variables["image_path_iterator"])
    if hasattr(figure, "to_dict"):
        import vl_convert

        Path(path).write_bytes(vl_convert.vegalite_to_png(figure.to_dict(), scale=2))
    else:
        from PIL import Image

        Image.fromarray(figure).save(path)
    return figure_rst([path], conf["src_dir"])
