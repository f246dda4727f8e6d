"""Fixtures of the tests that begin after a night."""

from americano_assets_tests.stages.conftest import night

__all__ = ["night"]
