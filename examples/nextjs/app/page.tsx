import { predictionsOf, reasons, type ShownPrediction } from "../lib/learner";
import { Apply, Feedback } from "./buttons";

// A date begins at midnight there, which east of Greenwich is the day before in UTC.
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: process.env.AMERICANO_TIMEZONE ?? "UTC" });

function Prediction({ shown }: { shown: ShownPrediction }) {
  return (
    <article>
      <h2>{shown.learningObjective.objective}</h2>
      <p>
        {shown.learningObjective.lecture.course.name}, {day.format(shown.predictionDate)} ·{" "}
        <strong>{Math.round(shown.predictedStruggleProbability * 100)} %</strong> likely to be hard ·{" "}
        <span className="status">{shown.predictionStatus.toLowerCase().replace("_", " ")}</span>
      </p>
      <ul>
        {reasons(shown).map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      {shown.interventionRecommendations.map((one) => (
        <section key={one.id}>
          <p>{one.description}</p>
          <small>{one.reasoning}</small>
          <Apply id={one.id} applied={one.status !== "PENDING"} />
        </section>
      ))}
      <Feedback id={shown.id} />
    </article>
  );
}

export default async function Page({ searchParams }: { searchParams: Promise<{ learner?: string }> }) {
  const { learner } = await searchParams;
  const found = learner ? await predictionsOf(learner) : [];
  return (
    <main>
      <h1>What may be hard next</h1>
      {!learner && <p>Add ?learner=ID to the address. A real app takes the learner from its session.</p>}
      {learner && found.length === 0 && <p>Nothing stands out. Keep going.</p>}
      {found.map((shown) => (
        <Prediction key={shown.id} shown={shown} />
      ))}
    </main>
  );
}
