/** The browser's part: one passkey question at a time, and its errors by name. */
import { decode } from "./bytes.js";
import { signInChallenge } from "./challenge.js";
import { AssentError, type AssentErrorCode } from "./errors.js";

/** How a passkey is asked for. */
export interface Asking {
  readonly signal?: AbortSignal | undefined;
  /** In the browser's autofill list, in place of a dialog. */
  readonly conditional?: boolean | undefined;
}

/** How long a person has, where the server does not say, in milliseconds (WebAuthn Level 3, Section 15.1). */
const patience = 300_000;

/** What runs now: a page has one ceremony at a time, whichever issuer it is of. */
let running: { quiet: boolean; abort: () => void } | undefined;

/** True if this browser can do what this package needs, in this page. */
export function supported(): boolean {
  const type = globalThis.PublicKeyCredential as typeof PublicKeyCredential | undefined;
  return (
    globalThis.isSecureContext === true &&
    typeof type?.parseRequestOptionsFromJSON === "function" &&
    typeof type.parseCreationOptionsFromJSON === "function"
  );
}

/** True if the browser can offer passkeys in the autofill list of a field. */
export async function autofillSupported(): Promise<boolean> {
  return supported() && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
}

/** Lets a passkey sign the one thing that a sign-in signs. The options' challenge is the server's nonce. */
export async function prove(options: PublicKeyCredentialRequestOptionsJSON, asking: Asking = {}): Promise<unknown> {
  const nonce = decode(options.challenge);
  return ceremony(asking, options.timeout ?? patience, async (signal) => {
    const parsed = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    // Whatever the server asks for, a passkey that does not check its person is not one.
    const publicKey = { ...parsed, challenge: await signInChallenge(nonce), userVerification: "required" as const };
    return navigator.credentials.get({ publicKey, signal, ...(asking.conditional && { mediation: "conditional" }) });
  });
}

/** Lets the device make a passkey. */
export async function create(options: PublicKeyCredentialCreationOptionsJSON, asking: Asking = {}): Promise<unknown> {
  return ceremony(asking, options.timeout ?? patience, (signal) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey, signal });
  });
}

/** Tells the browser that the server does not know a passkey, so that it stops offering it (Signal API). */
export async function signalUnknown(rpId: string, credentialId: string): Promise<void> {
  const type = globalThis.PublicKeyCredential as unknown as Signals | undefined;
  // A signal that a browser does not take changes nothing for anybody.
  await type?.signalUnknownCredential?.({ rpId, credentialId }).catch(() => undefined);
}

interface Signals {
  signalUnknownCredential?(about: { rpId: string; credentialId: string }): Promise<void>;
}

type Ask = (signal: AbortSignal) => Promise<Credential | null>;

async function ceremony(asking: Asking, timeout: number, ask: Ask): Promise<unknown> {
  if (!supported()) throw new AssentError("not_supported");
  if (asking.signal?.aborted) throw new AssentError("aborted");
  const ending = takeOver(asking);
  const started = performance.now();
  try {
    const credential = await ask(ending.signal);
    if (!credential) throw new AssentError("cancelled");
    return (credential as PublicKeyCredential).toJSON();
  } catch (error) {
    if (error instanceof AssentError) throw error;
    if (ending.signal.aborted) throw new AssentError("aborted", { cause: error });
    throw new AssentError(named(error, performance.now() - started >= timeout), { cause: error });
  } finally {
    ending.done();
  }
}

/** Ends the quiet ceremony that waits in a field, as the browser allows one at a time; a dialog is not taken away. */
function takeOver({ signal, conditional }: Asking) {
  if (running && !running.quiet) throw new AssentError("busy");
  running?.abort();
  const control = new AbortController();
  const abort = () => control.abort();
  signal?.addEventListener("abort", abort);
  const mine = { quiet: conditional === true, abort };
  running = mine;
  return {
    signal: control.signal,
    done() {
      signal?.removeEventListener("abort", abort);
      if (running === mine) running = undefined;
    },
  };
}

/** WebAuthn Level 3, Sections 5.1.3 and 5.1.4: the browser says little on purpose. */
function named(error: unknown, late: boolean): AssentErrorCode {
  switch (error instanceof DOMException ? error.name : "") {
    case "InvalidStateError":
      return "passkey_exists";
    case "SecurityError":
      return "origin_not_trusted";
    case "NotAllowedError":
      return late ? "timeout" : "cancelled";
    case "AbortError":
      return "aborted";
    default:
      return "not_supported";
  }
}
