"""Becomes whoever may run PostgreSQL, then runs one command: a small program of its own, standard library only.

Identity and detachment must happen in a fresh single-threaded process. Run by `embedded.py` as `python -I -S
pg_launch.py [OPTIONS] -- COMMAND…`.
"""

import argparse
import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
NOT_POSSIBLE = 78
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def enter_user_namespace(uid: int, gid: int) -> None:
    """Be `uid`:`gid` in a new user namespace, and oneself to everyone outside: no file changes owner or mode.

    Raises:
        OSError: User namespaces are forbidden or unknown here.
    """
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        raise OSError("this system has no user namespaces")
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, content in (
        ("setgroups", "deny"),
        ("gid_map", f"{gid} {outer_gid} 1"),
        ("uid_map", f"{uid} {outer_uid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def drop_to(uid: int, gid: int) -> None:
    """Be `uid`:`gid` for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def first_closed(paths: list[str]) -> str | None:
    """The first folder on the way to `paths`, or path itself, that may not be entered or run."""
    for path in paths:
        way = [path]
        while os.path.dirname(way[-1]) != way[-1]:
            way.append(os.path.dirname(way[-1]))
        for step in reversed(way):
            if os.path.exists(step) and not os.access(step, os.X_OK):
                return step
            if not os.path.exists(step) and not os.access(os.path.dirname(step), os.X_OK):
                return os.path.dirname(step)
    return None


def detach(log: str) -> None:
    """Go on in a grandchild that belongs to no terminal and no parent; its output goes to `log`.

    The calling process stays until the grandchild has become the command, so that who waited for it finds it.
    """
    has_become, becoming = os.pipe()  # Closed by exec: end of file means that the command runs.
    if os.fork() > 0:
        os.close(becoming)
        os._exit(NOT_POSSIBLE if os.read(has_become, 1) else 0)
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def main() -> int:
    """Parse, become, then replace this process with the command; `NOT_POSSIBLE` with the reason if it cannot be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", metavar="UID:GID")
    parser.add_argument("--drop", metavar="UID:GID")
    parser.add_argument("--log")
    parser.add_argument("--enter", action="append", default=[], help="a path that the new identity must reach")
    parser.add_argument("command", nargs="*")
    arguments = parser.parse_args()
    try:
        if arguments.namespace:
            enter_user_namespace(*map(int, arguments.namespace.split(":")))
        elif arguments.drop:
            drop_to(*map(int, arguments.drop.split(":")))
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return NOT_POSSIBLE
    closed = first_closed(arguments.enter)
    if closed:
        print(closed, file=sys.stderr)
        return NOT_POSSIBLE
    if not arguments.command:
        return 0
    os.umask(0o077)
    if arguments.log:
        detach(arguments.log)
    # PG… variables of the caller would change the server's port, folder or options; locale would change messages.
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C"}
    os.chdir("/")
    os.execve(arguments.command[0], arguments.command, environment)


if __name__ == "__main__":
    sys.exit(main())
