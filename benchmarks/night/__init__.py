"""Four whole nights at the size that the project claims, stage by stage: `python -m benchmarks.night`."""

from benchmarks.night.command import main

__all__ = ["main"]
