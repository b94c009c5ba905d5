"""Commands about predictors and metrics: ``predictors``, ``check``, ``new-predictor``, ``metrics``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctbench.cli.output import AsCsv, AsJson, note, print_frame
from ctbench.errors import CtbenchError, UsageError

if TYPE_CHECKING:
    from ctbench.predictors import Isolation

__all__ = [
    "Device",
    "MemoryGb",
    "Mounts",
    "Options",
    "Processes",
    "Timeout",
    "Trust",
    "isolation_of",
    "predictor_options",
    "register",
]

Device = Annotated[str | None, typer.Option("--device", help="Given to the predictor, e.g. cpu or cuda.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Given to the predictor; may be repeated."),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run its code in this process: without a sandbox, without limits.")
]
Mounts = Annotated[
    list[Path] | None,
    typer.Option("--mount", metavar="PATH", help="A file or folder that it may read, too; may be repeated."),
]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds that it may take for a case; 1800.")]
MemoryGb = Annotated[float | None, typer.Option("--memory-gb", help="GiB that it may use; 16.")]
Processes = Annotated[int | None, typer.Option("--processes", help="Processes and threads that it may run; 512.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(predictors)
    app.command()(check)
    app.command()(new_predictor)
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


def isolation_of(
    *,
    trust: bool,
    mount: list[Path] | None,
    timeout: float | None,
    memory_gb: float | None,
    processes: int | None,
) -> Isolation:
    """Read ``--trust``, ``--mount`` and the limits.

    Raises:
        UsageError: a mount that is not there, or a limit that is not positive.
    """
    from ctbench.predictors import Isolation, Limits

    absent = [str(path) for path in mount or () if not path.exists()]
    if absent:
        msg = f"--mount expects a file or folder that is there; there is no {', '.join(absent)}"
        raise UsageError(msg)
    given = {"seconds": timeout, "memory_gb": memory_gb, "processes": processes}
    limits = Limits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # each has its own type
    return Isolation(trust, tuple(path.absolute() for path in mount or ()), limits)


def predictors(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the installed predictors.

    Example: `ctbench predictors`
    """
    import pandas as pd  # 0.5 s that --help does not need

    from ctbench.predictors import installed_predictors, open_predictor

    rows = []
    for name, entry in installed_predictors().items():
        row = {"predictor": name, "version": "", "structures": "", "paper": "", "from": entry.value, "problem": ""}
        try:
            info = open_predictor(name).info
            row |= {"version": info.version, "structures": ", ".join(info.labels.names), "paper": info.paper}
        except CtbenchError as error:  # one broken plugin must not hide the others
            row["problem"] = str(error)
        rows.append(row)
    columns = ["predictor", "version", "structures", "paper", "from", "problem"]
    print_frame(pd.DataFrame(rows, columns=columns), as_json=as_json, as_csv=as_csv)


def check(
    predictor: Annotated[
        str,
        typer.Argument(help="An installed predictor, module:attribute, command:..., container:IMAGE, or folder:PATH."),
    ],
    device: Device = None,
    option: Options = None,
    trust: Trust = False,
    mount: Mounts = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Put a predictor through the conformance test; exits 2 if it breaks the contract.

    Example: `ctbench check my_package:MyModel --option threshold=0.4`
    """
    import pandas as pd  # as above

    from ctbench.predictors import IsolatedPredictor, check_conformance, open_predictor, unenforced

    isolation = isolation_of(trust=trust, mount=mount, timeout=timeout, memory_gb=memory_gb, processes=processes)
    opened = open_predictor(predictor, predictor_options(option, device), isolation)
    for sentence in unenforced(predictor, isolation):
        note(sentence)
    results = opened.check() if isinstance(opened, IsolatedPredictor) else check_conformance(opened)
    rows = [
        {"check": one.check, "result": "passed" if one.passed else "failed", "detail": one.detail} for one in results
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    if not all(one.passed for one in results):
        raise typer.Exit(2)


def new_predictor(
    name: Annotated[str, typer.Argument(help="Of the predictor and its package, e.g. my-model.")],
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; default NAME.")] = None,
) -> None:
    """Write a package of a predictor that works as it stands, to be made one's own.

    Example: `ctbench new-predictor my-model && pip install -e my-model && ctbench check my-model`
    """
    from ctbench.predictors.template import write_package

    folder = write_package(name, out or Path(name))
    note(f"{folder}: install it with `pip install -e {folder}`, then `ctbench check {name}`")


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
