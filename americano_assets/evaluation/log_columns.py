"""A log's columns as this project has them: what people write for times, scores and ratings, and what is said of it."""

from americano_assets.evaluation.log_file import LogFile
from americano_assets.stages.common.schemas import RATINGS

# What each of our columns is in the file, as text.
RAW = {
    "learner_id": "raw_learner",
    "objective_id": "raw_objective",
    "occurred_at": "raw_time",
    "due_on": "raw_time",
    "kind": "raw_kind",
    "rating": "raw_rating",
    "score": "raw_score",
    "duration_ms": "raw_duration",
}
# What is kept of a row; rating_from_score: a review whose rating its score tells.
KEPT = (
    *("learner_id", "objective_id", "course_id", "occurred_at", "kind", "rating", "score", "duration_ms"),
    *("item_id", "session_id", "rating_from_score"),
)
PERCENT = 100.0
# Numbers are percentages where one is above the first share of 100, none above 100, and most of them above 1: grades
# out of 10 or 20 are none.
_SURELY_PERCENT = 50.0
# Epochs of 1990 to 2100 in one unit lie apart from those in another: below which number, and µs in one of it.
_UNITS = {
    "seconds": ("1e11", "1e6"),
    "milliseconds": ("1e14", "1e3"),
    "microseconds": ("1e17", "1"),
    "nanoseconds": ("1e20", "1e-3"),
}
_NO_OFFSET = r"\d+-\d+-\d+([T ]\d+:\d+(:\d+([.,]\d*)?)?)?"


def normal(file: LogFile, full_score: float = 1) -> str:
    """The query that gives KEPT of each row, and beside it `log_row`, RAW, and what `conversions` counts.

    Times without an offset are in the connection's time zone.

    Args:
        file: The log.
        full_score: Which plain number is a score of 1.
    """

    def text(column: str) -> str:
        if column not in file.columns:
            return "NULL::VARCHAR"
        name = file.columns[column]
        if file.types[column] in ("FLOAT", "DOUBLE"):  # in which pandas and others say by NaN that there is none
            name = f"CASE WHEN NOT isnan({name}) THEN {name} END"
        return f"nullif(trim(({name})::VARCHAR), '')"

    is_time = file.types["occurred_at"].startswith(("TIMESTAMP", "DATE"))
    if file.is_utc_unsaid:
        moment, no_offset = "file_time::TIMESTAMP", "false"
    elif is_time:
        moment = "file_time::TIMESTAMPTZ AT TIME ZONE 'UTC'"
        no_offset = str("TZ" not in file.types["occurred_at"] and "TIME ZONE" not in file.types["occurred_at"])
    else:
        in_micros = " ".join(f"WHEN '{unit}' THEN e * {factor}" for unit, (_, factor) in _UNITS.items())
        moment = (
            f"CASE WHEN isfinite(e) THEN make_timestamp(round(CASE unit {in_micros} END)::BIGINT) "
            "ELSE try_cast(raw_time AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
        )
        no_offset = f"regexp_full_match(raw_time, '{_NO_OFFSET}')"
    units = " ".join(f"WHEN abs(e) < {below} THEN '{unit}'" for unit, (below, _) in _UNITS.items())
    ratings = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(RATINGS, start=1))
    return f"""
    WITH raw AS (
      SELECT log_row, {file.columns["occurred_at"]} AS file_time, {text("occurred_at")} AS raw_time,
        {text("learner_id")} AS raw_learner, {text("objective_id")} AS raw_objective, {text("kind")} AS raw_kind,
        {text("rating")} AS raw_rating, {text("score")} AS raw_score, {text("duration_ms")} AS raw_duration,
        {text("course_id")} AS course_id, {text("session_id")} AS session_id,
        COALESCE({text("item_id")}, {text("card_id")}, {text("objective_id")}) AS item_id
      FROM ({file.rows})
    ),
    numbers AS (
      SELECT *, {"NULL::DOUBLE" if is_time else "try_cast(raw_time AS DOUBLE)"} AS e,
        CASE WHEN isfinite(e) THEN CASE {units} END END AS unit, {no_offset} AS no_offset,
        raw_score LIKE '%\\%' ESCAPE '\\' AS percent_sign, raw_score LIKE '%,%' AS decimal_comma,
        try_cast(replace(rtrim(raw_score, '% '), ',', '.') AS DOUBLE) AS score_number,
        try_cast(raw_score AS BOOLEAN) AS score_truth, try_cast(raw_rating AS DOUBLE) AS rating_number
      FROM raw
    ),
    typed AS (
      SELECT *, raw_learner AS learner_id, raw_objective AS objective_id, {moment} AS occurred_at,
        COALESCE(lower(raw_kind), 'validation') AS kind,
        CASE WHEN upper(raw_rating) IN {RATINGS} THEN upper(raw_rating)
          ELSE CASE rating_number {ratings} END END AS given_rating,
        COALESCE(score_number / CASE WHEN percent_sign THEN {PERCENT} ELSE {full_score} END,
          score_truth::INTEGER::DOUBLE) AS score,
        try_cast(raw_duration AS DOUBLE) AS duration_ms
      FROM numbers
    )
    SELECT *, raw_rating IS NULL AND kind = 'review' AS rating_from_score,
      CASE WHEN raw_rating IS NULL AND kind = 'review' AND score IS NOT NULL
        THEN CASE WHEN score < 0.5 THEN 'AGAIN' ELSE 'GOOD' END ELSE given_rating END AS rating
    FROM typed
    """


def full_score(largest: float | None, above_one: int, above_zero: int) -> float:
    """Which plain number is a score of 1: PERCENT where the scores are percentages, else 1.

    Args:
        largest: The largest score that is a plain number.
        above_one: How many of them are above 1.
        above_zero: How many of them are above 0.
    """
    is_percent = largest is not None and _SURELY_PERCENT < largest <= PERCENT and 2 * above_one > above_zero
    return PERCENT if is_percent else 1.0


def conversions(zone: str, full: float) -> dict[str, str]:
    """What is decided of values that could be read otherwise: of which rows, to a sentence with their number, `{n}`.

    Args:
        zone: The time zone in which times without an offset are read.
        full: Which plain number is a score of 1.
    """
    percent = {"score_number IS NOT NULL AND NOT percent_sign": "score: numbers up to 100 are read as percentages"}
    told = {
        **{f"unit = '{unit}'": f"occurred_at: numbers are read as {unit} since 1970" for unit in _UNITS},
        "no_offset": f"occurred_at: times that name no zone are read in {zone}, --timezone says another",
        **(percent if full == PERCENT else {}),
        "score_number IS NOT NULL AND percent_sign": "score: values with a percent sign are divided by 100",
        "score_number IS NOT NULL AND decimal_comma": "score: a comma is read as the decimal point",
        "score_number IS NULL AND score_truth IS NOT NULL": "score: true is read as 1, false as 0",
        "rating_number IS NOT NULL": f"rating: 1 to {len(RATINGS)} are read as {', '.join(RATINGS)}",
        "rating_from_score": "rating: a review without one is AGAIN below a score of 0.5, else GOOD",
    }
    return {done: f"{sentence} (rows: {{n:,}})." for done, sentence in told.items()}
