/**
 * What both hosted pages share: the ceremony that the server wrote into the
 * page, its answer to the server, and words for a person when it fails.
 */

/** A refusal in the words of the server: RFC 9457, Section 3. */
export interface Problem {
  status: number;
  code: string;
  /** One plain sentence of the server's own. */
  detail: string;
  reference: string;
}

/** The answer to a ceremony: where to go, or why not. */
export type Posted = { ok: true; returnTo: string } | { ok: false; problem: Problem };

/** Reads the ceremony that the template wrote; the page is useless without it. */
export function readCeremony<T>(): T {
  const block = document.getElementById("assent-ceremony");
  return JSON.parse(block?.textContent ?? "null") as T;
}

/** Sends the browser's answer to the page's own address, without its query: a binding token stays out of it. */
export async function post(state: string, credential: PublicKeyCredential): Promise<Posted> {
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ state, response: credential.toJSON() }),
    });
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    if (answer.ok) return { ok: true, returnTo: samePlace(body.return_to) };
    return { ok: false, problem: problem(answer.status, body) };
  } catch {
    return { ok: false, problem: problem(0, { code: "unreachable" }) };
  }
}

/** Says what happened under the button; `again` turns the advice into a link that loads the page anew. */
export function say(words: string, options: { bad?: boolean; again?: boolean } = {}): void {
  const status = document.getElementById("status");
  if (!status) return;
  const note = document.createElement("p");
  note.className = options.bad ? "note note-warn" : "note";
  note.textContent = words;
  if (options.again) note.append(" ", againLink());
  status.replaceChildren(...(words === "" ? [] : [note]));
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
  if (problem.code === "unreachable")
    return "There is no connection to the server. Nothing was changed. Try again in a moment.";
  if (problem.status < 500 && problem.detail !== "") return problem.detail;
  const reference = problem.reference === "" ? "" : ` Reference: ${problem.reference}.`;
  return `That did not work, and nothing was changed.${reference}`;
}

/** Only a path of this server is followed: what came back must not lead elsewhere. */
function samePlace(value: unknown): string {
  const url = new URL(text(value) || ".", location.href);
  return url.origin === location.origin ? url.href : location.origin;
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
  link.textContent = "Start again";
  return link;
}
