/**
 * What the browser is told of passkeys (Web Authentication Level 3, Section
 * 5.1.10, Signal API), so that it offers those that work and no others. If this
 * file is wrong, a browser hides a passkey that somebody needs.
 */
import type { Accepted } from "./page";

interface Signals {
  signalUnknownCredential?(options: { rpId: string; credentialId: string }): Promise<void>;
  signalAllAcceptedCredentials?(options: { rpId: string } & Accepted): Promise<void>;
}

/** How long a page waits for the browser before it goes on. */
const patience = 300;

/** Nobody with this RP ID knows the passkey: the browser stops offering it. */
export async function forget(rpId: string, credentialId: string): Promise<void> {
  await settled(signals().signalUnknownCredential?.({ rpId, credentialId }));
}

/** These are all passkeys of the person: the browser stops offering others of theirs, and offers these again. */
export async function keep(rpId: string, accepted: Accepted): Promise<void> {
  await settled(signals().signalAllAcceptedCredentials?.({ rpId, ...accepted }));
}

function signals(): Signals {
  return PublicKeyCredential as never;
}

/** A signal is a kindness: that it fails, or takes long, keeps nobody from going on. */
async function settled(signal: Promise<void> | undefined): Promise<void> {
  const enough = new Promise<void>((resolve) => setTimeout(resolve, patience));
  await Promise.race([Promise.resolve(signal).catch(() => undefined), enough]);
}
