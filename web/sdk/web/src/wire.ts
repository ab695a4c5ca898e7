/** Calls to the initialized issuer, and to nobody else. */
import { AssentError, isCode } from "./errors.js";

/** An answer that does not come within this is a failure, in milliseconds. */
const patience = 30_000;

/** How one call is made. */
export interface Call {
  readonly issuer: string;
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal | undefined;
}

/** Posts JSON to a path of the issuer; a refusal is thrown as an AssentError. */
export async function post<T>(call: Call, path: string, body: object): Promise<T> {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, patience);
  call.signal?.addEventListener("abort", stop);
  if (call.signal?.aborted) stop();
  try {
    const answer = await call.fetch(`${call.issuer}/embedded/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      // The answer is for this page alone: no cookie goes along, no redirect is followed, no address is told.
      ...{ mode: "cors", credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" },
      signal: limit.signal,
    });
    const json: unknown = await answer.json().catch(() => undefined);
    if (!answer.ok) throw refusal(answer.status, json);
    if (!json || typeof json !== "object") throw new AssentError("server", { status: answer.status, cause: "no JSON" });
    return json as T;
  } catch (error) {
    if (error instanceof AssentError) throw error;
    if (call.signal?.aborted) throw new AssentError("aborted", { cause: error });
    throw new AssentError(limit.signal.aborted ? "timeout" : "network", { cause: error });
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", stop);
  }
}

/** The server's problem document (RFC 9457, Section 3) as an error of ours. */
function refusal(status: number, json: unknown): AssentError {
  const { code, detail, reference } = (json ?? {}) as Record<string, unknown>;
  const known = isCode(code) ? code : status === 429 ? "too_many_requests" : "server";
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return new AssentError(known, { status, reference: text(reference), cause: text(detail) || text(code) || undefined });
}
