"""Commands about predictors and metrics: ``predictors``, ``check``, ``metrics``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ctbench.cli.output import AsCsv, AsJson, print_frame
from ctbench.errors import CtbenchError, UsageError

__all__ = ["Device", "Options", "predictor_options", "register"]

Device = Annotated[str | None, typer.Option("--device", help="Given to the predictor, e.g. cpu or cuda.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Given to the predictor; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(predictors)
    app.command()(check)
    app.command()(metrics)


def predictor_options(options: list[str] | None, device: str | None) -> dict[str, Any]:
    """Read ``--option key=value`` and ``--device``; a value that is JSON (a number, true, null) is taken as such.

    Raises:
        UsageError: an option without ``=``.
    """
    read: dict[str, Any] = {} if device is None else {"device": device}
    for option in options or ():
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            msg = f"--option expects KEY=VALUE, got {option!r}"
            raise UsageError(msg)
        try:
            read[key] = json.loads(value)
        except ValueError:
            read[key] = value
    return read


def predictors(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the installed predictors.

    Example: `ctbench predictors`
    """
    import pandas as pd  # 0.5 s that --help does not need

    from ctbench.predictors import installed_predictors, load_predictor

    rows = []
    for name, entry in installed_predictors().items():
        row = {"predictor": name, "version": "", "structures": "", "paper": "", "from": entry.value, "problem": ""}
        try:
            info = load_predictor(name).info
            row |= {"version": info.version, "structures": ", ".join(info.labels.names), "paper": info.paper}
        except CtbenchError as error:  # one broken plugin must not hide the others
            row["problem"] = str(error)
        rows.append(row)
    columns = ["predictor", "version", "structures", "paper", "from", "problem"]
    print_frame(pd.DataFrame(rows, columns=columns), as_json=as_json, as_csv=as_csv)


def check(
    predictor: Annotated[str, typer.Argument(help="An installed predictor, module:attribute, or folder:PATH.")],
    device: Device = None,
    option: Options = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Put a predictor through the conformance test; exits 2 if it breaks the contract.

    Example: `ctbench check my_package:MyModel --option threshold=0.4`
    """
    import pandas as pd  # as above

    from ctbench.predictors import check_conformance, load_predictor

    results = check_conformance(load_predictor(predictor, predictor_options(option, device)))
    rows = [
        {"check": one.check, "result": "passed" if one.passed else "failed", "detail": one.detail} for one in results
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    if not all(one.passed for one in results):
        raise typer.Exit(2)


def metrics(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List every metric: unit, which way is better, what it gives where something is empty, definition, source.

    Example: `ctbench metrics --json`
    """
    import pandas as pd

    from ctbench.metrics import METRICS

    rows = [
        {
            "metric": metric.name,
            "unit": metric.unit,
            "better": metric.better or "",
            "both_empty": _outcome(metric.empty.both),
            "prediction_empty": _outcome(metric.empty.prediction),
            "reference_empty": _outcome(metric.empty.reference),
            "missing": _outcome(metric.empty.missing),
            "definition": metric.definition,
            "source": metric.source,
            "version": metric.version,
        }
        for metric in METRICS.values()
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)


def _outcome(value: float | str | None) -> str:
    return "null" if value is None else str(value)
