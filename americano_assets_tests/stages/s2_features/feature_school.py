"""A school in which every learner is about one feature. T is 2026-03-10 23:00 UTC, the end of study day 2026-03-09."""

from datetime import timedelta

from americano_assets_tests.world import World, at

T = at("2026-03-10 23:00")
DAY = "2026-03-09"
SOON = at("2026-03-12 09:00")


def ann_and_bob(world: World) -> None:
    """Two learners who have both objectives of a topic before them, and nothing behind them."""
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective in ("heart", "lung"):
        world.objective(objective, "anatomy")
    for learner in ("ann", "bob"):
        world.learner(learner)
        world.mission(learner, SOON, ["heart", "lung"])


def fill_school(world: World) -> None:
    """Write everything."""
    curriculum(world)
    for fill in (retention, answers, recorded_twice, mastery, history, formats, sessions, exams, plans, unplanned):
        fill(world)
    for fill in (look_backs, answer_edges, session_edges, mastery_edges, history_edges, cohort):
        fill(world)


def curriculum(world: World) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.course("imaging", "owner")
    for objective, complexity in (
        ("heart", "ADVANCED"),
        ("lung", "INTERMEDIATE"),
        ("kidney", "BASIC"),
        ("liver", "INTERMEDIATE"),
    ):
        world.objective(objective, "anatomy", complexity)
    world.objective("xray", "imaging", text="Read an x-ray of the chest")
    world.objective("ward", "imaging", text="Ask a patient the right things")
    world.prerequisite("heart", "lung", 1.0)
    world.prerequisite("heart", "kidney", 0.5)
    world.prerequisite("heart", "liver", 0.5)
    world.prerequisite("lung", "heart", 1.0)  # cycles occur
    world.prerequisite("heart", "heart", 1.0)  # nonsense that must not count


def planned(world: World, learner: str, *objectives: str) -> str:
    world.learner(learner)
    world.mission(learner, SOON, objectives)
    return learner


def retention(world: World) -> None:
    learner = planned(world, "retention", "heart", "lung")
    world.reviews(learner, "heart", at("2026-02-08 22:59"), "A")  # 30 days and a minute ago
    world.reviews(learner, "heart", at("2026-02-08 23:00"), "A")
    world.reviews(learner, "heart", at("2026-03-01 10:00"), "GGA")
    world.reviews(learner, "heart", at("2026-03-05 10:00"), "GH")
    world.reviews(learner, "lung", at("2026-03-05 12:00"), "E")
    world.reviews(learner, "xray", at("2026-03-05 12:00"), "AAA")  # another topic
    world.reviews(learner, "heart", T, "AAAA")  # at T is future
    learner = planned(world, "declining", "heart")
    world.reviews(learner, "heart", at("2026-02-18 10:00"), "GGGG")
    world.reviews(learner, "heart", at("2026-02-28 10:00"), "GGGA")
    world.reviews(learner, "lung", at("2026-03-10 10:00"), "GGAA")
    learner = planned(world, "two-days", "heart")
    world.reviews(learner, "heart", at("2026-02-18 10:00"), "G")
    world.reviews(learner, "heart", at("2026-02-28 10:00"), "A")
    planned(world, "new", "heart", "kidney")


def answers(world: World) -> None:
    learner = planned(world, "answers", "heart", "lung")
    for hour in range(12):
        world.answer(learner, "heart", at(f"2026-03-01 {hour:02}:00"), 0.0 if hour < 2 else 0.8)
    world.answer(learner, "heart", at("2026-02-08 22:00"), 1.0)  # more than 30 days ago
    learner = planned(world, "long-answered", "heart", "lung")
    world.answer(learner, "heart", at("2026-01-20 10:00"), 0.9)
    learner = planned(world, "skipping", "heart", "lung", "kidney")
    world.answer(learner, "heart", at("2026-03-01 10:00"), None)
    world.answer(learner, "heart", at("2026-03-02 10:00"), 0.9)
    world.answer(learner, "lung", at("2026-03-01 10:00"), 0.9)
    world.answer(learner, "lung", at("2026-03-02 10:00"), None)
    world.answer(learner, "kidney", at("2026-03-01 10:00"), None)
    world.answer(learner, "kidney", T, 1.0)


def recorded_twice(world: World) -> None:
    learner = planned(world, "twice", "heart", "lung")
    world.reviews(learner, "heart", at("2026-03-04 10:00"), "G")
    review = world.review(learner, "heart", at("2026-03-05 10:00"), "AGAIN")
    card = {"cardId": "heart-card", "objectiveId": "heart", "rating": "AGAIN"}
    world.event(learner, "CARD_REVIEWED", at("2026-03-05 10:00:02"), {**card, "reviewId": review})
    world.review(learner, "heart", at("2026-03-06 10:00"), "AGAIN")
    world.event(learner, "CARD_REVIEWED", at("2026-03-06 10:00:03"), card)  # without the review's id
    review = world.review(learner, "heart", at("2026-03-07 22:59:59"), "AGAIN")
    world.event(learner, "CARD_REVIEWED", at("2026-03-07 23:00:01"), {**card, "reviewId": review})  # over midnight
    world.event(learner, "CARD_REVIEWED", at("2026-03-08 10:00"), {**card, "rating": "GOOD"})  # an event alone counts
    answer = world.answer(learner, "lung", at("2026-03-05 11:00"), 0.4)
    prompt = {"promptId": "lung-prompt", "objectiveId": "lung"}
    world.event(
        learner, "VALIDATION_COMPLETED", at("2026-03-05 11:00:01"), {**prompt, "responseId": answer, "score": 0.4}
    )
    world.answer(learner, "lung", at("2026-03-06 11:00"), 1.0)
    world.event(learner, "VALIDATION_COMPLETED", at("2026-03-07 11:00"), {**prompt, "confidenceLevel": 0.1})

    learner = planned(world, "told-later", "heart")
    world.review(learner, "heart", at("2026-03-05 10:00"), "GOOD")
    review = world.review(learner, "heart", at("2026-03-06 10:00"), "AGAIN")
    world.event(learner, "CARD_REVIEWED", at("2026-03-06 10:02"), {**card, "reviewId": review})  # known by the id alone


def mastery(world: World) -> None:
    ninety_days_ago = at("2025-12-10 23:00")  # the weight is one half
    learner = planned(world, "groundwork", "heart", "kidney")
    for _ in range(3):
        world.review(learner, "lung", ninety_days_ago, "GOOD")
    world.review(learner, "kidney", ninety_days_ago, "GOOD")
    world.review(learner, "kidney", ninety_days_ago, "AGAIN")


def history(world: World) -> None:
    learner = planned(world, "history", "heart", "xray")
    world.reviews(learner, "heart", at("2026-03-05 10:00"), "GGG")
    world.reviews(learner, "heart", at("2026-02-26 10:00"), "AAA")
    world.answer(learner, "lung", at("2026-03-03 23:00"), 0.2)  # the newer window begins here
    world.answer(learner, "lung", at("2026-03-03 22:59:59.999"), 1.0)
    world.reviews(learner, "liver", at("2026-03-05 10:00"), "AAAGGGGGGG")
    world.reviews(learner, "kidney", at("2026-03-05 10:00"), "AA")  # too few to tell


def formats(world: World) -> None:
    planned(world, "looking", "xray", "ward", "heart")
    world.profile("looking", visual=0.9, reading=0.5, kinesthetic=0.1)
    planned(world, "undecided", "xray", "ward", "heart")
    world.profile("undecided", visual=0.5, reading=0.5, kinesthetic=0.1)


def sessions(world: World) -> None:
    learner = planned(world, "sessions", "heart")
    ended = "SESSION_ENDED"
    for day, performance in ((1, 0), (2, 80), (5, 40), (6, 100)):
        session = world.session(learner, at(f"2026-03-{day:02} 10:00"), 20)
        world.event(
            learner,
            ended,
            at(f"2026-03-{day:02} 10:20:01"),
            {"sessionId": session},
            sessionPerformanceScore=performance,
        )
    for day, ratings in ((3, ("GOOD", "AGAIN")), (4, ("EASY", "HARD")), (7, ())):
        session = world.session(learner, at(f"2026-03-{day:02} 10:00"), 20)
        for rating in ratings:
            world.review(learner, "heart", at(f"2026-03-{day:02} 10:05"), rating, sessionId=session)
    unfinished = world.session(learner, at("2026-03-08 10:00"), None)
    world.review(learner, "heart", at("2026-03-08 10:05"), "AGAIN", sessionId=unfinished)
    pause = {"sessionId": "paused", "eventType": "pause"}
    world.event(learner, ended, at("2026-03-08 11:00"), pause, sessionPerformanceScore=0)
    for learner, start, minutes in (("tired", "2026-03-09 22:30", 60), ("brisk", "2026-03-10 09:15", 45)):
        planned(world, learner, "heart")
        world.profile(learner, minutes=30)
        session = world.session(learner, at(start), minutes)
        end = at(start) + timedelta(minutes=minutes)
        world.event(learner, ended, end, {"sessionId": session}, sessionPerformanceScore=40)


def exams(world: World) -> None:
    learner = planned(world, "examined", "heart", "xray")
    world.exam(learner, "anatomy", at("2026-04-24 23:00"))
    world.exam(learner, "anatomy", at("2026-06-01 09:00"))
    world.exam(learner, "anatomy", at("2026-03-10 22:59"))  # over
    world.exam(learner, "anatomy", at("2026-03-15 09:00"), created=T)  # not known yet
    planned(world, "exam-now", "heart", "xray")
    world.exam("exam-now", "anatomy", T)
    world.exam("exam-now", "imaging", at("2026-08-01 09:00"))


def plans(world: World) -> None:
    learner = planned(world, "planning", "heart", "lung")
    world.old_mission(learner, at("2026-03-16 09:00"), ["lung", "kidney", "liver"])
    world.answer(learner, "liver", at("2026-03-09 10:00"), 1.0)  # mastered
    world.mission(learner, at("2026-03-24 23:00"), ["xray"])  # in 14 days
    world.mission(learner, at("2026-03-13 09:00"), ["ward"], status="COMPLETED", completedAt=at("2026-03-10 22:59"))
    world.mission(learner, at("2026-03-10 22:00"), ["ward"])  # over
    learner = world.learner("edges")
    world.mission(learner, T, ["heart"])
    world.mission(learner, at("2026-03-17 22:59"), ["lung"])
    world.mission(learner, at("2026-03-17 23:00"), ["kidney"])
    world.mission(learner, SOON, ["liver"], status="SKIPPED")
    world.mission(learner, SOON, ["xray", "ward"], done=["xray"])
    world.mission(learner, at("2026-03-13 09:00"), ["ward"], status="IN_PROGRESS")
    world.learner("late-comer")
    world.execute('UPDATE users SET "createdAt" = %s WHERE "id" = %s', T, "late-comer")
    world.mission("late-comer", SOON, ["heart"])


def unplanned(world: World) -> None:
    world.course("bank", "owner")
    for learner in ("free", "gone-quiet"):
        world.learner(learner)
    for number in range(1, 14):
        world.objective(f"bank-{number:02}", "bank")
        if number != 13:
            rating = "AGAIN" if number > 10 else "GOOD"
            world.review("free", f"bank-{number:02}", at("2026-03-08 10:00"), rating)
    world.answer("free", "bank-13", at("2026-03-08 10:00"), 0.0)
    world.execute("""DELETE FROM cards WHERE "id" = 'bank-13-card'""")
    world.mission("free", at("2026-05-01 09:00"), ["bank-03"])
    world.review("gone-quiet", "bank-01", at("2026-02-10 22:59"))  # 28 days and a minute ago
    world.learner("just-back")
    world.review("just-back", "bank-01", at("2026-02-10 23:00"))  # 28 days ago


def look_backs(world: World) -> None:
    world.answer(planned(world, "180-days", "lung"), "lung", at("2025-09-11 23:00"), 0.9)
    world.answer(planned(world, "older", "lung"), "lung", at("2025-09-11 22:59:59.999"), 0.9)
    for learner, first in (("30-days", "2026-02-08 23:00"), ("31st-day", "2026-02-08 22:59")):
        planned(world, learner, "heart")
        world.review(learner, "heart", at(first), "GOOD")
        world.reviews(learner, "heart", at("2026-02-20 10:00"), "GA")
        world.review(learner, "heart", at("2026-03-05 10:00"), "AGAIN")


def answer_edges(world: World) -> None:
    learner = planned(world, "answer-edges", "heart", "lung")
    world.answer(learner, "heart", at("2026-02-08 23:00"), 0.7)
    world.answer(learner, "lung", at("2026-02-08 22:59:59.999"), 0.1)
    learner = planned(world, "tied", "heart")
    for number in range(1, 12):  # of eleven at one moment the last ten by id count
        score = {1: 0.0, 11: 0.5}.get(number, 1.0)
        world.answer(learner, "heart", at("2026-03-01 10:00"), score, id=f"tied-{number:02}")
    planned(world, "opted-out", "heart")
    world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'opted-out'""")
    planned(world, "untracked", "heart")
    world.execute("""UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = 'untracked'""")


def session_edges(world: World) -> None:
    for learner, ends in (
        ("fortnight", (("2026-02-24 22:59", 0), ("2026-02-24 23:00", 100))),
        ("day-long", (("2026-03-09 22:59", 0), ("2026-03-09 23:00", 70))),
        ("small-hours", (("2026-03-10 05:00", 70),)),
        ("early-bird", (("2026-03-10 05:00:00.001", 70),)),
        ("at-t", (("2026-03-10 22:59:59.999", 70), ("2026-03-10 23:00", 0))),
    ):
        planned(world, learner, "heart")
        for end, performance in ends:
            session = world.session(learner, at(end) - timedelta(minutes=20), 20)
            world.event(learner, "SESSION_ENDED", at(end), {"sessionId": session}, sessionPerformanceScore=performance)


def mastery_edges(world: World) -> None:
    learner = planned(world, "repaired", "heart")
    world.answer(learner, "lung", T - timedelta(milliseconds=2), None)
    world.answer(learner, "lung", T - timedelta(milliseconds=1), 1.0)  # the skip is gone: (1 + .6) / (1 + 1)
    world.reviews(learner, "heart", T - timedelta(minutes=9), "GA")
    world.answer(learner, "heart", T - timedelta(minutes=5), 1.0)  # no review
    learner = planned(world, "two-reviews", "heart")
    world.reviews(learner, "lung", T - timedelta(minutes=9), "GG")  # (2 + .6) / (2 + 1), on too little
    learner = planned(world, "threshold", "heart")
    for rating in ("GOOD", "GOOD", "AGAIN"):
        world.review(learner, "lung", T - timedelta(milliseconds=1), rating)  # (2 + .6) / (3 + 1) is .65
    for rating in ("GOOD", "GOOD", "AGAIN"):
        world.review(learner, "kidney", T - timedelta(days=90), rating)  # (2/2 + .6) / (3/2 + 1) is .64
    world.answer(learner, "liver", T - timedelta(minutes=10), 1.0)  # one validation is enough


def history_edges(world: World) -> None:
    # Of 180 days only whole windows of seven count: 25 of them, the oldest from 175 days ago.
    world.answer(planned(world, "oldest-window", "heart"), "heart", at("2025-09-16 23:00"), 0.2)
    world.answer(planned(world, "half-a-window", "heart"), "heart", at("2025-09-16 22:59"), 0.2)
    learner = planned(world, "mended", "heart")
    world.answer(learner, "heart", at("2026-03-02 10:00"), None)  # a window before
    world.answer(learner, "heart", at("2026-03-05 10:00"), 0.9)

    learner = planned(world, "two-prompts", "heart")
    world.insert("validation_prompts", id="heart-again", objectiveId="heart")
    world.answer(learner, "heart", at("2026-03-02 10:00"), None)
    skipped = {"userId": learner, "respondedAt": at("2026-03-02 11:00"), "score": 0.0, "skipped": True}
    world.insert("validation_responses", promptId="heart-again", **skipped)  # never answered
    world.answer(learner, "heart", at("2026-03-05 10:00"), 0.9)


def cohort(world: World) -> None:
    world.learner("public")
    world.reviews("public", "ward", at("2026-02-08 22:57"), "AAG")  # 30 days and a minute ago
    world.reviews("public", "ward", at("2026-02-08 23:00"), "GA")
    world.learner("private")
    world.execute("""UPDATE users SET "includeInAnalytics" = false WHERE "id" = 'private'""")
    world.reviews("private", "ward", at("2026-03-05 10:00"), "AAAA")
    world.review("public", "ward", T, "AGAIN")
