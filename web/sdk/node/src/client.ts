/** The client of one application: gets tokens, asks the issuer what they mean, and asks people. */
import type { Action } from "./action.js";
import { type Approval, checkApproval, evidenceKeys, type Realm, redeem } from "./approval.js";
import { type Credentials, createAuthenticator } from "./auth.js";
import { type AccessToken, createTokenCache, readAccessToken } from "./cache.js";
import { type Asked, type Post, poll, start, withdraw, withdrawLate } from "./ciba.js";
import { AssentError, about } from "./errors.js";
import { demandOK, type Fetch, members, send } from "./http.js";
import { checkIssuer, type Discovery, discovery, endpoint } from "./issuer.js";
import { Fault } from "./jwt.js";
import { createKeys, KeysUnavailable } from "./keys.js";
import { readToken, type Token } from "./token.js";
import { type AuthorizedFetchOptions, authorizedFetch } from "./transport.js";
import { checkClaims, isJWT, verifyJWT } from "./verify.js";

/** Which application calls, and where. */
export interface ClientConfig extends Credentials {
  /** The realm's issuer, byte for byte as its discovery document names it. Plain http is accepted on loopback alone. */
  readonly issuer: string;
  /** The JWKS against which evidence is verified, as JSON. Absent: it is fetched from the issuer. */
  readonly evidenceKeys?: string;
  /** Told when a person has been asked: the moment to show the comparison number. */
  readonly onAsked?: (asked: Asked) => void;
  /** Carries the requests; it must not cut those shorter than 40 seconds. Absent: the global one. */
  readonly fetch?: Fetch;
  /** The clock, in milliseconds since 1970. Absent: Date.now. */
  readonly now?: () => number;
}

/** Ends a call early; it then throws the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a token is for. */
export interface TokenRequest extends CallOptions {
  /** Separated by spaces. Absent: the application's default. */
  readonly scope?: string;
  /** The APIs that the token is for (RFC 8707). Absent: the application's default. */
  readonly resource?: readonly string[];
}

/** A token in place of another one: for the same subject, and for no more (RFC 8693). */
export interface ExchangeRequest extends TokenRequest {
  readonly subjectToken: string;
  /** Absent: an access token. */
  readonly subjectTokenType?: string;
  /** Who acts for the subject. Absent: the application itself. */
  readonly actorToken?: string;
  readonly actorTokenType?: string;
  /** Names of applications. */
  readonly audience?: readonly string[];
  readonly requestedTokenType?: string;
}

/** An answer to a question about a token (RFC 7662, Section 2.2). */
export interface Introspection {
  readonly active: boolean;
  readonly [claim: string]: unknown;
}

/** Is safe to be used by many callers at once. Every method throws an AssentError, or the reason of its signal. */
export interface Client {
  readonly issuer: string;
  readonly clientId: string;
  /**
   * A token for the application itself (client_credentials). Tokens are kept: each set of scopes and resources is asked
   * for once, by one caller for all, and again in the background before the token ends.
   */
  token(request?: TokenRequest): Promise<AccessToken>;
  /** Drops a token that an API refused, so that `token` gets another one. */
  forget(token: string): void;
  /** What is got is not kept. */
  exchange(request: ExchangeRequest): Promise<AccessToken>;
  /** Asks what a token means. It uses nothing up and is no approval. */
  introspect(token: string, options?: CallOptions): Promise<Introspection>;
  /**
   * Asks the person, waits, verifies and redeems. It returns only if the person's passkey signed exactly this action, the
   * realm vouches for passkey and person, the token belongs to the same approval, and nobody had used it before. If the
   * signal ends first, the question is taken back.
   */
  approve(action: Action, options?: CallOptions): Promise<Approval>;
  /** Asks the person and returns at once. */
  start(action: Action, options?: CallOptions): Promise<Asked>;
  /** Waits until the person has answered, and verifies that, without redeeming: for an API that does so itself. */
  wait(asked: Asked, options?: CallOptions): Promise<Approval>;
  /** Takes a question back. */
  withdraw(asked: Asked, options?: CallOptions): Promise<void>;
  /**
   * A fetch that puts tokens on requests to the APIs of the options, and to no others, and asks a person where such an API
   * wants an approval. Throws a TypeError for options that cannot work.
   */
  fetch(options: AuthorizedFetchOptions): Fetch;
}

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";

/** By how many seconds the issuer's clock may be ahead of ours. */
const skew = 60;

/** Throws a TypeError for a configuration that cannot work. The issuer is not called before it is needed. */
export function createClient(config: ClientConfig): Client {
  const issuer = checkIssuer(config.issuer);
  const now = config.now ?? Date.now;
  // Looked up at each call, so that what wraps it later is used as well.
  const fetch: Fetch = config.fetch ?? ((...args) => globalThis.fetch(...args));
  const authenticate = createAuthenticator(issuer, config, now);
  const find = discovery(issuer, fetch);
  const cache = createTokenCache(now);
  const keys = createKeys({ url: async () => endpoint(await find(), "jwks"), fetch, patience: 15_000 });
  const realm: Realm = { issuer, fetch, now, evidenceKeys: evidenceOf(issuer, find, fetch, config.evidenceKeys) };

  const post: Post & typeof call = call;
  async function call(
    to: "backchannel" | "token" | "revocation" | "introspection",
    form: URLSearchParams,
    { signal, wait }: { readonly signal?: AbortSignal | undefined; readonly wait?: number } = {},
  ) {
    const url = endpoint(await find(signal), to);
    // An assertion is for one attempt alone.
    return send(fetch, { url, ...(await authenticate(form)), signal, ...(wait && { wait }) });
  }

  async function mint(form: URLSearchParams, doing: string, signal?: AbortSignal): Promise<AccessToken> {
    const began = now();
    const answer = demandOK(await post("token", form, { signal }), doing);
    return readAccessToken(answer, began, form.get("scope") ?? "");
  }

  async function introspect(token: string, { signal }: CallOptions = {}): Promise<Introspection> {
    const answer = await post("introspection", new URLSearchParams({ token }), { signal });
    const body = members(demandOK(answer, "the issuer does not answer what the token means"));
    if (typeof body.active === "boolean") return body as Introspection;
    throw new AssentError("invalid", "the answer does not say whether the token is active");
  }

  /** The verified claims of an approval's token, whichever its format. */
  async function read(raw: string, signal?: AbortSignal): Promise<Token> {
    const rules = { issuer, leeway: skew, now };
    if (isJWT(raw)) return verifyJWT(raw, keys, rules, signal);
    const { active, ...claims } = await introspect(raw, { signal });
    if (!active) throw new Fault("it is not active");
    const token = readToken(raw, claims);
    checkClaims(token, rules);
    return token;
  }

  async function wait(asked: Asked, { signal }: CallOptions = {}): Promise<Approval> {
    try {
      const token = await read(await poll(post, asked, signal), signal);
      const { id: approvalId, statementHash, action } = asked;
      return await checkApproval(
        realm,
        token,
        { action, approvalId, statementHash, clientId: config.clientId },
        signal,
      );
    } catch (error) {
      if (error instanceof Fault) throw about(asked.id, new AssentError("invalid", `token: ${error.message}`));
      if (error instanceof KeysUnavailable) {
        throw about(asked.id, new AssentError("unreachable", error.message, { cause: error.cause }));
      }
      throw error;
    }
  }

  /** Asks and waits; whoever gives up takes the question back. */
  async function ask(
    action: Action,
    { signal, onAsked = config.onAsked }: CallOptions & Pick<ClientConfig, "onAsked">,
  ) {
    const asked = await start(post, action, signal);
    try {
      onAsked?.(asked);
      return await wait(asked, { signal });
    } catch (error) {
      if (signal?.aborted) await withdrawLate(post, asked);
      throw error;
    }
  }

  const client: Client = {
    issuer,
    clientId: config.clientId,
    token({ scope = "", resource = [], signal } = {}) {
      const form = new URLSearchParams({ grant_type: "client_credentials" });
      if (scope) form.set("scope", scope);
      for (const each of resource) form.append("resource", each);
      const name = JSON.stringify([scope.split(" ").filter(Boolean).sort(), [...resource].sort()]);
      return cache.get(name, () => mint(form, "the issuer gives no token"), signal);
    },
    forget: (token) => cache.forget(token),
    exchange: (request) => mint(exchangeForm(request), "the issuer does not exchange the token", request.signal),
    introspect,
    async approve(action, { signal } = {}) {
      return redeem(realm, await ask(action, { signal }), signal);
    },
    start: (action, { signal } = {}) => start(post, action, signal),
    wait,
    withdraw: (asked, { signal } = {}) => withdraw(post, asked, signal),
    fetch: (options) => authorizedFetch({ token: (r) => client.token(r), forget: client.forget, ask, fetch }, options),
  };
  return client;
}

function exchangeForm(request: ExchangeRequest): URLSearchParams {
  const { subjectToken, actorToken, scope, requestedTokenType } = request;
  if (!subjectToken) throw new TypeError("subjectToken is missing: what is to be exchanged?");
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: subjectToken,
    subject_token_type: request.subjectTokenType ?? accessTokenType,
    ...(actorToken && { actor_token: actorToken, actor_token_type: request.actorTokenType ?? accessTokenType }),
    ...(scope && { scope }),
    ...(requestedTokenType && { requested_token_type: requestedTokenType }),
  });
  for (const each of request.resource ?? []) form.append("resource", each);
  for (const each of request.audience ?? []) form.append("audience", each);
  return form;
}

/** The evidence keys of an issuer: where it says, or else at their usual place. */
export function evidenceOf(issuer: string, find: Discovery, fetch: Fetch, pinned?: string) {
  return evidenceKeys(async () => (await find()).evidenceKeys || `${issuer}/v1/evidence/keys`, fetch, pinned);
}
