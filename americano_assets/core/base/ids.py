"""Ids in the form that Prisma's clients expect, as pure functions of what they name."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 24
# Letters that are divided off in one step: with a limb of 32 bits behind it the rest still fits into 64.
_AT_ONCE = 6


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


def cuids(named: Iterable[Sequence[str]]) -> list[str]:
    """`cuid` of the parts of each of many, where the arithmetic of one at a time would cost more than its hash."""
    digests = b"".join(hashlib.sha256("\x1f".join(parts).encode()).digest()[:16] for parts in named)
    number = np.frombuffer(digests, ">u4").reshape(-1, 4).T.astype(np.uint64)  # 32 bits each, the highest first
    letters = np.empty((number.shape[1], 1 + _LENGTH), np.uint8)
    letters[:, 0] = ord("c")
    alphabet = np.frombuffer(_ALPHABET.encode(), np.uint8)
    for at in range(1, 1 + _LENGTH, _AT_ONCE):
        rest = np.zeros(number.shape[1], np.uint64)
        for limb in number:
            limb[:], rest = np.divmod((rest << np.uint64(32)) | limb, np.uint64(36**_AT_ONCE))
        for place in range(at, at + _AT_ONCE):
            rest, letter = np.divmod(rest, np.uint64(36))
            letters[:, place] = alphabet[letter]
    text = letters.tobytes().decode()
    return [text[at : at + 1 + _LENGTH] for at in range(0, len(text), 1 + _LENGTH)]
