/**
 * What the hosted pages share: the texts and the ceremony that the server wrote
 * into the page, its answer to the server, and words for a person when it fails.
 */

/** A refusal in the words of the server: RFC 9457, Section 3. */
export interface Problem {
  status: number;
  code: string;
  /** One plain sentence of the server's own. */
  detail: string;
  reference: string;
}

/** The passkeys of a person that count, as the Signal API names them. */
export interface Accepted {
  userId: string;
  allAcceptedCredentialIds: string[];
}

/** The answer to a ceremony: where to go and which passkeys count, or why not. */
export type Posted = { ok: true; returnTo: string; accepted: Accepted | undefined } | { ok: false; problem: Problem };

/** A text of the server's catalogue, in the language of the page. */
export function words(key: string, values: Record<string, string> = {}): string {
  texts ??= JSON.parse(document.getElementById("assent-texts")?.textContent ?? "{}") as Record<string, string>;
  return (texts[key] ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

let texts: Record<string, string> | undefined;

/** Reads the ceremony that the template wrote; the page is useless without it. */
export function readCeremony<T>(): T {
  const block = document.getElementById("assent-ceremony");
  return JSON.parse(block?.textContent ?? "null") as T;
}

/**
 * Sends the browser's answer to the page's own address, without its query: a binding token stays out of it. `onward` is the one
 * other origin where the answer may lead: the server wrote it into the page.
 */
export async function post(state: string, credential: PublicKeyCredential, onward = ""): Promise<Posted> {
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ state, response: credential.toJSON() }),
    });
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    if (answer.ok) return { ok: true, returnTo: place(body.return_to, onward), accepted: accepted(body) };
    return { ok: false, problem: problem(answer.status, body) };
  } catch {
    return { ok: false, problem: problem(0, { code: "unreachable" }) };
  }
}

/** Says what happened under the button; `again` turns the advice into a link that loads the page anew. */
export function say(said: string, options: { bad?: boolean; again?: boolean } = {}): void {
  const status = document.getElementById("status");
  if (!status) return;
  const note = document.createElement("p");
  note.className = options.bad ? "note note-warn" : "note";
  note.textContent = said;
  if (options.again) note.append(" ", againLink());
  status.replaceChildren(...(said === "" ? [] : [note]));
}

/** Wakes the button. It sleeps until the script listens: an earlier click would send the form and lose the link's token. */
export function ready(): void {
  busy(false);
}

/** Marks the page busy: the button rests, the mark breathes. */
export function busy(on: boolean): void {
  document.body.classList.toggle("busy", on);
  const button = document.getElementById("start");
  if (button instanceof HTMLButtonElement) button.disabled = on;
}

/** True if this browser can read the options that the server wrote (WebAuthn Level 3, Section 5.1.8). */
export function supported(): boolean {
  return typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";
}

/** Words for a problem that no page has words of its own for. */
export function general(problem: Problem): string {
  if (problem.code === "unreachable") return words("unreachable");
  if (problem.status < 500 && problem.detail !== "") return problem.detail;
  const { reference } = problem;
  return reference === "" ? words("failed") : `${words("failed")} ${words("reference", { reference })}`;
}

/** Only a path of this server is followed, or the origin that the page names: what came back must not lead elsewhere. */
function place(value: unknown, onward: string): string {
  const url = new URL(text(value) || ".", location.href);
  return url.origin === location.origin || url.origin === onward ? url.href : location.origin;
}

/** Without a person there is no list: an empty one would make the browser forget every passkey. */
function accepted(body: Record<string, unknown>): Accepted | undefined {
  const userId = text(body.user_id);
  const ids = body.accepted;
  if (userId === "" || !Array.isArray(ids) || ids.length === 0) return undefined;
  return { userId, allAcceptedCredentialIds: ids.map(text) };
}

function problem(status: number, body: Record<string, unknown>): Problem {
  return { status, code: text(body.code), detail: text(body.detail), reference: text(body.reference) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function againLink(): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = words("again");
  return link;
}
