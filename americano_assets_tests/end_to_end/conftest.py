"""Fixtures of the tests that run the whole chain."""

from americano_assets_tests.stages.conftest import home, world

__all__ = ["home", "world"]
