"use client";

import { useActionState } from "react";

import { apply, tell } from "./actions";

export function Apply({ id, applied }: { id: string; applied: boolean }) {
  const [said, act, busy] = useActionState(apply, "");
  return (
    <form action={act}>
      <input type="hidden" name="id" value={id} />
      <button disabled={busy || applied}>{applied ? "In your plan" : "Add to my plan"}</button>
      <output>{said}</output>
    </form>
  );
}

export function Feedback({ id }: { id: string }) {
  const [said, act, busy] = useActionState(tell, "");
  return (
    <form action={act}>
      <input type="hidden" name="id" value={id} />
      <span>Was it hard?</span>
      <button name="struggled" value="yes" disabled={busy}>
        Yes
      </button>
      <button name="struggled" value="no" disabled={busy}>
        No
      </button>
      <output>{said}</output>
    </form>
  );
}
