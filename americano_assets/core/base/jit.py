"""Compiles a loop over numbers with numba: the one place that knows how."""

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled; what was compiled is kept on disk where there is a place for it.

    numba is imported here, so that who never comes here never pays for it.
    """
    import numba

    try:
        kept: Callable[..., Any] = numba.njit(cache=True)(function)
    except RuntimeError:  # nowhere to keep the compiled code: neither beside the file nor in the user's cache
        kept = numba.njit(function)
    return kept
