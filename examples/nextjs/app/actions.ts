"use server";

import { revalidatePath } from "next/cache";

import { call } from "../lib/api";

export async function apply(_said: string, form: FormData): Promise<string> {
  const said = await call(`/interventions/${encodeURIComponent(String(form.get("id")))}/apply`, {});
  revalidatePath("/");
  return said;
}

export async function tell(_said: string, form: FormData): Promise<string> {
  const said = await call(`/predictions/${encodeURIComponent(String(form.get("id")))}/feedback`, {
    actualStruggle: form.get("struggled") === "yes",
    feedbackType: "HELPFUL",
  });
  revalidatePath("/");
  return said;
}
