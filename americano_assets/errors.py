"""The one family of errors that a person who runs the project is meant to read."""


class AmericanoError(Exception):
    """Something expected went wrong; the message says what, where, and what to do, in one or two sentences.

    The command line prints the message without a traceback and ends with `exit_code`.
    """

    exit_code: int = 1


class DatabaseLostError(AmericanoError):
    """The database went away during the work, which was rolled back: the same work, tried again, may succeed."""


class NoModelError(AmericanoError):
    """Nothing can be scored yet: no model, or none for what the settings ask for."""
