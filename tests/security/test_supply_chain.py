"""What is installed is what was tested: pins, hashes, workflows, and no name that is not ours."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSIONS = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", line)]
LOCKS = [f"py{version.replace('.', '')}.txt" for version in VERSIONS]
UNLOCKED = {"bench", "mlflow", "nnunet"}
"""Extras with packages that are built from source (benchmarks, nnU-Net) or need older pins (MLflow); tests of them skip
without."""
OF_TORCH = re.compile(r"nvidia-|cuda-|triton$")
"""What the wheel of torch for graphics cards brings; the one for CPUs does not."""
OF_WINDOWS = {"colorama"}


def plain(name):
    """The name of a package as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement):
    """The name of a package in a requirement."""
    return plain(re.match(r"[\w.-]+", requirement)[0])


def pins():
    """Name -> version in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {plain(name): version for name, _, version in (line.partition("==") for line in lines) if version}


def locked(file):
    """Name -> version and hashes in a lock."""
    found = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements" / file).read_text().strip()):
        name, version = re.match(r"(\S+)==(\S+)", entry).groups()
        found[plain(name)] = version, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)
    return found


def text_of(path):
    """The text of a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def test_every_python_that_is_supported_has_a_lock():
    """Those of the classifiers, which are those of the workflow."""
    assert sorted(path.name for path in (ROOT / "requirements").glob("py*.txt")) == sorted(LOCKS)
    matrix = yaml.safe_load(text_of(".github/workflows/tests.yml"))["jobs"]["suite"]["strategy"]["matrix"]
    assert matrix["python"] == VERSIONS


@pytest.mark.parametrize("file", [*LOCKS, "lowest.txt", "tools.txt"])
def test_every_file_that_is_installed_has_a_hash(file):
    """Else `pip install --require-hashes` refuses the whole lock."""
    assert len(locked(file)) > 20
    assert [name for name, (_, hashes) in locked(file).items() if not hashes] == []
    assert "://" not in (ROOT / "requirements" / file).read_text()


@pytest.mark.parametrize("file", LOCKS)
def test_locks_and_pins_are_the_same_versions(file):
    """A lock has no package without a pin but what torch and Windows bring, and no other version than the pin."""
    pinned, found = pins(), {name: version for name, (version, _) in locked(file).items()}
    assert {name for name in found if name not in pinned and not OF_TORCH.match(name)} == OF_WINDOWS
    assert {name: version for name, version in found.items() if pinned.get(name, version) != version} == {}


def test_every_pin_is_locked():
    """A pin that no lock has is of a package that nothing needs any more."""
    assert pins().keys() - {name for file in LOCKS for name in locked(file)} == set()


@pytest.mark.parametrize("file", LOCKS)
def test_every_dependency_is_locked(file):
    """Those of the package and of every extra that tests and contributors use."""
    extras = {name: needs for name, needs in PROJECT["optional-dependencies"].items() if name not in UNLOCKED}
    needed = {named(one) for needs in (PROJECT["dependencies"], *extras.values()) for one in needs} - {"ctbench"}
    assert needed - locked(file).keys() == set()


def test_the_oldest_versions_that_are_allowed_are_locked():
    """Each package that users and tests need has a lower bound, which is the version in that lock."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    needs = [extras[name] for name in re.search(r"\[(.+)\]", everything)[1].split(",")]
    direct = [one for some in (PROJECT["dependencies"], extras["test"], *needs) for one in some]
    lowest = {plain(name): bound for name, _, bound in (one.partition(">=") for one in direct) if "ctbench" not in name}
    found = {name: version for name, (version, _) in locked("lowest.txt").items()}
    assert {name: found[name] for name, bound in lowest.items() if not f"{found[name]}.0".startswith(f"{bound}.")} == {}


def test_all_names_every_extra_that_a_user_may_need():
    """Those that are not for contributors or for accounts elsewhere, and that have a wheel."""
    (everything,) = PROJECT["optional-dependencies"]["all"]
    users = PROJECT["optional-dependencies"].keys() - UNLOCKED - {"all", "dev", "docs", "test", "wandb"}
    assert set(re.search(r"\[(.+)\]", everything)[1].split(",")) == users


def test_what_builds_a_release_is_locked():
    """The tools' lock has all of tools.in, and the backend of pyproject.toml."""
    lines = text_of("requirements/tools.in").splitlines()
    wanted = {plain(line) for line in lines if line and not line.startswith("#")}
    assert wanted >= {"build", "hatchling", "pip-audit", "cyclonedx-bom"}
    assert wanted - locked("tools.txt").keys() == set()


@pytest.mark.parametrize("file", ["tests.yml", "release.yml"])
def test_workflows_install_by_hash_only(file):
    """Every `pip install` of a workflow names a lock, and every `make` takes it."""
    jobs = yaml.safe_load(text_of(f".github/workflows/{file}"))["jobs"]
    commands = [line for job in jobs.values() for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert [line for line in commands if "pip install" in line and "--require-hashes" not in line] == []
    assert [line for line in commands if line.startswith("make ") and "LOCKED=1" not in line] == []
    assert any("--require-hashes" in line for line in commands)


def test_a_release_is_published_without_a_token_and_with_a_bill_of_materials():
    """PyPI trusts the workflow; the files are attested, and what they were tested with is listed."""
    text = text_of(".github/workflows/release.yml")
    jobs = yaml.safe_load(text)["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["steps"][-1]["with"]["attestations"] is True
    assert "secrets." not in text
    assert "cyclonedx-py requirements requirements/py311.txt" in text
    assert jobs["sbom"]["permissions"] == {"contents": "write"}


def make(*arguments):
    """The commands that `make` would run, without running them."""
    command = ["make", "-n", "-B", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_make_installs_by_hash_if_it_is_told():
    """With LOCKED=1 nothing is resolved and nothing else is installed; without it the pins hold."""
    tag = f"py{sys.version_info.major}{sys.version_info.minor}.txt"
    installs = [line for line in make("test", "LOCKED=1").splitlines() if "/pip install" in line]
    assert len(installs) == 2
    assert f"--require-hashes --requirement requirements/{tag}" in installs[0]
    assert "--no-deps --no-build-isolation --editable ." in installs[1]
    installs = [line for line in make("test").splitlines() if "/pip install" in line]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in line for line in installs)


AUDIT = """#!{python}
import json, sys
report = json.loads({report!r})
if report is None:
    sys.exit({error!r})
open(sys.argv[sys.argv.index("--output") + 1], "w").write(json.dumps(report))
"""


@pytest.fixture
def audit(tmp_path):
    """Run `.ci/audit` with a pip-audit that reports this, or ends with this error."""

    def run(dependencies=None, error=""):
        program = tmp_path / "pip-audit"
        report = None if dependencies is None else {"dependencies": dependencies}
        program.write_text(AUDIT.format(python=sys.executable, report=json.dumps(report), error=error))
        program.chmod(0o755)
        command = [sys.executable, ROOT / ".ci" / "audit", "lock.txt"]
        return subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    return run


FLAW = {"id": "CVE-1", "fix_versions": ["2.1"]}


def test_a_known_vulnerability_fails_the_audit(audit):
    """Package, number and the version that mends it are printed."""
    done = audit([{"name": "numpy", "version": "2", "vulns": [FLAW]}])
    assert done.returncode == 1
    assert "numpy 2: CVE-1, fixed in 2.1" in done.stdout


def test_an_absent_database_is_a_warning(audit):
    """Nobody's change waits for a service; what was not looked up is said."""
    done = audit(error="requests.exceptions.ConnectionError: no route")
    assert (done.returncode, "::warning::lock.txt was not audited" in done.stdout) == (0, True)
    done = audit([{"name": "numpy", "version": "2", "skip_reason": "not found"}])
    assert (done.returncode, "::warning::1 of 1 packages" in done.stdout) == (0, True)
    assert audit([{"name": "numpy", "version": "2", "vulns": []}]).stdout == "no known vulnerability\n"


def test_an_audit_that_breaks_fails(audit):
    """A lock that cannot be parsed is no absent database."""
    assert audit(error="error: invalid requirement").returncode == 1


OWN_NAME = re.compile(r"""pip3? install[^\n`&;|]*[ '"]ctbench(?:\[|[\s'"`=<>,)]|$)""")
PLACES = (".ci", ".github", "benchmarks", "ctbench", "docs", "leaderboard", "reference_models", "requirements", "tests")
KINDS = {".md", ".py", ".yml", ".yaml", ".toml", ".txt", ".in", ""}


def told():
    """The files of the repository that may tell somebody what to install, without this one."""
    files = [*ROOT.glob("*"), *(path for place in PLACES for path in (ROOT / place).rglob("*"))]
    return [path for path in files if path.is_file() and path.suffix in KINDS and path != Path(__file__)]


def test_nothing_tells_to_install_a_name_that_is_not_ours():
    """It is installed from the repository or from a wheel, until it is published; so is what plugins need."""
    assert OWN_NAME.search("pip install ctbench .")
    assert OWN_NAME.search("pip install 'ctbench[viewer]'")
    assert not OWN_NAME.search("pip install -e ./ctbench-source")
    found = {path: OWN_NAME.search(path.read_text(encoding="utf-8", errors="replace")) for path in told()}
    assert len(found) > 100
    assert [path for path, name in found.items() if name] == []
    assert '"ctbench>=' not in text_of("ctbench/predictors/template.py")
