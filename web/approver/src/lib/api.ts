/** The calls to the realm, each with its answer or the reason why there is none. */
import { learn } from "./clock";
import { realm } from "./place";
import { store } from "./store";
import type { Approval, Decision, Me, Page, State } from "./wire";

/** Why there is no answer. */
export type Failure =
  | { kind: "unreachable" }
  | { kind: "signed_out" }
  | { kind: "problem"; status: number; code: string; reference: string };

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** True while the server answers. */
export const online = store(navigator.onLine);

/** True once the server has said that nobody is signed in. */
export const signedOut = store(false);

window.addEventListener("offline", () => online.set(false));

export const me = () => call<Me>("v1/me");
export const approval = (id: string) => call<Approval>(`v1/approvals/${encodeURIComponent(id)}`);
export const demoAsk = () => call<unknown>("v1/demo/ask", {});
export const signOut = () => call<unknown>("signout", {});

/** One page of a person's approvals, newest first. */
export function approvals(state: "pending" | "ended", token = ""): Promise<Result<Page>> {
  const query = new URLSearchParams({ state, page_size: state === "pending" ? "100" : "30" });
  if (token !== "") query.set("page_token", token);
  return call<Page>(`v1/approvals?${query}`);
}

/** Sends a decision; an approval comes with the passkey's assertion. */
export function decide(
  id: string,
  body: { decision: Decision; assertion?: unknown },
): Promise<Result<{ id: string; state: State }>> {
  return call(`v1/approvals/${encodeURIComponent(id)}/decision`, body);
}

/** The address of an approval's evidence. */
export function evidenceAddress(id: string): string {
  return realm(`v1/approvals/${encodeURIComponent(id)}/evidence`);
}

async function call<T>(path: string, body?: unknown): Promise<Result<T>> {
  const answer = await send(path, body);
  if (answer === undefined) return { ok: false, failure: { kind: "unreachable" } };
  if (answer.status === 401) {
    signedOut.set(true);
    return { ok: false, failure: { kind: "signed_out" } };
  }
  const json = (await answer.json().catch(() => ({}))) as unknown;
  if (answer.ok) return { ok: true, value: json as T };
  return { ok: false, failure: problem(answer.status, json) };
}

async function send(path: string, body: unknown): Promise<Response | undefined> {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(realm(path), { cache: "no-store", ...(body === undefined ? {} : post) });
    learn(answer.headers.get("Date"));
    online.set(true);
    return answer;
  } catch {
    online.set(false);
    return undefined;
  }
}

function problem(status: number, json: unknown): Failure {
  const { code, reference } = (json ?? {}) as Record<string, unknown>;
  return { kind: "problem", status, code: text(code), reference: text(reference) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
