/** Calls to one issuer, and to nobody else. */
import { AssentError, type ServerRefusal } from "./errors.js";
import { backoff, limited, pause } from "./time.js";

/** An answer that does not come within this, beyond what it was asked to wait, is none. In milliseconds. */
const patience = 15_000;

/** Bytes; evidence is the longest thing that is read, but for the feed. */
const maxAnswer = 16 << 20;

/** One request. */
export interface Call {
  readonly url: string;
  /** GET, or POST with a form, where it is absent. */
  readonly method?: "POST";
  readonly form?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds for which the issuer is asked to hold its answer (RFC 7240, Section 4.3). */
  readonly wait?: number;
  readonly signal?: AbortSignal | undefined;
  /** What nobody waits for does not keep the process alive. */
  readonly background?: boolean;
  /** Milliseconds, instead of the usual. */
  readonly patience?: number;
  /** Bytes of the answer, instead of the usual. */
  readonly most?: number;
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export type Fetch = typeof globalThis.fetch;

/**
 * Sends one request and reads the answer. Whatever keeps it from arriving is `unreachable`; the end of the caller's
 * signal is thrown as it is.
 */
export async function send(fetch: Fetch, call: Call): Promise<Answer> {
  const limit = limited((call.wait ?? 0) * 1000 + (call.patience ?? patience), call.signal);
  try {
    call.signal?.throwIfAborted();
    const answer = await fetch(call.url, {
      method: call.method ?? (call.form ? "POST" : "GET"),
      ...(call.form && { body: call.form }),
      headers: {
        accept: "application/json",
        ...(call.wait && { prefer: `wait=${Math.ceil(call.wait)}` }),
        ...call.headers,
      },
      // Credentials do not follow a Location header.
      redirect: "manual",
      signal: limit.signal,
    });
    const body = await readBody(answer, call.most ?? maxAnswer, `the answer of ${place(call.url)}`);
    return { status: answer.status, headers: answer.headers, body };
  } catch (error) {
    if (call.signal?.aborted) throw call.signal.reason;
    if (error instanceof AssentError) throw error;
    throw new AssentError("unreachable", place(call.url), { cause: limit.late() ? limit.signal.reason : error });
  } finally {
    limit.end();
  }
}

/** Reads a body of bounded length; throws `invalid` for a longer one. */
export async function readBody(answer: Response, most: number, what = "the answer"): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const reader = answer.body?.getReader(); reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
    if (length > most) {
      // Not awaited: of a body that was cloned, the other half is still read.
      reader.cancel().catch(() => {});
      throw new AssentError("invalid", `${what} is too long`);
    }
  }
  return Buffer.concat(chunks);
}

/** Reads a document, trying again for as long as a call may take while the issuer is away. */
export async function get(fetch: Fetch, call: Call): Promise<Answer> {
  const end = performance.now() + patience;
  const again = backoff(200, 5000);
  for (;;) {
    try {
      const answer = await send(fetch, call);
      if (!away(answer)) return answer;
      throw new AssentError("unreachable", place(call.url), { server: refusalOf(answer) });
    } catch (error) {
      const next = again.next();
      const final = !(error instanceof AssentError) || error.kind !== "unreachable";
      if (final || performance.now() + next >= end) throw error;
      await pause(next, { signal: call.signal, background: call.background ?? false });
    }
  }
}

/** Whether the issuer, or something before it, is not able to answer now. */
export function away({ status }: Answer): boolean {
  return status >= 500 || status === 429;
}

/** The answer's JSON object; an answer without one has no members. */
export function members(answer: Answer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(answer.body));
    if (value && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // A proxy's page has no members either.
  }
  return {};
}

/** What the body says is wrong. */
export function refusalOf(answer: Answer): ServerRefusal {
  const { error, error_description, code, detail } = members(answer);
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  if (text(error)) return { status: answer.status, code: text(error), description: text(error_description) };
  return { status: answer.status, code: text(code), description: text(detail) };
}

/** Throws `invalid` for an answer that is not a 200. */
export function demandOK(answer: Answer, doing: string): Answer {
  if (answer.status === 200) return answer;
  throw new AssentError(away(answer) ? "unreachable" : "invalid", doing, { server: refusalOf(answer) });
}

/** A URL without what might be secret. */
function place(text: string): string {
  if (!URL.canParse(text)) return "the server";
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}
