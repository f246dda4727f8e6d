"""A school in which anything may be moved, merged, renamed, deleted and made again between two nights.

NIGHTS lie nine days apart and the first is weeks after FIRST, so that much of the log was read before the last edits.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random

from americano_assets_tests.world import World

LEARNERS = ("ann", "bob", "cem", "dee")
COURSES = {"heart": ("valve", "wall"), "lung": ("tube", "sac"), "skin": ("layer", "hair")}
OBJECTIVES = tuple(one for objectives in COURSES.values() for one in objectives)
FIRST = date(2026, 2, 8)
NIGHTS = tuple(date(2026, 3, 1) + timedelta(days=9 * number) for number in range(4))
# With what refers to them, all that is ever written, by us too.
_WRITTEN = (
    *("users", "user_learning_profiles", "validation_prompts", "behavioral_events", "struggle_predictions"),
    *("intervention_recommendations", "ml.study_days", "ml.episodes", "ml.assignments", "ml.published", "ml.alerts"),
    *("ml.first_flag_outcomes", "ml.outcome_changes", "ml.prediction_feedback", "ml.intervention_actions"),
)
# What is edited, each with what decides the rows that it hits.
Edits = list[tuple[str, int]]
_RATINGS = ("AGAIN", "HARD", "GOOD", "EASY")


class EditedSchool:
    """Makes edits; which rows they hit is drawn."""

    def __init__(self, world: World) -> None:
        self.world = world

    def begin(self) -> None:
        """Nothing was edited yet, and nobody has done anything."""
        world = self.world
        # Another school, where triggers would refuse that rows of this one go.
        world.execute("SET session_replication_role = replica")
        world.execute(f"TRUNCATE {', '.join(_WRITTEN)} CASCADE")
        world.execute("RESET session_replication_role")
        world.learner("owner")
        for course, objectives in COURSES.items():
            world.course(course, "owner")
            for objective in objectives:
                world.objective(objective, course)
        for learner in LEARNERS:
            world.learner(learner)
            world.profile(learner, visual=0.5, reading=0.2, kinesthetic=0.3)

    def night(self, number: int, edits: Edits, seed: int) -> None:
        """What is edited before one of NIGHTS, and what everybody does from the night before it up to its cut-off."""
        for name, hit in edits:
            EDITS[name](self, Random(hit))
        self.live(NIGHTS[number - 1] if number else FIRST, NIGHTS[number], seed)

    def say_what_became_of_it(self) -> None:
        """Every second prediction's learner says that it was a struggle."""
        self.world.execute(
            "INSERT INTO ml.prediction_feedback"
            " (id, prediction_id, user_id, actual_struggle, feedback_type, submitted_at)"
            """ SELECT 'said-' || "id", "id", "userId", true, 'HELPFUL', "predictedAt" + interval '1 hour'"""
            """ FROM struggle_predictions WHERE hashtext("id") %% 2 = 0 ON CONFLICT DO NOTHING"""
        )

    def live(self, since: date, until: date, seed: int) -> None:
        """What everybody does on the study days of [since, until), and plans for the days after it."""
        draw = Random(seed)
        cards, prompts = self._ids("cards"), self._ids("validation_prompts")
        for learner in self._learners():
            for back in range((until - since).days):
                when = datetime.combine(since + timedelta(days=back + 1), time(10)) + timedelta(
                    minutes=draw.randrange(60)
                )
                if cards and draw.random() < 0.7:
                    self._review(learner, draw.choice(cards), when, draw)
                if prompts and draw.random() < 0.5:
                    self._answer(learner, draw.choice(prompts), when + timedelta(hours=1), draw)
            self.plan(draw, until)

    def plan(self, draw: Random, day: date) -> None:
        """A mission in the days after `day`'s cut-off; after a merge it may name an objective twice."""
        known = self._ids("learning_objectives") or ["nothing"]
        listed = [draw.choice(known) for _ in range(3)]
        at = datetime.combine(day + timedelta(days=draw.randrange(1, 6)), time(23, 30))
        self.world.mission(draw.choice(self._learners()), at, [*listed, listed[0]])

    def _review(self, learner: str, card: str, when: datetime, draw: Random) -> None:
        rating = draw.choice(_RATINGS)
        for again in range(draw.choice((1, 3))):
            one = {"userId": learner, "cardId": card, "reviewedAt": when + timedelta(minutes=again), "rating": rating}
            review = self.world.insert("reviews", **one)
            if draw.random() < 0.3:
                said = {"cardId": card, "reviewId": review, "rating": rating, "objectiveId": draw.choice(OBJECTIVES)}
                self.world.event(learner, "CARD_REVIEWED", one["reviewedAt"], said)  # type: ignore[arg-type]

    def _answer(self, learner: str, prompt: str, when: datetime, draw: Random) -> None:
        skipped = draw.random() < 0.2
        score = 0.0 if skipped else draw.random()
        own = {"promptId": prompt, "userId": learner, "respondedAt": when, "score": score, "skipped": skipped}
        self.world.insert("validation_responses", **own)
        if draw.random() < 0.2:
            said = {"objectiveId": draw.choice(OBJECTIVES), "score": score, "sessionId": f"{learner}-{when:%j}"}
            self.world.event(learner, "VALIDATION_COMPLETED", when + timedelta(hours=1), said)
            self.world.event(learner, "SESSION_ENDED", when + timedelta(hours=2), {"sessionId": said["sessionId"]})

    def _ids(self, table: str) -> list[str]:
        return [one for (one,) in self.world.rows(f'SELECT "id" FROM {table} ORDER BY 1')]

    def _learners(self) -> list[str]:
        return [one for one in self._ids("users") if one != "owner"]

    # Moves: what was done stays, where it belongs changes.

    def objective_moved(self, draw: Random) -> None:
        self._set("learning_objectives", "lectureId", "lectures", draw)

    def lecture_moved(self, draw: Random) -> None:
        self._set("lectures", "courseId", "courses", draw)

    def courses_merged(self, draw: Random) -> None:
        courses = self._ids("courses")
        if len(courses) > 1:
            gone, stays = draw.sample(courses, 2)
            for table in ("lectures", "cards", "exams"):
                self.world.execute(f'UPDATE {table} SET "courseId" = %s WHERE "courseId" = %s', stays, gone)
            self.world.execute('DELETE FROM courses WHERE "id" = %s', gone)

    def course_renamed(self, draw: Random) -> None:
        self.world.execute('UPDATE courses SET "name" = %s WHERE "id" = %s', "x-ray", self._one("courses", draw))

    def objective_renamed(self, draw: Random) -> None:
        self.world.execute(
            """UPDATE learning_objectives SET "objective" = 'Read an x-ray', "complexity" = 'ADVANCED'"""
            """ WHERE "id" = %s""",
            self._one("learning_objectives", draw),
        )

    def prerequisite_made(self, draw: Random) -> None:
        known = self._ids("learning_objectives")
        if len(known) > 1:
            self.world.execute("DELETE FROM objective_prerequisites")
            one, other, third = (draw.choice(known) for _ in range(3))
            self.world.prerequisite(one, other)
            if third != other:
                self.world.prerequisite(one, third, 0.5)

    def exam_made(self, draw: Random) -> None:
        if self._ids("courses") and self._learners():
            at = datetime.combine(NIGHTS[-1] + timedelta(days=draw.randrange(9)), time(9))
            for _ in range(2):
                self.world.exam(draw.choice(self._learners()), self._one("courses", draw), at)

    # Deletions, and what is made again under a name that was there before.

    def objective_deleted(self, draw: Random) -> None:
        self._delete("learning_objectives", draw)

    def lecture_deleted(self, draw: Random) -> None:
        self._delete("lectures", draw)

    def course_deleted(self, draw: Random) -> None:
        self._delete("courses", draw)

    def card_deleted(self, draw: Random) -> None:
        self._delete("cards", draw)

    def prompt_deleted(self, draw: Random) -> None:
        self._delete("validation_prompts", draw)

    def learner_deleted(self, draw: Random) -> None:
        learners = self._learners()
        if len(learners) > 2:
            self.world.execute('DELETE FROM users WHERE "id" = %s', draw.choice(learners))

    def objective_made_again(self, draw: Random) -> None:
        gone = sorted({*OBJECTIVES} - {*self._ids("learning_objectives")})
        lectures = self._ids("lectures")
        if gone and lectures:
            one = draw.choice(gone)
            self.world.insert("learning_objectives", id=one, lectureId=draw.choice(lectures), objective=one)
            self.world.execute('UPDATE cards SET "objectiveId" = %s WHERE "id" = %s', one, f"{one}-card")

    def course_made_again(self, draw: Random) -> None:
        gone = sorted({*COURSES} - {*self._ids("courses")})
        if gone:
            one = draw.choice(gone)
            self.world.insert("courses", id=one, userId="owner", name=one)
            lecture = f"{one}-lecture"
            if lecture in self._ids("lectures"):
                self.world.execute('UPDATE lectures SET "courseId" = %s WHERE "id" = %s', one, lecture)
            else:
                self.world.insert("lectures", id=lecture, userId="owner", courseId=one, title="")

    def learner_made_again(self, draw: Random) -> None:
        gone = sorted({*LEARNERS} - {*self._learners()})
        if gone:
            self.world.learner(draw.choice(gone))

    # Relinks and merges: an answer belongs to something else than when it was given.

    def card_relinked(self, draw: Random) -> None:
        self._set("cards", "objectiveId", "learning_objectives", draw)
        self._set("cards", "courseId", "courses", draw)

    def card_unlinked(self, draw: Random) -> None:
        if self._ids("cards"):
            self.world.execute('UPDATE cards SET "objectiveId" = NULL WHERE "id" = %s', self._one("cards", draw))

    def prompt_relinked(self, draw: Random) -> None:
        self._set("validation_prompts", "objectiveId", "learning_objectives", draw)

    def objectives_merged(self, draw: Random) -> None:
        known = self._ids("learning_objectives")
        if len(known) > 2:
            gone, stays = draw.sample(known, 2)
            for table in ("cards", "validation_prompts"):
                self.world.execute(f'UPDATE {table} SET "objectiveId" = %s WHERE "objectiveId" = %s', stays, gone)
            self.world.execute(
                f"""UPDATE missions SET "objectives" = replace("objectives"::text, '"{gone}"', '"{stays}"')::jsonb"""
            )
            self.world.execute('DELETE FROM learning_objectives WHERE "id" = %s', gone)

    def learners_merged(self, draw: Random) -> None:
        learners = self._learners()
        if len(learners) > 2:
            gone, stays = draw.sample(learners, 2)
            for table in ("reviews", "validation_responses", "behavioral_events", "missions", "exams"):
                self.world.execute(f'UPDATE {table} SET "userId" = %s WHERE "userId" = %s', stays, gone)
            self.world.execute('DELETE FROM users WHERE "id" = %s', gone)

    def learner_changed_their_mind(self, draw: Random) -> None:
        column = draw.choice(("behavioralAnalysisEnabled", "includeInAnalytics"))
        if self._learners():
            self.world.execute(
                f'UPDATE users SET "{column}" = NOT "{column}" WHERE "id" = %s', draw.choice(self._learners())
            )

    def _set(self, table: str, column: str, to: str, draw: Random) -> None:
        if self._ids(table) and self._ids(to):
            one, other = self._one(table, draw), self._one(to, draw)
            self.world.execute(f'UPDATE {table} SET "{column}" = %s WHERE "id" = %s', other, one)

    def _delete(self, table: str, draw: Random) -> None:
        if len(self._ids(table)) > 1:
            self.world.execute(f'DELETE FROM {table} WHERE "id" = %s', self._one(table, draw))

    def _one(self, table: str, draw: Random) -> str:
        return draw.choice(self._ids(table))


Edit = Callable[[EditedSchool, Random], None]
# After these the app's rows still say where each answer belongs that was read long ago.
MOVES: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        EditedSchool.objective_moved,
        EditedSchool.lecture_moved,
        EditedSchool.courses_merged,
        EditedSchool.course_renamed,
        EditedSchool.objective_renamed,
        EditedSchool.prerequisite_made,
        EditedSchool.exam_made,
    )
}
EDITS: dict[str, Edit] = MOVES | {
    edit.__name__: edit
    for edit in (
        EditedSchool.objective_deleted,
        EditedSchool.lecture_deleted,
        EditedSchool.course_deleted,
        EditedSchool.card_deleted,
        EditedSchool.prompt_deleted,
        EditedSchool.learner_deleted,
        EditedSchool.objective_made_again,
        EditedSchool.course_made_again,
        EditedSchool.learner_made_again,
        EditedSchool.card_relinked,
        EditedSchool.card_unlinked,
        EditedSchool.prompt_relinked,
        EditedSchool.objectives_merged,
        EditedSchool.learners_merged,
        EditedSchool.learner_changed_their_mind,
    )
}
