"""What third parties' code may try, and how it ends: the case fails with a reason, and the next one goes on."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import ContractError, CtbenchError, PluginError, PluginNotFoundError, PredictionFailedError
from ctbench.predictors import IsolatedPredictor, Isolation, Limits, open_predictor
from ctbench.predictors.isolation import sandbox
from ctbench.volume import Volume

HOSTILE = Path(__file__).with_name("hostile.py")
TIGHT = Limits(seconds=30, memory_gb=0.5, processes=40, printed_mb=4, written_gb=0.1)


def attack_names():
    """The names of the attacks, in their order."""
    spec = spec_from_file_location("hostile_names", HOSTILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return [attack.__name__ for attack in module.ATTACKS]


NAMES = attack_names()


def image_for(attack):
    """A small image that asks for an attack."""
    array = np.zeros((3, 8, 8), np.int16)
    array[1, 2:5, 2:5] = 70
    array[0, 0, 0] = NAMES.index(attack)
    return Volume(array, (5.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def needs_bubblewrap():
    """Skip where there is no sandbox to test."""
    if not sandbox.is_sandboxed():
        pytest.skip("; ".join(sandbox.missing_protections()))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with the hostile module, a dataset with a reader's mask elsewhere, and somebody who listens."""
    root = tmp_path_factory.mktemp("world")
    (root / "code").mkdir()
    shutil.copy(HOSTILE, root / "code" / "hostile.py")
    (root / "dataset").mkdir()
    (root / "dataset" / "a-readers-mask.nii.gz").write_bytes(b"the truth")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield root, server


def hostile(world, limits=TIGHT):
    """The hostile predictor, as a stranger's."""
    root, server = world
    options = {"secret": str(root / "dataset" / "a-readers-mask.nii.gz"), "port": server.getsockname()[1]}
    return IsolatedPredictor("hostile:Hostile", options, Isolation(limits=limits, unsandboxed=True), root / "code")


@pytest.fixture(scope="module")
def hasty(world):
    """The same with two seconds for a case."""
    made = hostile(world, replace(TIGHT, seconds=2))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def predictor(world):
    """One process for all attacks that it survives; a token lies in our environment when it is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN", "hunter2")
        made = hostile(world)
        assert made.info.name == "hostile"
        yield made
        made.stop()


def behaves(predictor):
    """The next case is predicted as if nothing had been."""
    image = image_for("nothing")
    prediction = predictor.prediction("next", image)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    return prediction.score == 0.5


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("attack", ["read_masks", "read_secrets", "write_outside", "kill_all"])
def test_what_cannot_be_seen_or_written_is_of_no_use(predictor, world, attack):
    """No path leads to the masks, to our environment or to our processes; no file can be left elsewhere."""
    before = sorted(world[0].rglob("*"))
    predictor.prediction("a", image_for(attack))
    assert sorted(world[0].rglob("*")) == before
    assert behaves(predictor)


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("attack", ["sleep", "fork_without_end"])
def test_what_never_ends_is_ended(hasty, attack):
    """Sleeping for ever and forking for ever take their time, and no more; nothing of them is left."""
    assert behaves(hasty)
    process = hasty._session._live.process
    reason = r"hostile (took more than 2 s|ran more than 40 processes) on case a"
    with pytest.raises(PredictionFailedError, match=reason):
        hasty.prediction("a", image_for(attack))
    assert process.exit_code is not None
    assert behaves(hasty)


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("list_dataset", "hostile raised FileNotFoundError on case a: .*No such file or directory"),
        ("open_socket", "hostile raised (OSError|ConnectionRefusedError) on case a: "),
        ("leave_children", "hostile left 1 processes running"),
    ],
)
def test_what_only_a_sandbox_keeps_from(predictor, world, attack, reason):
    """The case fails with the reason, nobody was called, and the next case goes on."""
    with pytest.raises(PredictionFailedError, match=reason):
        predictor.prediction("a", image_for(attack))
    with pytest.raises(BlockingIOError):
        world[1].accept()
    assert behaves(predictor)


@pytest.mark.parametrize(
    ("attack", "error", "reason"),
    [
        ("allocate", PredictionFailedError, "raised .*MemoryError on case a: Unable to allocate 100. GiB"),
        ("share_memory", PredictionFailedError, "used more than 0.5 GiB of memory on case a"),
        ("print_much", PredictionFailedError, "printed more than 4 MiB on case a"),
        ("promise_little", ContractError, "its labels came back as 1 bytes; expected 192"),
        ("promise_much", ContractError, "its labels came back as 10737418240 bytes; expected 192"),
        ("promise_nonsense", ContractError, "its labels came back as '192' bytes; expected 192"),
        ("send_less", PredictionFailedError, "died on case a: exit code 3"),
        ("forge_answers", ContractError, "it must not write there"),
        ("die", PredictionFailedError, "died on case a: it was ended by SIGSEGV"),
        ("leave", PredictionFailedError, "died on case a: exit code 3"),
        ("fill_disk", PredictionFailedError, "(wrote more than 0.1 GiB|raised OSError) on case a"),
        ("fill_folder", PredictionFailedError, "wrote more than 0.1 GiB on case a"),
    ],
)
def test_what_goes_too_far_fails_the_case_and_no_other(predictor, attack, error, reason):
    """Memory, time, output, answers and crashes are bounded with or without a sandbox."""
    with pytest.raises(error, match=reason):
        predictor.prediction("a", image_for(attack))
    assert behaves(predictor)


@pytest.mark.parametrize("attack", ["lock_output", "dig"])
def test_scratch_that_cannot_be_cleaned_goes_with_its_process(predictor, attack):
    """Nothing of it is left, however it was left, and the next case is predicted."""
    assert behaves(predictor)
    folder = predictor._session._live.space.path
    with contextlib.suppress(PredictionFailedError):  # who digs may also be found to have written too much
        predictor.prediction("a", image_for(attack))
    assert behaves(predictor)
    predictor.stop()
    assert not folder.exists()
    assert behaves(predictor)


def test_a_predictor_that_hoards_memory_is_started_anew(predictor):
    """A leak is not a failure, but it does not grow over cases either."""
    assert behaves(predictor)
    predictor.prediction("a", image_for("remember"))
    assert not predictor._session.is_live
    assert behaves(predictor)
    assert predictor._session.is_live


def test_a_process_lives_on_from_case_to_case(predictor):
    """Heavy imports happen once."""
    assert behaves(predictor)
    before = predictor._session._live.process
    assert behaves(predictor)
    assert predictor._session._live.process is before


def test_what_a_failed_case_printed_last_is_kept(world):
    """The notes of a failure have its traceback and the end of what it printed."""
    (world[0] / "code" / "talker.py").write_text(
        "from hostile import *\n"
        "class Talker(Hostile):\n"
        "    def predict(self, image):\n"
        "        print('loading the third fold')\n"
        "        raise ValueError('no fold')\n"
    )
    predictor = IsolatedPredictor("talker:Talker", None, Isolation(unsandboxed=True), world[0] / "code")
    with pytest.raises(PredictionFailedError, match="hostile raised ValueError on case a: no fold") as caught:
        predictor.prediction("a", image_for("nothing"))
    notes = "\n".join(caught.value.__notes__)
    assert "in predict" in notes
    assert "loading the third fold" in notes
    predictor.stop()


def test_cpu_time_counts_apart_from_wall_time(world):
    """Burning processor time is bounded, too; the limit leaves room for what starting the process burns itself."""
    (world[0] / "code" / "burner.py").write_text(
        "from hostile import *\nclass Burner(Hostile):\n    def predict(self, image):\n        while True: pass\n"
    )
    predictor = IsolatedPredictor(
        "burner:Burner", None, Isolation(limits=Limits(cpu_seconds=4), unsandboxed=True), world[0] / "code"
    )
    with pytest.raises(PredictionFailedError, match=r"used more than 4 s of CPU time"):
        predictor.predict(image_for("nothing"))


def test_a_predictor_that_cannot_be_made_is_a_plugin_error(world):
    """Too long, not there, or with wrong options: the same errors as in this process."""
    here = world[0] / "code"
    quick = Isolation(limits=Limits(seconds=2), unsandboxed=True)
    with pytest.raises(PluginError, match="'hostile:fail_on_making' could not be made: it took more than 2 s"):
        _ = IsolatedPredictor("hostile:fail_on_making", None, quick, here).info
    with pytest.raises(PluginNotFoundError, match="'hostile:Absent' cannot be imported"):
        _ = IsolatedPredictor("hostile:Absent", None, quick, here).info
    with pytest.raises(CtbenchError, match="it takes: secret, port"):
        _ = IsolatedPredictor("hostile:Hostile", {"sercet": 1}, quick, here).info


def test_the_conformance_test_runs_where_the_predictor_lives(predictor):
    """Its results are those that it would have here."""
    results = predictor.check()
    assert len(results) == 9
    assert all(result.passed for result in results), results


def test_mounts_are_seen_and_what_lies_beside_them_is_not(world, needs_bubblewrap):
    """`--mount` adds one file to what a predictor can read."""
    root = world[0]
    (root / "weights.txt").write_text("61")
    (root / "code" / "reader.py").write_text(
        "from hostile import *\n"
        "class Reader(Hostile):\n"
        "    def __init__(self, path):\n"
        "        super().__init__()\n"
        "        self.text = Path(path).read_text() + str(os.listdir(Path(path).parent))\n"
        "        self.info = ctbench.PredictorInfo(name=self.text, version='1', labels=ctbench.LabelSet({'a': 1}))\n"
    )
    path = root / "weights.txt"
    with pytest.raises(PluginError, match="FileNotFoundError"):
        _ = IsolatedPredictor("reader:Reader", {"path": str(path)}, here=root / "code").info
    isolation = Isolation(mounts=(path,))
    name = IsolatedPredictor("reader:Reader", {"path": str(path)}, isolation, root / "code").info.name
    assert name.startswith("61")
    assert "dataset" not in name


def test_only_third_parties_are_isolated(world):
    """Models of ctbench, and whom the user trusts, run in this process."""
    assert not isinstance(open_predictor("threshold"), IsolatedPredictor)
    assert isinstance(open_predictor("hostile:Hostile", here=world[0] / "code"), IsolatedPredictor)


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("attack", ["read_masks", "write_outside", "open_socket"])
def test_who_is_not_root_gets_the_same_sandbox(world, attack, monkeypatch):
    """A user namespace takes the place of root's power to make mounts."""
    monkeypatch.setattr(sandbox, "_is_real_root", lambda: False)
    predictor = hostile(world)
    assert "--unshare-user" in predictor.command()
    before = sorted(world[0].rglob("*"))
    if attack == "open_socket":
        with pytest.raises(PredictionFailedError, match="raised"):
            predictor.prediction("a", image_for(attack))
    else:
        predictor.prediction("a", image_for(attack))
    assert sorted(world[0].rglob("*")) == before
    predictor.stop()


@pytest.fixture
def bare(monkeypatch):
    """A machine without bubblewrap."""
    monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")


def test_without_bubblewrap_it_says_what_is_not_enforced(bare):
    """The sentences name files, network and processes."""
    sentences = " ".join(sandbox.missing_protections())
    for word in ("not installed", "masks", "network", "number of processes"):
        assert word in sentences


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("sleep", "took more than 2 s"),
        ("print_much", "printed more than 4 MiB"),
        ("leave_children", "left 1 processes running"),
        ("allocate", "MemoryError"),
        ("die", "ended by SIGSEGV"),
    ],
)
def test_without_bubblewrap_the_process_is_still_watched(bare, world, attack, reason):
    """Time, prints, memory and what is left running are bounded in a plain child process."""
    predictor = hostile(world, Limits(seconds=2, memory_gb=0.5, printed_mb=4))
    with pytest.raises(PredictionFailedError, match=reason):
        predictor.prediction("a", image_for(attack))
    assert behaves(predictor)
    predictor.stop()


def test_nothing_is_left_of_a_stopped_predictor(world):
    """Process and folder are gone."""
    predictor = hostile(world)
    assert behaves(predictor)
    live = predictor._session._live
    assert live.space.path.is_dir()
    predictor.stop()
    assert not live.space.path.exists()
    assert live.process.exit_code is not None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_predictor_dies_with_whoever_asked_it(world, tmp_path):
    """A run that is killed leaves no process behind."""
    code = (
        "import sys, time; from pathlib import Path; from ctbench.predictors import IsolatedPredictor, Isolation\n"
        f"anywhere, here = Isolation(unsandboxed=True), Path({str(world[0] / 'code')!r})\n"
        "p = IsolatedPredictor('hostile:Hostile', None, anywhere, here); p.info\n"
        "print(*p._session._live.process.usage().processes, flush=True); time.sleep(100)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 5
    folders = [Path(f"/proc/{pid}") for pid in pids]
    while any(folder.exists() for folder in folders) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert folders
    assert not any(folder.exists() for folder in folders)
