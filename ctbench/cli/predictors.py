"""`ctbench predictors`: list the installed predictors."""

from __future__ import annotations

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import print_frame
from ctbench.errors import CtbenchError

__all__ = ["predictors"]


def predictors(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the installed predictors with version, structures and paper.

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
