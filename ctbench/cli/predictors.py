"""`ctbench predictors`: list the installed predictors, or show the card of one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_record, print_rows
from ctbench.errors import CtbenchError

__all__ = ["predictors"]


def predictors(
    name: Annotated[
        str | None, typer.Argument(metavar="PREDICTOR", help="Predictor whose card is shown. [default: list all]")
    ] = None,
    cards: Annotated[
        bool, typer.Option("--cards", help="Open every predictor for version, structures and paper: takes seconds.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the installed predictors; with a name, show its version, structures, paper and licence.

    Example: `ctbench predictors cai-unet-demo`
    """
    from ctbench.predictors import installed_predictors

    if name is not None:
        print_record(_card(name), as_json=as_json, as_csv=as_csv)
        return
    found = installed_predictors()
    rows: list[dict[str, Any]] = [
        {"predictor": known, "package": entry.dist.name if entry.dist else "", "from": entry.value}
        for known, entry in found.items()
    ]
    if cards:
        rows = [row | _card_or_problem(row["predictor"]) for row in rows]
    print_rows(rows, as_json=as_json, as_csv=as_csv)
    note("version, structures, paper: ctbench predictors PREDICTOR, or --cards for all")


def _card(name: str) -> dict[str, Any]:
    from ctbench.predictors import open_predictor

    info = open_predictor(name).info
    return {
        "predictor": name,
        "version": info.version,
        "structures": ", ".join(info.labels.names),
        "paper": info.paper,
        "licence": info.licence,
        "description": info.description,
        "trained_on": ", ".join(info.training_datasets),
        "size": info.size_in_words,
        "precision": info.parameters.get("precision", ""),
    }


def _card_or_problem(name: str) -> dict[str, Any]:
    wanted = ("version", "structures", "paper")
    try:
        card = _card(name)
    except CtbenchError as error:  # one broken plugin must not hide the others
        return dict.fromkeys(wanted, "") | {"problem": str(error)}
    return {key: card[key] for key in wanted} | {"problem": ""}
