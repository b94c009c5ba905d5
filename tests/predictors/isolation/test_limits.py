import os
import subprocess
import sys

import pytest

from ctbench.errors import UsageError
from ctbench.predictors import Limits

ENFORCED = """
import resource
from ctbench.predictors.isolation.limits import Limits, enforce
enforce(Limits(memory_gb=1, processes=50, written_gb=0.5), running=7)
for kind in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
    print(*resource.getrlimit(kind))
"""


@pytest.mark.parametrize("name", ["seconds", "cpu_seconds", "memory_gb", "processes", "written_gb", "printed_mb"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_positive(name, value):
    """The message names the limit."""
    with pytest.raises(UsageError, match=f"expected a positive limit {name}, got {value}"):
        Limits(**{name: value})


def test_cpu_time_is_by_default_what_the_cores_can_give():
    """A predictor may use all cores all the time, unless told otherwise."""
    assert Limits(seconds=10).cpu_budget_seconds == 10 * os.cpu_count()
    assert Limits(seconds=10, cpu_seconds=3).cpu_budget_seconds == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Unix only")
def test_limits_bind_hard():
    """Soft and hard limits are the same, so that there is no way back."""
    result = subprocess.run([sys.executable, "-c", ENFORCED], capture_output=True, text=True, check=True)
    values = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert values == [(2**30, 2**30), (57, 57), (2**29, 2**29), (0, 0)]
