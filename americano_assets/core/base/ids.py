"""Ids in the form that Prisma's clients expect, as pure functions of what they name."""

import hashlib

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 24


def cuid(*parts: str) -> str:
    """An id of the form `^c[a-z0-9]{24}$`, the same for the same parts.

    124 bits of SHA-256 in base 36: for a billion rows the chance of any collision is below 10^-19.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    number = int.from_bytes(digest[:16], "big") % 36**_LENGTH
    letters = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, 36)
        letters.append(_ALPHABET[rest])
    return "c" + "".join(letters)
