import { predictionsOf, reasons, type ShownPrediction } from "../lib/learner";
import { signedIn } from "../lib/session";
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

// Made anew for each visit: it shows one learner's rows of now.
export const dynamic = "force-dynamic";

export default async function Page() {
  // What is planned for today is dated at its midnight.
  const today = new Date(Date.now() - 24 * 3600 * 1000);
  const found = await predictionsOf(signedIn(), today);
  return (
    <main>
      <h1>What may be hard next</h1>
      {found.length === 0 && <p>Nothing stands out. Keep going.</p>}
      {found.map((shown) => (
        <Prediction key={shown.id} shown={shown} />
      ))}
    </main>
  );
}
