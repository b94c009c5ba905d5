import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import ContractError, GeometryError, PluginNotFoundError, PredictionFailedError, UsageError
from ctbench.predictors import (
    CommandPredictor,
    IsolatedPredictor,
    Isolation,
    Limits,
    load_predictor,
    open_predictor,
    visible_files,
    with_options_shown,
)
from ctbench.predictors.command import program_name
from ctbench.volume import read_volume, write_volume

SCRIPT = """
import gzip, json, os, sys, time
import numpy as np

image, output, cut, what = sys.argv[1:]
if what == "fail":
    print("no weights for this scanner")
    sys.exit(3)
if what == "sleep":
    time.sleep(100)
if what == "print":
    while True:
        print("x" * 1000)
if what == "link":
    os.symlink(image, output)
    sys.exit()
if what == "probabilities":
    share = (np.arange(len(gzip.open(image).read()[352:]) // 2) % 256).astype("u1")
    head = bytearray(gzip.open(image).read()[:352])
    head[70:74] = np.array([2, 8], "<i2").tobytes()
    with gzip.open(output.replace(".nii.gz", "_hemorrhage.prob.nii.gz"), "wb") as file:
        file.write(bytes(head) + share.tobytes())
if what == "nothing":
    sys.exit()
if what == "leave":
    import subprocess
    with open("left", "w") as file:
        print(subprocess.Popen(["sleep", "100"]).pid, file=file)
raw = gzip.open(image).read()
labels = (np.frombuffer(raw[352:], "<i2") > float(cut)).astype("<i2")
header = bytearray(raw[:352])
if what == "first":
    labels[np.prod(np.frombuffer(raw[42:46], "<i2")) :] = 0
if what == "shift":
    header[76 + 4 : 76 + 8] = np.float32(9).tobytes()
    header[280 : 280 + 4] = np.float32(-9).tobytes()
with gzip.open(output, "wb") as file:
    file.write(bytes(header) + labels.tobytes())
json.dump({"score": 0.25}, open(output.replace(".nii.gz", ".json"), "w"))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a script and the names of its codes."""
    (tmp_path / "bright.py").write_text(SCRIPT)
    (tmp_path / "labels.json").write_text(json.dumps({"hemorrhage": 1}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(what="answer"):
    """The command that runs the script."""
    return f"{shlex.quote(sys.executable)} bright.py {{image}} {{output}} {{cut}} {what}"


def test_a_command_in_any_language_is_a_predictor(folder, image):
    """It reads and writes .nii.gz; options fill its places; a JSON beside the output is the score."""
    predictor = load_predictor(f"command:{command()}", {"cut": 60})
    prediction = predictor.predict(image)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    assert prediction.score == 0.25
    assert predictor.info.parameters == {"command": command(), "cut": 60}


def test_its_labels_are_named_by_a_file_or_as_an_option(folder):
    """`labels.json` of the working folder, another file, or the names themselves; a card may say more."""
    (folder / "other.json").write_text(json.dumps({"labels": {"iph": 4}, "name": "theirs", "version": "7"}))
    assert CommandPredictor("a {image} {output}").info.labels.codes == {"hemorrhage": 1}
    assert CommandPredictor("a {image} {output}", labels="other.json").info.name == "theirs"
    assert CommandPredictor("a {image} {output}", labels={"sah": 2}).info.labels.codes == {"sah": 2}
    (folder / "labels.json").unlink()
    with pytest.raises(PluginNotFoundError, match=r"has no labels\.json; write one"):
        CommandPredictor("a {image} {output}")


def test_a_command_runs_where_its_user_stood(folder, image, monkeypatch):
    """Script and labels are found by a worker that stands elsewhere."""
    monkeypatch.chdir("/")
    predictor = load_predictor(f"command:{command()}", {"cut": 60}, here=folder)
    np.testing.assert_array_equal(predictor.predict(image).labels, image.array > 60)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("model {image}", {}, "expected a command with {image} and {output}"),
        ("", {}, "expected a command with"),
        ("model '{image} {output}", {}, "cannot be read .No closing quotation"),
        ("model {image} {output}", {"cut": 1}, "has placeholders none, but the options are cut"),
        ("model {image} {output} {cut}", {}, "has placeholders cut, but the options are none"),
    ],
)
def test_places_and_options_fit_together(folder, text, options, message):
    """What the command does not say, and what nobody fills, are told."""
    with pytest.raises(UsageError, match=message):
        load_predictor(f"command:{text}", options)


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("fail", PredictionFailedError, "bright ended with exit code 3: no weights for this scanner"),
        ("nothing", ContractError, "ended with exit code 0, but wrote no prediction"),
        ("link", ContractError, "is a symbolic link"),
        ("shift", GeometryError, "lies on another grid"),
        ("sleep", PredictionFailedError, "took more than 1.5 s"),
        ("print", PredictionFailedError, "printed more than 1 MiB"),
    ],
)
def test_each_way_to_fail_has_its_sentence(folder, image, what, error, message):
    """Exit codes, missing and wrong outputs and passed limits are told apart."""
    predictor = CommandPredictor(command(what), limits=Limits(seconds=1.5, printed_mb=1), cut=60)
    with pytest.raises(error, match=message):
        predictor.predict(image)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_trusted_command_leaves_running_is_ended(folder, image):
    """Its process group goes with it."""
    CommandPredictor(command("leave"), cut=60).predict(image)
    stat = Path(f"/proc/{(folder / 'left').read_text().strip()}/stat")
    deadline = time.monotonic() + 5
    while stat.exists() and ") Z " not in stat.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not stat.exists() or ") Z " in stat.read_text()


@pytest.mark.parametrize("isolated", [False, True])
def test_a_command_may_write_probabilities(folder, image, isolated):
    """Beside its output, in 8 bits; they come through the sandbox, too, but only if they are wanted."""
    spec = f"command:{command('probabilities')}"
    predictor = (open_predictor if isolated else load_predictor)(spec, {"cut": 60})
    expected = np.arange(image.array.size).reshape(image.shape) % 256 / 255
    found = predictor.prediction("a", image, probabilities=True) if isolated else predictor.predict(image)
    np.testing.assert_allclose(found.probabilities["hemorrhage"], expected, atol=1e-6)
    np.testing.assert_array_equal(found.labels, image.array > 60)
    if isolated:
        assert predictor.predict(image).probabilities is None


def test_a_program_that_is_not_there_is_named(folder, image):
    """It is a failed case, not a crash."""
    with pytest.raises(PredictionFailedError, match="no-such-program cannot be started: no-such-program: No such file"):
        CommandPredictor("no-such-program {image} {output}").predict(image)


def test_a_command_runs_in_the_sandbox_of_any_third_party(folder, image):
    """Its script is seen there, the rest of the working folder is not."""
    (folder / "secret.txt").write_text("mask")
    predictor = open_predictor(f"command:{command()}", {"cut": 60})
    assert isinstance(predictor, IsolatedPredictor)
    prediction = predictor.predict(image)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    assert prediction.score == 0.25
    assert all(result.passed for result in predictor.check() if "floating" not in result.check), predictor.check()
    assert str(folder / "bright.py") in predictor.command()
    assert str(folder / "secret.txt") not in predictor.command()
    predictor.stop()
    assert not isinstance(open_predictor(f"command:{command()}", {"cut": 1}, Isolation(trust=True)), IsolatedPredictor)


def test_a_failure_in_the_sandbox_is_told_as_outside(folder, image):
    """The sentence of the command reaches whoever asked."""
    predictor = open_predictor(f"command:{command('fail')}", {"cut": 60})
    with pytest.raises(PredictionFailedError, match="ended with exit code 3: no weights for this scanner"):
        predictor.predict(image)
    predictor.stop()


def test_a_failure_names_the_predictor_once_and_keeps_all_that_it_printed(folder, image):
    """The log shows more than the last line, and no `python python ended`."""
    (folder / "loud.py").write_text("for number in range(200): print('line', number)\nraise SystemExit(3)")
    predictor = open_predictor(f"command:{shlex.quote(sys.executable)} loud.py {{image}} {{output}}", {})
    with pytest.raises(PredictionFailedError) as caught:
        predictor.predict(image)
    assert str(caught.value) == "loud ended with exit code 3: line 199"
    assert "line 0\nline 1\n" in "\n".join(caught.value.__notes__)
    predictor.stop()


def test_what_it_printed_before_a_refused_output_is_kept(folder, image):
    """Its author sees why nothing was written."""
    predictor = CommandPredictor("echo no lesion found in {image} {output}")
    with pytest.raises(ContractError, match="echo ended with exit code 0, but wrote no prediction") as caught:
        predictor.predict(image)
    assert "no lesion found" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["blast-ct", "--input", "{image}"], "blast-ct"),
        (["/env/bin/python3.11", "-u", "code/segment.py", "{image}"], "segment"),
        (["python", "-m", "their_package.predict", "{image}"], "their_package.predict"),
        (["bash", "run.sh", "{image}"], "run"),
        (["python", "{image}"], "python"),
        (["env", "A=1", "julia", "segment.jl"], "segment"),
    ],
)
def test_a_command_is_named_by_its_program(words, name):
    """An interpreter says nothing about the rater."""
    assert program_name(words) == name


def test_files_that_options_name_are_shown(folder, image):
    """Weights given by -o need no --mount; a word that happens to be a folder's name shows nothing."""
    (folder / "data").mkdir()
    (folder / "cut.txt").write_text("60")
    (folder / "reads.py").write_text(SCRIPT.replace("float(cut)", "float(open(cut).read())"))
    spec = f"command:{shlex.quote(sys.executable)} reads.py {{image}} {{output}} {{weights}} {{mode}}"
    options = {"weights": "cut.txt", "mode": "data"}
    predictor = open_predictor(spec, options)
    np.testing.assert_array_equal(predictor.predict(image).labels, image.array > 60)
    predictor.stop()
    assert folder / "cut.txt" in visible_files(spec, with_options_shown(spec, options, None), folder)
    assert with_options_shown(spec, options, None).mounts == (folder / "cut.txt",)
    assert with_options_shown(spec, options, Isolation(trust=True)).mounts == ()


def test_a_variable_is_passed_on_and_nothing_else(folder, image, monkeypatch):
    """`--env NAME=VALUE` reaches the command; what merely stands in the environment does not."""
    monkeypatch.setenv("OTHER_TOKEN", "secret")
    (folder / "shows.py").write_text("import os; print(os.environ.get('CUT'), os.environ.get('OTHER_TOKEN')); exit(1)")
    spec = f"command:{shlex.quote(sys.executable)} shows.py {{image}} {{output}}"
    predictor = open_predictor(spec, {}, Isolation(environment=(("CUT", "60"),)))
    with pytest.raises(PredictionFailedError, match="exit code 1: 60 None"):
        predictor.predict(image)
    predictor.stop()
    with pytest.raises(UsageError, match="--env is for predictors with a process of their own"):
        open_predictor(spec, {}, Isolation(trust=True, environment=(("CUT", "60"),)))


def test_the_image_that_a_command_reads_is_the_one_that_was_given(folder, image, tmp_path):
    """Voxels and geometry go through the file unchanged."""
    predictor = CommandPredictor("cp {image} {output}", labels={str(code): code for code in range(1, 101)})
    shown = image.with_array(np.abs(image.array).astype(np.uint8))
    np.testing.assert_array_equal(predictor.predict(shown).labels, shown.array)
    write_volume(shown, tmp_path / "shown.nii.gz")
    assert not read_volume(tmp_path / "shown.nii.gz").geometry.differences(shown.geometry)


BY_RULE = """
import array, gzip, sys
import users_model_rule

raw = gzip.open(sys.argv[1]).read()
bright = array.array("h", (value > users_model_rule.CUT for value in array.array("h", raw[352:])))
with gzip.open(sys.argv[2], "wb") as file:
    file.write(raw[:352] + bright.tobytes())
"""
"""A script of Python's own library only, and of a module of its environment."""


@pytest.fixture
def other_environment(folder):
    """A virtual environment beside the script, with a module that is nowhere else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "env"], check=True)
    (packages,) = (folder / "env").glob("lib/python3*/site-packages")
    (packages / "users_model_rule.py").write_text("CUT = 60\n")
    # Programs that packages install begin with the path of the environment's interpreter.
    program = folder / "env" / "bin" / "segment"
    program.write_text(f"#!{folder / 'env' / 'bin' / 'python'}\n{BY_RULE}")
    program.chmod(0o755)
    (folder / "uses.py").write_text(BY_RULE)
    outside = folder / "outside"  # a script of another folder, whose first line names the environment
    outside.write_text(program.read_text())
    outside.chmod(0o755)
    return folder / "env"


@pytest.mark.parametrize("program", ["env/bin/python uses.py", "env/bin/segment", "./outside"])
def test_a_command_of_another_environment_runs_in_the_sandbox(folder, image, other_environment, program):
    """Its interpreter and packages are shown, whether the interpreter or a program of the environment is named."""
    predictor = open_predictor(f"command:{program} {{image}} {{output}}", {})
    assert isinstance(predictor, IsolatedPredictor)
    np.testing.assert_array_equal(predictor.predict(image).labels, image.array > 60)
    predictor.stop()


def test_a_module_that_is_missing_comes_with_a_hint(folder, image):
    """The last line of the program, and the option that shows it another folder."""
    (folder / "uses.py").write_text("import users_model_nowhere")
    said = "No module named 'users_model_nowhere'; a sandboxed program sees only its own files: .* by --mount FOLDER"
    predictor = open_predictor(f"command:{shlex.quote(sys.executable)} uses.py {{image}} {{output}}", {})
    with pytest.raises(PredictionFailedError, match=said):
        predictor.predict(image)
    predictor.stop()


@pytest.mark.parametrize("isolated", [False, True])
def test_a_program_gets_the_order_of_the_images_file(folder, image, stored_as, isolated):
    """Its image has the axes of the file that was read, also from the process of a stranger's predictor."""
    stored = stored_as(image.with_array(image.array.clip(0, 1)), (2, 0, 1), (False, True, False))
    write_volume(stored, folder / "stored.nii.gz")
    read, spec = read_volume(folder / "stored.nii.gz"), f"command:{command('first')}"
    options = {"cut": "0", "labels": {"hemorrhage": 1}}
    predictor = (
        IsolatedPredictor(spec, options, Isolation(unsandboxed=True)) if isolated else load_predictor(spec, options)
    )
    labels = predictor.predict(read).labels
    assert labels[..., 0].any()
    np.testing.assert_array_equal(labels[..., 0], read.array[..., 0])
    assert not labels[..., 1:].any()
