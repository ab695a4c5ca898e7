/** Create a passkey from an open binding link, then go on to the approver. */
import { busy, general, type Problem, post, readCeremony, ready, say, supported } from "./page";

interface Ceremony {
  options: PublicKeyCredentialCreationOptionsJSON;
  state: string;
}

let ceremony: Ceremony;

/** Makes the form of the binding page work. */
export function startBinding(form: HTMLElement): void {
  if (!supported()) {
    say("This browser cannot create passkeys yet. Update it, or open the link on another device.", { bad: true });
    return;
  }
  ceremony = readCeremony();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void bind();
  });
  ready();
}

async function bind(): Promise<void> {
  busy(true);
  say("");
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(ceremony.options);
    const credential = await navigator.credentials.create({ publicKey });
    if (credential instanceof PublicKeyCredential) await finish(credential);
  } catch (error) {
    say(refused(error), { bad: true });
  } finally {
    busy(false);
  }
}

async function finish(credential: PublicKeyCredential): Promise<void> {
  const answer = await post(ceremony.state, credential);
  if (answer.ok) {
    say("Your passkey is ready.");
    location.replace(answer.returnTo);
    return;
  }
  say(words(answer.problem), { bad: true, again: answer.problem.code !== "unreachable" });
}

function words(problem: Problem): string {
  if (problem.code === "ceremony_expired") return "This page has waited too long. No passkey was added.";
  if (problem.code === "link_used") return "This link has been used in the meantime. No second passkey was added.";
  return general(problem);
}

function refused(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "InvalidStateError") return "This device has a passkey for you already. Sign in with it instead.";
  if (name === "NotAllowedError") return "No passkey was created. Try again when you are ready.";
  return "The browser could not create a passkey here. Try again, or open the link on another device.";
}
