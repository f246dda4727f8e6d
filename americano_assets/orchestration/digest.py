"""What advisers are told each morning: how many learners stand on the list, by course; nobody's name, id or note."""

import dagster as dg

from americano_assets.api.morning_list.reading import list_now
from americano_assets.api.morning_list.shown import MorningList
from americano_assets.core.base.escaping import chat
from americano_assets.errors import AmericanoError
from americano_assets.orchestration.run_processes import marked_executor
from americano_assets.orchestration.webhook import TRIES, Notice, post
from americano_assets.settings import Settings
from americano_assets.stages.common.resources import AppDatabase, joined

DIGEST_JOB = "morning_digest"
_EACH_MORNING = "0 7 * * *"
_MOST_COURSES = 30
_WHAT = "Each morning: how many learners stand on the morning list, by course, to AMERICANO_DIGEST_WEBHOOK if set."


@dg.op(description=_WHAT)
def sent_digest(context: dg.OpExecutionContext, app_database: AppDatabase) -> None:
    """Nothing while AMERICANO_DIGEST_WEBHOOK is not set.

    Raises:
        AmericanoError: Nobody took it.
    """
    deployment = joined(app_database)
    settings = deployment.settings
    if settings.americano_digest_webhook is None:
        context.log.info("AMERICANO_DIGEST_WEBHOOK is not set: nothing is sent.")
        return
    found = list_now(settings, deployment.url, deployment.now(), courses=None, at_most=1)
    why = post(settings.americano_digest_webhook.get_secret_value(), digest(found, settings.environment))
    if why is not None:
        raise AmericanoError(
            f"The address in AMERICANO_DIGEST_WEBHOOK did not take the digest in {TRIES} tries: {why}."
        )
    context.log.info("The digest was sent.")


@dg.job(name=DIGEST_JOB, executor_def=marked_executor, description=_WHAT)
def DIGEST() -> None:  # noqa: N802, D103 - a definition, not a function
    sent_digest()


def build_digest_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """At seven, local."""
    wanted = settings.americano_digest_webhook is not None
    return dg.ScheduleDefinition(
        name="morning_digest_schedule",
        job_name=DIGEST_JOB,
        cron_schedule=_EACH_MORNING,
        execution_timezone=settings.americano_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if wanted else dg.DefaultScheduleStatus.STOPPED,
        description=_WHAT,
    )


def digest(found: MorningList, environment: str) -> Notice:
    """What is told; `text` is what chat services show of a message."""
    counted = [
        (one.name, one.waiting, min(one.waiting, found.capacity or one.waiting))
        for one in found.sections
        if one.waiting
    ]
    total = sum(listed for _, _, listed in counted)
    head = f"Americano ({environment}): {total} learner{'' if total == 1 else 's'} on this morning's list"
    if found.night is None:
        head = f"Americano ({environment}): no night has published anything yet"
    elif found.missing:
        head += f", by the night of study day {found.night}; {found.missing} since then missing"
    lines = [
        f"{chat(name)}: {listed}" + ("" if listed == waiting else f" of {waiting}")
        for name, waiting, listed in counted[:_MOST_COURSES]
    ]
    if len(counted) > _MOST_COURSES:
        lines.append(f"and {len(counted) - _MOST_COURSES} more courses")
    return {
        "event": "morning_list",
        "text": "\n".join([f"{head}.", *lines]),
        "study_day": found.night.isoformat() if found.night else None,
        "learners": total,
        "environment": environment,
    }
