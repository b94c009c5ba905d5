import subprocess
import sys

import numpy as np

from ctbench.compiled import compiled


@compiled
def _halves(n: int) -> float:
    """Add up 1/2 n times."""
    total = 0.0
    for _ in range(n):
        total += 0.5
    return total


def test_compiled_functions_keep_their_name_and_value():
    """A compiled function says what it is and gives what it gave."""
    assert _halves.__name__ == "_halves"
    assert _halves.__doc__ == "Add up 1/2 n times."
    assert _halves(7) == _halves.__wrapped__(7) == 3.5


def test_a_million_steps_take_no_time():
    """The machine code, not the interpreter, runs the loop: it is done before the interpreter is a tenth through."""
    import time

    _halves(1)
    times = []
    for function, steps in ((_halves, 2_000_000), (_halves.__wrapped__, 200_000)):
        start = time.process_time()
        function(steps)
        times.append(time.process_time() - start)
    assert times[0] < times[1]


def test_importing_the_metrics_does_not_import_numba():
    """Numba is loaded with the first score, so that commands that score nothing answer at once."""
    code = "import sys, ctbench.metrics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_read_only_arrays_are_taken():
    """Loops read what nobody may write to."""
    from ctbench.metrics.voxels import bounding_boxes

    label_map = np.ones((2, 3, 4), np.uint8)
    label_map.flags.writeable = False
    boxes = np.tile(np.array([9, 0] * 3), (2, 1))
    bounding_boxes(label_map, np.array([0, 1], np.int32), boxes)
    assert boxes[1].tolist() == [0, 2, 0, 3, 0, 4]


@compiled
def _quarters(n: int) -> float:
    """Add up 1/4 2n times, through another compiled function."""
    return _halves(n) / 2 + _halves(n) / 2


def test_compiled_functions_call_each_other():
    """In machine code, wherever numba's cache keeps it; each is still called by its name, too."""
    assert _quarters(6) == _quarters.__wrapped__(6) == 3.0
