/**
 * Sign in with a discoverable passkey: by the button, or by the browser's own
 * list of passkeys in the field (WebAuthn Level 3, conditional mediation).
 */
import { signInChallenge } from "./challenge";
import { busy, general, type Problem, post, readCeremony, ready, say, supported } from "./page";

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
    say("This browser cannot use passkeys yet. Update it, or use another one.", { bad: true });
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
  quiet = Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
  if (!quiet) return;
  document.getElementById("autofill")?.removeAttribute("hidden");
  await signIn("conditional");
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
  const answer = await post(ceremony.state, credential);
  if (answer.ok) {
    say("Signed in.");
    location.replace(answer.returnTo);
    return;
  }
  if (answer.problem.code === "passkey_unknown") forget(credential.id);
  const again = answer.problem.code !== "unreachable";
  say(words(answer.problem), { bad: true, again });
}

function words(problem: Problem): string {
  if (problem.code === "ceremony_expired") return "This page has waited too long.";
  if (problem.code === "passkey_unknown") return "That passkey is not known here any more. Use another one.";
  return general(problem);
}

function cancelled(error: unknown): string {
  if (error instanceof DOMException && error.name === "NotAllowedError") {
    return "No passkey was used. Try again when you are ready.";
  }
  return "The browser could not use a passkey here. Try again, or use another device.";
}

/** Tells the browser that the server does not know this passkey, so that it stops offering it (Signal API). */
function forget(credentialId: string): void {
  const rpId = ceremony.options.rpId ?? location.hostname;
  void signalling().signalUnknownCredential?.({ rpId, credentialId });
}

function signalling(): { signalUnknownCredential?: (o: { rpId: string; credentialId: string }) => Promise<void> } {
  return PublicKeyCredential as never;
}
