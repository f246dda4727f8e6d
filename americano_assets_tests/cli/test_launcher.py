"""The launcher, on copies of it beside an empty lock file and a stand-in for the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from americano_assets.installation import PROJECT_ROOT

STAND_IN = """
import os, sys
print(sys.path[0] == '', os.getcwd(), sys.argv[1:], os.environ['PYTHONPATH'])
"""
TOOLS = ("sh", "cat", "cksum", "dirname", "ln", "mkdir", "mv", "readlink", "rm")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder whose path has a space."""
    folder = tmp_path / "the project"
    (folder / "americano_assets").mkdir(parents=True)
    (folder / "americano_assets" / "__init__.py").touch()
    (folder / "americano_assets" / "__main__.py").write_text(STAND_IN)
    (folder / "requirements.lock").write_text("# nothing\n")
    shutil.copy(PROJECT_ROOT / "americano", folder)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return provide_tools(tmp_path)


def provide_tools(where: Path) -> Path:
    """A folder for PATH with the few tools that the launcher may count on, and no Python."""
    folder = where / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def launch(launcher: Path, path: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(launcher), *arguments],
        env={"PATH": str(path), "PYTHONPATH": "/stray", "PYTHONHOME": "/stray"} | environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def provide(path: Path, name: str, script: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


def quick_uv(path: Path, folder: Path, before: str = "") -> Path:
    """A Python and what stands for uv: quick, and remembers that it was asked to install. Returns where it does."""
    provide(path, "python3", f'exec {sys.executable} "$@"')
    log = folder / "uv.log"
    provide(
        path,
        "uv",
        f'echo "$1 $2" >>{log}; [ "$1" = venv ] || exit 0\n{before}\n'
        f'for last; do :; done; exec {sys.executable} -m venv --without-pip "$last"',
    )
    return log


def environments_of(project: Path) -> set[Path]:
    return {path for path in (project / ".venvs").iterdir() if path.is_dir()}


def test_it_installs_once_and_again_only_when_the_lock_changes_or_it_was_interrupted(
    project: Path, path: Path, tmp_path: Path
) -> None:
    log = quick_uv(path, tmp_path)
    (tmp_path / "link").symlink_to(project / "americano")
    (tmp_path / "link to link").symlink_to("link")
    first = launch(tmp_path / "link to link", path, "a", "b c")
    assert (first.returncode, first.stdout) == (0, f"False / ['a', 'b c'] {project}\n")
    assert first.stderr.count("\n") == 1
    assert "installing" in first.stderr
    installed = log.read_text()

    again = launch(project / "americano", path)
    assert (again.returncode, again.stderr, log.read_text()) == (0, "", installed)

    (project / "requirements.lock").write_text("# something else\n")
    changed = launch(project / "americano", path)
    assert "installing" in changed.stderr
    assert log.read_text() == installed * 2

    (project / ".venv" / ".americano").unlink()  # As after an interrupted install.
    assert "installing" in launch(project / "americano", path).stderr
    assert log.read_text() == installed * 3
    assert not (project / "uv.lock").exists()


def test_whatever_runs_in_the_environment_finds_the_project(project: Path, path: Path, tmp_path: Path) -> None:
    quick_uv(path, tmp_path)
    assert launch(project / "americano", path).returncode == 0
    found = "import americano_assets; print(*americano_assets.__path__)"
    python = project / ".venv" / "bin" / "python"
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # `americano test` sets it
    done = subprocess.run([python, "-c", found], cwd="/", env=elsewhere, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (str(project / "americano_assets"), "")


def test_a_failed_install_is_not_taken_for_a_finished_one(project: Path, path: Path) -> None:
    provide(path, "python3", f'exec {sys.executable} "$@"')
    provide(path, "uv", "echo no network >&2; exit 2")
    for _ in range(2):
        failed = launch(project / "americano", path)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert "no network" in failed.stderr
        assert "could not be installed" in failed.stderr


def test_what_is_in_use_stays_until_another_is_whole(project: Path, path: Path, tmp_path: Path) -> None:
    log = quick_uv(path, tmp_path)
    lock = project / "requirements.lock"
    assert launch(project / "americano", path).returncode == 0
    first = (project / ".venv").resolve()
    assert (project / ".venv").is_symlink()
    assert first.parent == project / ".venvs"

    provide(path, "uv", "echo no network >&2; exit 2")
    lock.write_text("# second\n")
    failed = launch(project / "americano", path)
    assert (failed.returncode, (project / ".venv").resolve()) == (1, first)
    assert environments_of(project) == {first}  # Nothing is left of the one that failed.
    lock.write_text("# nothing\n")
    assert launch(project / "americano", path).stderr == ""

    quick_uv(path, tmp_path)
    lock.write_text("# second\n")
    assert launch(project / "americano", path).returncode == 0
    second = (project / ".venv").resolve()
    assert environments_of(project) == {first, second}  # A service may still run from the first.
    installed = log.read_text()
    lock.write_text("# nothing\n")
    provide(path, "uv", "exit 2")
    assert launch(project / "americano", path).returncode == 0  # Back again, without a network.
    assert ((project / ".venv").resolve(), log.read_text()) == (first, installed)

    quick_uv(path, tmp_path)
    lock.write_text("# third\n")
    assert launch(project / "americano", path).returncode == 0
    assert environments_of(project) == {first, (project / ".venv").resolve()}


def test_a_service_goes_on_in_the_environment_that_it_was_started_in(project: Path, path: Path, tmp_path: Path) -> None:
    quick_uv(path, tmp_path)
    (project / "americano_assets" / "__main__.py").write_text("import sys; print(sys.prefix)")
    told = launch(project / "americano", path).stdout.strip()
    assert Path(told) == (project / ".venv").resolve() != project / ".venv"


def test_a_folder_of_an_earlier_version_serves_until_another_is_whole(
    project: Path, path: Path, tmp_path: Path
) -> None:
    log = quick_uv(path, tmp_path)
    assert launch(project / "americano", path).returncode == 0
    made = (project / ".venv").resolve()
    (project / ".venv").unlink()
    made.rename(project / ".venv")  # As it was made before there were links.
    shutil.rmtree(project / ".venvs")
    installed = log.read_text()
    assert launch(project / "americano", path).stderr == ""
    assert not (project / ".venv").is_symlink()

    provide(path, "uv", "exit 2")
    (project / "requirements.lock").write_text("# second\n")
    assert launch(project / "americano", path).returncode == 1
    assert (project / ".venv" / ".americano").is_file()
    quick_uv(path, tmp_path)
    assert launch(project / "americano", path).returncode == 0
    assert (project / ".venv").is_symlink()
    aside = environments_of(project) - {(project / ".venv").resolve()}
    assert [(one / ".americano").is_file() for one in aside] == [True]
    assert log.read_text() == installed * 2


def test_two_calls_at_once_install_once(project: Path, path: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    log = quick_uv(path, tmp_path, before=f"read _ <'{gate}'")
    started = [
        subprocess.Popen(
            [str(project / "americano")],
            env={"PATH": str(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    with gate.open("w") as opened:  # Waits until one of them installs.
        said = []
        for process in started:
            assert process.stderr is not None
            said.append(process.stderr.readline())
        opened.write("go\n")
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0, 0]
    assert sum("installing the packages" in line for line in said) == 1
    assert sum("another call installs" in line for line in said) == 1
    assert log.read_text().count("venv") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_root_leaves_environments_to_whom_the_project_belongs(project: Path, path: Path, tmp_path: Path) -> None:
    quick_uv(path, tmp_path)
    os.chown(project, 12345, 12345)
    assert launch(project / "americano", path).returncode == 0
    made = [project / ".venv", *(project / ".venvs").rglob("*")]
    assert {(one.lstat().st_uid, one.lstat().st_gid) for one in made} == {(12345, 12345)}


@pytest.mark.parametrize("uv", ["serves", "fails", "cannot be had"])
def test_without_uv_one_is_borrowed_by_its_own_lock_and_pip_installs_where_that_fails(
    project: Path, path: Path, tmp_path: Path, uv: str
) -> None:
    calls = tmp_path / "calls.log"
    # Stand-ins: a Python with a venv module, and the environment's own, which writes down how pip was called. It brings
    # what stands for uv, which writes down the same, and where its cache is.
    borrowed = tmp_path / "borrowed uv"
    provide(
        tmp_path,
        "borrowed uv",
        f'echo "uv $* $UV_CACHE_DIR" >>{calls}; {"exit 2" if uv == "fails" else ""}\n'
        f'[ "$1" = venv ] || exit 0\nfor last; do :; done; exec {sys.executable} -m venv --without-pip "$last"',
    )
    brings = "exit 1" if uv == "cannot be had" else f'ln -s "{borrowed}" "${{0%/*}}/uv"'
    environments = f"""case "$*" in
        *"-m pip"*uv.lock) echo "$*" >>{calls}; {brings} ;;
        *"-m pip"*) echo "$*" >>{calls} ;;
        *) exec {sys.executable} "$@" ;;
    esac"""
    provide(tmp_path, "environments python", environments)
    base = f"""case "$*" in
        *ensurepip*) ;;
        *sys.executable*) echo "$0" ;;
        *"-m venv"*) mkdir -p "$4/bin"; ln -s "{tmp_path}/environments python" "$4/bin/python" ;;
        *) exec {sys.executable} "$@" ;;
    esac"""
    provide(path, "python3", base)
    done = launch(project / "americano", path)
    assert (done.returncode, done.stdout.split()[0]) == (0, "False")
    said = calls.read_text()
    assert f"install --no-deps --require-hashes -r {project}/requirements-uv.lock" in said
    by_pip = f"--no-input install --no-deps --require-hashes -r {project}/requirements.lock" in said
    assert by_pip is (uv != "serves")
    if uv == "serves":
        assert "uv pip install --quiet --no-deps --require-hashes" in said
        assert f"{project}/requirements.lock {project}/.venvs/" in said, "its cache goes with it"
    assert environments_of(project) == {(project / ".venv").resolve()}, "nothing of it is left"


def test_the_lock_of_uv_pins_it_by_hashes() -> None:
    pinned = (PROJECT_ROOT / "requirements-uv.lock").read_text()
    assert re.fullmatch(r"uv==[\d.]+ (\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n", pinned)


def test_without_a_python_that_is_new_enough_it_says_what_to_do(project: Path, path: Path) -> None:
    provide(path, "python3", "exit 1")  # What `sys.exit(sys.version_info < (3, 11))` gives on an old one.
    missing = launch(project / "americano", path)
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "Python 3.11 or newer is needed" in missing.stderr
    named = launch(project / "americano", path, PYTHON="/no/such/python")
    assert "PYTHON=/no/such/python" in named.stderr
    assert not (project / ".venv").exists()


def test_without_the_venv_module_it_says_what_to_install(project: Path, path: Path) -> None:
    provide(path, "python3", f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@"')
    done = launch(project / "americano", path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "python3-venv" in done.stderr


def test_the_copy_in_the_project_can_be_run() -> None:
    assert os.access(PROJECT_ROOT / "americano", os.X_OK)
    assert os.access(PROJECT_ROOT / ".ci" / "run", os.X_OK)
