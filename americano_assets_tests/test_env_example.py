"""`.env.example` is the settings' own text, and holds what each of them really defaults to."""

import re

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.settings import Settings, SettingsError, load_settings
from tools.env_example import env_example

EXAMPLE = (PROJECT_ROOT / ".env.example").read_text()


def test_it_is_complete_and_has_nothing_else() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    assert named == [name.upper() for name in Settings.model_fields]
    assert env_example() == EXAMPLE, "python -m tools.env_example > .env.example"


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_its_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMERICANO_HOME")
    before = Settings(_env_file=None).model_dump()  # type: ignore[call-arg]
    for name, value in re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE):
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None).model_dump() == before  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ENVIRONMENT", "live", "'development', 'staging' or 'production'"),
        ("MODEL_TYPE", "xgboost", "'gradient_boosting' or 'blend'"),
        ("PORT", "0", "greater than or equal to 1"),
        ("AMERICANO_TIMEZONE", "Mars/Olympus", "IANA"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "postgresql://"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed_and_never_repeated(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=re.escape(allowed)) as raised:
        load_settings()
    assert name in str(raised.value)
    assert value not in str(raised.value)
