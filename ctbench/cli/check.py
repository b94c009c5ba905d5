"""`ctbench check`: run the conformance test of predictors."""

from __future__ import annotations

import typer

from ctbench.cli.options import (
    AsCsv,
    AsJson,
    Device,
    Environment,
    MemoryGb,
    Mounts,
    Options,
    PredictorSpec,
    Processes,
    Timeout,
    Trust,
    Unsandboxed,
    isolation_from,
    key_values,
)
from ctbench.cli.output import note, print_frame

__all__ = ["check"]


def check(
    predictor: PredictorSpec,
    device: Device = None,
    option: Options = None,
    trust: Trust = False,
    unsandboxed: Unsandboxed = False,
    mount: Mounts = None,
    env: Environment = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Run the conformance test on a predictor: does it keep the contract? Exits 2 if it does not.

    Example: `ctbench check my_package:MyModel --option threshold=0.4`
    """
    import pandas as pd  # 0.5 s that --help does not need

    from ctbench.predictors import IsolatedPredictor, check_conformance, open_predictor, unenforced

    isolation = isolation_from(
        trust=trust,
        unsandboxed=unsandboxed,
        mount=mount,
        env=env,
        timeout=timeout,
        memory_gb=memory_gb,
        processes=processes,
    )
    opened = open_predictor(predictor, key_values(option, device), isolation)
    for sentence in unenforced(predictor, isolation):
        note(sentence)
    results = opened.check() if isinstance(opened, IsolatedPredictor) else check_conformance(opened)
    rows = [
        {"check": one.check, "result": "passed" if one.passed else "failed", "detail": one.detail} for one in results
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    if not all(one.passed for one in results):
        raise typer.Exit(2)
