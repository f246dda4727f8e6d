"use server";

import { revalidatePath } from "next/cache";

import { call } from "../lib/api";
import { ownsPrediction, ownsRecommendation } from "../lib/learner";
import { signedIn } from "../lib/session";

// A server action is an endpoint: whoever posts to it may name any id.
const NOT_YOURS = "There is no such row of yours.";

export async function apply(_said: string, form: FormData): Promise<string> {
  const id = String(form.get("id"));
  if (!(await ownsRecommendation(signedIn(), id))) return NOT_YOURS;
  const said = await call(`/interventions/${encodeURIComponent(id)}/apply`, {});
  revalidatePath("/");
  return said;
}

export async function tell(_said: string, form: FormData): Promise<string> {
  const id = String(form.get("id"));
  if (!(await ownsPrediction(signedIn(), id))) return NOT_YOURS;
  const struggled = form.get("struggled") === "yes";
  const said = await call(`/predictions/${encodeURIComponent(id)}/feedback`, {
    actualStruggle: struggled,
    feedbackType: struggled ? "HELPFUL" : "INACCURATE",
  });
  revalidatePath("/");
  return said;
}
