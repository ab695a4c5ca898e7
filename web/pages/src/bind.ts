/** Create a passkey from an open binding link, then go on to where the link leads. */
import { busy, general, type Problem, post, readCeremony, ready, say, supported, words } from "./page";
import { keep } from "./signal";

interface Ceremony {
  options: PublicKeyCredentialCreationOptionsJSON;
  state: string;
  /** The origin beside this one where the person may go on; absent: none. */
  onward?: string;
}

let ceremony: Ceremony;

/** Makes the form of the binding page work. */
export function startBinding(form: HTMLElement): void {
  if (!supported()) {
    say(words("bind_unsupported"), { bad: true });
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
  const answer = await post(ceremony.state, credential, ceremony.onward);
  if (answer.ok) {
    say(words("bind_done"));
    if (answer.accepted) await keep(ceremony.options.rp.id ?? location.hostname, answer.accepted);
    location.replace(answer.returnTo);
    return;
  }
  say(advice(answer.problem), { bad: true, again: answer.problem.code !== "unreachable" });
}

function advice(problem: Problem): string {
  if (problem.code === "ceremony_expired") return words("bind_waited");
  if (problem.code === "link_used") return words("bind_used");
  return general(problem);
}

function refused(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "InvalidStateError") return words("bind_here");
  if (name === "NotAllowedError") return words("bind_cancelled");
  return words("bind_impossible");
}
