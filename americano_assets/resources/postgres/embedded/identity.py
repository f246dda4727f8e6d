"""Who runs the embedded PostgreSQL: it refuses root, and its files must be its own."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from americano_assets.errors import AmericanoError

_FOR_ROOT = ("postgres", "nobody")
_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Identity:
    """Someone who may run PostgreSQL here.

    Attributes:
        options: What the launcher is told.
        uid: Owner of the server's files, as seen from outside.
        gid: Their group.
    """

    options: tuple[str, ...]
    uid: int
    gid: int

    def command(self, *command: str | Path, log: Path | None = None) -> list[str]:
        """The argument list that runs `command` as this identity; with `log`, detached and logging there."""
        detached = ["--log", str(log)] if log else []
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        return [*launcher, *self.options, *detached, "--", *map(str, command)]

    def obstacle(self, *paths: Path) -> str | None:
        """Why this identity cannot be taken on or cannot reach one of `paths`; None if nothing is in the way."""
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        reach = [f"--enter={path}" for path in paths]
        done = subprocess.run([*launcher, *self.options, *reach], capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def choose_identity(folder: Path, binary: Path) -> Identity:
    """The first identity that can run `binary` on `folder`, whose parent must exist.

    An ordinary user runs it as they are. Root takes on an ordinary uid inside a user namespace, where files stay
    root's and every path that root owns can be reached; where namespaces are forbidden, an unprivileged user that
    can reach everything as the modes stand.

    Raises:
        AmericanoError: There is none.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _is_known(uid):
        return Identity((), uid, gid)
    namespaced = _namespaced()
    if namespaced is not None and namespaced.obstacle(folder.parent, binary) is None:
        return namespaced
    obstacle = "it has no name and user namespaces are forbidden here"
    if uid == 0:
        for user in _unprivileged(*_FOR_ROOT, first=folder.parent.stat().st_uid):
            dropped = Identity(("--drop", f"{user.pw_uid}:{user.pw_gid}"), user.pw_uid, user.pw_gid)
            obstacle = dropped.obstacle(folder.parent, binary) or ""
            if not obstacle:
                return dropped
        obstacle = f"an unprivileged user cannot enter {obstacle}, and user namespaces are forbidden here"
    raise AmericanoError(
        f"The embedded PostgreSQL cannot run as user id {uid}: {obstacle}. Run the command as an ordinary user, put"
        " the project and AMERICANO_HOME into folders that others may enter, or set DATABASE_URL."
    )


def stand_ins() -> set[int]:
    """Root, and whoever runs the server for it where it may not be root."""
    return {0, *(user.pw_uid for user in _unprivileged(*_FOR_ROOT) if user.pw_name in _FOR_ROOT)}


def namespaces_work() -> bool:
    """Whether we may run the server as somebody else inside a user namespace, where files stay ours."""
    namespaced = _namespaced()
    return namespaced is not None and namespaced.obstacle() is None


def _namespaced() -> Identity | None:
    insider = next(iter(_unprivileged("nobody")), None)
    if insider is None:
        return None
    return Identity(("--namespace", f"{insider.pw_uid}:{insider.pw_gid}"), os.geteuid(), os.getegid())


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _unprivileged(*preferred: str, first: int = 0) -> list[pwd.struct_passwd]:
    """Users other than root: the one with uid `first`, then the preferred ones; any one if none of them exists."""
    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    chosen = [user for user in users if user.pw_uid == first]
    chosen += [user for name in preferred for user in users if user.pw_name == name]
    return chosen or users[:1]
