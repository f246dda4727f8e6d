import "server-only";

/** The learner who is signed in. A real app asks its session here; nothing that a browser sends may decide it. */
export function signedIn(): string {
  const learner = process.env.EXAMPLE_LEARNER;
  if (!learner) throw new Error("Set EXAMPLE_LEARNER to the id of the learner who is signed in.");
  return learner;
}
