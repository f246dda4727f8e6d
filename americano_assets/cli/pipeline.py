"""Commands that run the pipeline.

Belongs here: their output. Does not: what they do.
"""

import typer

commands = typer.Typer()
