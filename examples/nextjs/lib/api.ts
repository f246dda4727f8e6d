import "server-only";

/** Calls the pipeline's HTTP service; answers its problem's own words where it refuses. */
export async function call(path: string, body: object): Promise<string> {
  const response = await fetch(new URL(path, process.env.AMERICANO_API_URL ?? "http://127.0.0.1:8000"), {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${process.env.AMERICANO_API_TOKEN ?? ""}`,
    },
    body: JSON.stringify(body),
    cache: "no-store",
  });
  const answer = (await response.json()) as { message?: string; detail?: string };
  return answer.message ?? answer.detail ?? response.statusText;
}
