/**
 * Sign in with a discoverable passkey: by the button, or by the browser's own
 * list of passkeys in the field (WebAuthn Level 3, conditional mediation).
 */
import { signInChallenge } from "./challenge";
import { busy, general, type Problem, post, readCeremony, ready, say, supported, words } from "./page";
import { forget, keep } from "./signal";

interface Ceremony {
  options: PublicKeyCredentialRequestOptionsJSON;
  state: string;
}

let ceremony: Ceremony;
let request: Promise<PublicKeyCredentialRequestOptions>;
let waiting = new AbortController();
let quiet = false;

/** Makes the form of the sign-in page work. */
export async function startSignin(form: HTMLElement): Promise<void> {
  if (!supported()) {
    say(words("signin_unsupported"), { bad: true });
    return;
  }
  ceremony = readCeremony();
  request = derived(ceremony.options);
  request.catch(() => undefined); // said to the person when it is awaited
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void signIn("optional");
  });
  ready();
  quiet = await offers();
  if (!quiet) return;
  document.getElementById("autofill")?.removeAttribute("hidden");
  await signIn("conditional");
}

/** Whether the page has a field in which the browser can offer passkeys. Who must use one once more has none: a touch must be meant. */
async function offers(): Promise<boolean> {
  const field = document.querySelector('input[autocomplete~="webauthn"]');
  return field !== null && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
}

/**
 * The server's options with the one challenge that this page signs, by the button and in the field. It is made before any
 * click, because some browsers forget a click while a script waits.
 */
async function derived(options: PublicKeyCredentialRequestOptionsJSON): Promise<PublicKeyCredentialRequestOptions> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return { ...publicKey, challenge: await signInChallenge(publicKey.challenge) };
}

/** One ceremony at a time: the button ends the quiet one that waits in the field. */
async function signIn(mediation: "optional" | "conditional"): Promise<void> {
  waiting.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  if (mediation === "optional") {
    busy(true);
    say("");
  }
  try {
    const publicKey = await request;
    const credential = await navigator.credentials.get({ publicKey, mediation, signal });
    if (credential instanceof PublicKeyCredential) await finish(credential);
  } catch (error) {
    if (signal.aborted || mediation === "conditional") return;
    say(cancelled(error), { bad: true });
  } finally {
    if (!signal.aborted) busy(false);
  }
  if (quiet && mediation === "optional" && !signal.aborted) await signIn("conditional");
}

async function finish(credential: PublicKeyCredential): Promise<void> {
  busy(true);
  const rpId = ceremony.options.rpId ?? location.hostname;
  const answer = await post(ceremony.state, credential);
  if (answer.ok) {
    say(words("signin_done"));
    if (answer.accepted) await keep(rpId, answer.accepted);
    location.replace(answer.returnTo);
    return;
  }
  const { problem } = answer;
  if (problem.code === "not_allowed") return stopped();
  // Only where nobody knows it: a passkey of another realm on this host is good there (passkey_elsewhere).
  if (problem.code === "passkey_unknown") void forget(rpId, credential.id);
  say(advice(problem), { bad: true, again: problem.code !== "unreachable" });
}

function advice(problem: Problem): string {
  if (problem.code === "ceremony_expired") return words("signin_waited");
  if (problem.code === "passkey_unknown") return words("signin_unknown");
  return general(problem);
}

/** The passkey was right, and its account is stopped: nothing on the page would help, so the page says that instead. */
function stopped(): void {
  document.getElementById("signin-main")?.setAttribute("hidden", "");
  document.getElementById("stopped")?.removeAttribute("hidden");
  document.getElementById("stopped-title")?.focus();
}

function cancelled(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return words("signin_cancelled");
  return words("signin_impossible");
}
