/** What a page does with its issuer. */
import { autofillSupported, create, prove, signalUnknown, supported } from "./ceremony.js";
import { AssentError } from "./errors.js";
import {
  browserStorage,
  fromWire,
  openRecords,
  type Passkey,
  type PasskeyStorage,
  type WirePasskey,
} from "./records.js";
import { issuerOf, readRequest, readToken, type SignInRequest } from "./urls.js";
import { type Call, post } from "./wire.js";

/** How the package is set up. */
export interface Options {
  /** The issuer of your realm, exactly as its discovery document names it. It is the only server that is talked to. */
  issuer: string;
  /** Where the list of passkeys is kept. Default: `localStorage`; `null` keeps nothing. */
  storage?: PasskeyStorage | null;
  /** A `fetch` of your own, for tests or instrumentation. */
  fetch?: typeof fetch;
}

/** What a sign-in request is about. Read, not verified: show it, decide nothing by it. */
export interface AuthenticationContext {
  readonly issuer: string;
  /** The id of the request, for logs. */
  readonly requestId: string;
  /** The application that the person signs in to. */
  readonly application: { readonly id: string; readonly name: string };
  readonly realm: { readonly name: string };
  readonly rpId: string;
  /** The origins that may answer. */
  readonly origins: readonly string[];
  /** When the request ends. */
  readonly expiresAt: Date;
}

/** How `authenticate` asks. */
export interface AuthenticateOptions {
  /** Ends the ceremony; the promise is rejected with `aborted`. */
  signal?: AbortSignal;
  /** `conditional` offers passkeys in the autofill list of a field with `autocomplete="username webauthn"`. */
  mediation?: "optional" | "conditional";
}

/** What a sign-in ends with. */
export interface Authenticated {
  /** Where the page goes next: your redirect URI with `code` and `state`. The package never goes there by itself. */
  readonly redirectUrl: string;
}

/** What comes next in a binding. */
export interface BindStep {
  /** `proof`: the person has passkeys already and uses one of them now. `create`: the new one is made. */
  readonly step: "proof" | "create";
  /** Whose passkey it will be; undefined before the proof. */
  readonly identity: { readonly id: string; readonly displayName: string; readonly username: string } | undefined;
  readonly realm: { readonly name: string } | undefined;
}

/** How `bindPasskey` asks. */
export interface BindOptions {
  /** Ends the ceremony; the promise is rejected with `aborted`. */
  signal?: AbortSignal;
  /** Called before the browser asks. What it returns is awaited: explain, or wait for a click. */
  onStep?: (step: BindStep) => void | Promise<void>;
}

/** What a binding ends with. */
export interface Bound {
  readonly passkey: Passkey;
  /** Where the job wants the person next; undefined where it names nothing. */
  readonly postBindingRedirectUri: string | undefined;
}

/** Everything of this package, for one issuer. */
export interface Client {
  getPasskeys(): Promise<Passkey[]>;
  isAuthenticateUrl(url: string): boolean;
  isBindPasskeyUrl(url: string): boolean;
  getAuthenticationContext(url: string): Promise<AuthenticationContext>;
  authenticate(url: string, passkeyId?: string | null, options?: AuthenticateOptions): Promise<Authenticated>;
  bindPasskey(url: string, options?: BindOptions): Promise<Bound>;
  deletePasskey(id: string): Promise<void>;
}

/** Makes a client; for a page that knows more than one issuer. Others call `initialize`. */
export function createClient(options: Options): Client {
  const issuer = issuerOf(options.issuer);
  const storage = options.storage === undefined ? browserStorage() : (options.storage ?? undefined);
  const records = openRecords(issuer, storage);
  // Looked up at each call, so that what wraps it later is used as well.
  const call = (signal?: AbortSignal): Call => ({
    issuer,
    signal,
    fetch: options.fetch ?? ((...args) => fetch(...args)),
  });
  const forget = async ({ id, rpId, credentialId }: Passkey) => {
    records.forget(id);
    await signalUnknown(rpId, credentialId);
  };

  return {
    getPasskeys: async () => records.list(),
    isAuthenticateUrl: (url) => holds(() => readRequest(url, issuer)),
    isBindPasskeyUrl: (url) => holds(() => readToken(url, issuer)),
    getAuthenticationContext: async (url) => contextOf(readRequest(url, issuer)),

    async authenticate(url, passkeyId, { signal, mediation } = {}) {
      const request = readRequest(url, issuer);
      // The server refuses it anyway. Here the person is not asked in vain.
      if (!request.claims.origins.includes(globalThis.origin)) throw new AssentError("origin_not_trusted");
      const chosen = passkeyId ? records.list().find(({ id }) => id === passkeyId) : undefined;
      if (passkeyId && !chosen) throw new AssentError("passkey_unknown");
      const response = (await prove(requestOptions(request, chosen), {
        signal,
        conditional: mediation === "conditional",
      })) as Assertion;
      const body = { request: request.jwt, response, ...(chosen && { passkey: chosen.id }) };
      const answer = await post<AuthenticateAnswer>(call(signal), "authenticate", body).catch(async (error) => {
        if (error instanceof AssentError && error.code === "passkey_unknown") await unknown(request, response);
        throw error;
      });
      const used = fromWire(answer.passkey) ?? records.list().find(({ credentialId }) => credentialId === response.id);
      if (used) records.keep(used);
      return { redirectUrl: address(answer.redirect_url) };
    },

    async bindPasskey(url, { signal, onStep } = {}) {
      const token = readToken(url, issuer);
      if (!supported()) throw new AssentError("not_supported");
      let answer = await post<BindAnswer>(call(signal), "bind", { token });
      if (answer.proof) {
        await onStep?.(stepOf("proof", answer));
        const response = await prove(answer.proof, { signal });
        answer = await post<BindAnswer>(call(signal), "bind/proof", { state: answer.state, response });
      }
      if (!answer.options) throw new AssentError("server", { cause: "no options" });
      await onStep?.(stepOf("create", answer));
      const response = await create(answer.options, { signal });
      const bound = await post<BoundAnswer>(call(signal), "bind/finish", { state: answer.state, response });
      const passkey = fromWire(bound.passkey);
      if (!passkey) throw new AssentError("server", { cause: "no passkey" });
      records.keep(passkey);
      return {
        passkey,
        postBindingRedirectUri: bound.post_binding_redirect_uri && address(bound.post_binding_redirect_uri),
      };
    },

    async deletePasskey(id) {
      const found = records.list().find((each) => each.id === id);
      if (found) await forget(found);
    },
  };

  /** The server does not know what this device has: neither the list nor the browser shall offer it again. */
  async function unknown({ claims }: SignInRequest, { id: credentialId }: Assertion) {
    const found = records.list().find((each) => each.credentialId === credentialId);
    if (found) records.forget(found.id);
    await signalUnknown(claims.rp_id, credentialId);
  }
}

export { autofillSupported, supported };

interface Assertion {
  id: string;
}

interface AuthenticateAnswer {
  redirect_url: unknown;
  passkey?: WirePasskey;
}

interface BindAnswer {
  state: string;
  options?: PublicKeyCredentialCreationOptionsJSON;
  proof?: PublicKeyCredentialRequestOptionsJSON;
  identity?: { id: string; display_name: string; username?: string };
  realm?: { name: string };
}

interface BoundAnswer {
  passkey?: WirePasskey;
  post_binding_redirect_uri?: string;
}

function requestOptions({ claims }: SignInRequest, chosen: Passkey | undefined): PublicKeyCredentialRequestOptionsJSON {
  const allowed = chosen && { allowCredentials: [{ type: "public-key" as const, id: chosen.credentialId }] };
  return { challenge: claims.nonce, rpId: claims.rp_id, ...allowed };
}

function contextOf({ claims }: SignInRequest): AuthenticationContext {
  const { id, name } = claims.client;
  return {
    issuer: claims.iss,
    requestId: claims.jti,
    application: { id, name },
    realm: { name: claims.realm.name },
    rpId: claims.rp_id,
    origins: [...claims.origins],
    expiresAt: new Date(claims.exp * 1000),
  };
}

function stepOf(step: BindStep["step"], { identity, realm }: BindAnswer): BindStep {
  const whose = identity && { id: identity.id, displayName: identity.display_name, username: identity.username ?? "" };
  return { step, identity: whose, realm: realm && { name: realm.name } };
}

/** An address that the server answered, as it is: nothing that runs as script in the page that goes there. */
function address(value: unknown): string {
  const scheme = typeof value === "string" ? URL.canParse(value) && new URL(value).protocol : "";
  if (!scheme || /^(javascript|data|blob|vbscript):$/.test(scheme))
    throw new AssentError("server", { cause: "no address" });
  return value as string;
}

function holds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
