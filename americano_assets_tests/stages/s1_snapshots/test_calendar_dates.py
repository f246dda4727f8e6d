"""A value of exactly midnight UTC is a calendar date in the time zone of the study day; anything else is an instant."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets_tests.world import World, at


def planned_instant(world: World, stamp: datetime, zone: str) -> datetime:
    ((found,),) = world.rows("SELECT ml.planned_instant(%s, %s)", stamp, zone)
    assert isinstance(found, datetime)
    return found.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "first_moment"),
    [
        ("UTC", "2026-03-19", "2026-03-19 00:00"),
        ("America/New_York", "2026-03-19", "2026-03-19 04:00"),
        ("America/New_York", "2026-03-08", "2026-03-08 05:00"),  # clocks change at two
        ("Pacific/Auckland", "2026-03-19", "2026-03-18 11:00"),
        ("Pacific/Kiritimati", "2026-03-19", "2026-03-18 10:00"),
        ("Pacific/Pago_Pago", "2026-03-19", "2026-03-19 11:00"),
        ("America/Santiago", "2026-09-06", "2026-09-06 04:00"),  # without a midnight: it begins at one
        ("America/Santiago", "2026-04-05", "2026-04-05 04:00"),  # the hour before midnight came twice
        ("America/Havana", "2026-11-01", "2026-11-01 04:00"),  # the hour after midnight comes twice
    ],
)
def test_a_date_is_its_first_moment(world: World, zone: str, day: str, first_moment: str) -> None:
    found = planned_instant(world, at(f"{day} 00:00"), zone)
    assert naive(found) == at(first_moment)
    there, wanted = ZoneInfo(zone), date.fromisoformat(day)
    assert found.astimezone(there).date() == wanted
    assert (found - timedelta(milliseconds=1)).astimezone(there).date() == wanted - timedelta(days=1)
    # Study days end at 23:00: the date belongs to the one that opens on the evening before.
    assert study_day_of(found, there) == wanted - timedelta(days=1)


@pytest.mark.parametrize("stamp", ["2026-03-19 00:00:00.001", "2026-03-18 23:59:59.999", "2026-03-19 04:00"])
def test_anything_else_is_an_instant(world: World, stamp: str) -> None:
    assert naive(planned_instant(world, at(stamp), "America/New_York")) == at(stamp)


@pytest.mark.parametrize("stamp", ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "294276-12-31"])
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_what_no_calendar_has_stays_as_it_is(world: World, stamp: str, zone: str) -> None:
    asked = "SELECT ml.planned_instant(%s::timestamp, %s) = %s::timestamp"
    assert world.rows(asked, stamp, zone, stamp) == [(True,)]
