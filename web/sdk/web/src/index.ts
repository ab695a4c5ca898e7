/**
 * Sign in with a passkey inside your own page, and bind passkeys there. Call
 * `initialize` once; everything else then talks to that one issuer.
 */
import {
  type Authenticated,
  type AuthenticateOptions,
  type AuthenticationContext,
  type BindOptions,
  type Bound,
  type Client,
  createClient,
  type Options,
} from "./client.js";
import { AssentError } from "./errors.js";
import type { Passkey } from "./records.js";

export type {
  Authenticated,
  AuthenticateOptions,
  AuthenticationContext,
  BindOptions,
  BindStep,
  Bound,
  Client,
  Options,
} from "./client.js";
export { autofillSupported, createClient, supported } from "./client.js";
export { AssentError, type AssentErrorCode, type AssentErrorDetails, isAssentError } from "./errors.js";
export type { Passkey, PasskeyStorage } from "./records.js";

let client: Client | undefined;

/** Sets the package up for one issuer and answers with its client. Throws a TypeError if the issuer is no https address. */
export function initialize(options: Options): Client {
  client = createClient(options);
  return client;
}

/** The passkeys that were bound or used on this origin, the last used first. The person may have others: leave that way open. */
export async function getPasskeys(): Promise<Passkey[]> {
  return current().getPasskeys();
}

/** True if the address is a sign-in request of the initialized issuer. */
export function isAuthenticateUrl(url: string): boolean {
  return current().isAuthenticateUrl(url);
}

/** True if the address is a binding link of the initialized issuer, bare or as it comes to your invoke URL. */
export function isBindPasskeyUrl(url: string): boolean {
  return current().isBindPasskeyUrl(url);
}

/** What a sign-in request is about; `url_not_ours` for any other address. */
export async function getAuthenticationContext(url: string): Promise<AuthenticationContext> {
  return current().getAuthenticationContext(url);
}

/** Signs the person in with a passkey: the one that is named, or the one that they choose. Send the page to `redirectUrl`. */
export async function authenticate(
  url: string,
  passkeyId?: string | null,
  options?: AuthenticateOptions,
): Promise<Authenticated> {
  return current().authenticate(url, passkeyId, options);
}

/** Makes a passkey by a binding link. A person who has passkeys already proves one of them first. */
export async function bindPasskey(url: string, options?: BindOptions): Promise<Bound> {
  return current().bindPasskey(url, options);
}

/**
 * Forgets a passkey on this origin and tells the browser to stop offering it. The server's list is another one: there it is
 * removed on the account page or by the management API.
 */
export async function deletePasskey(id: string): Promise<void> {
  return current().deletePasskey(id);
}

function current(): Client {
  if (!client) throw new AssentError("not_initialized");
  return client;
}
