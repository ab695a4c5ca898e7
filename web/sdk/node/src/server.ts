/** Decides which requests may pass. If this file is wrong, somebody reads or does what is not theirs. */
import type { IncomingMessage } from "node:http";
import { type Action, checkAction, wireDetails } from "./action.js";
import { type Approval, checkApproval, type Realm, redeem } from "./approval.js";
import { createBinding, ProofFault, ProofMissing } from "./binding.js";
import { evidenceOf } from "./client.js";
import { type Complete, complete } from "./config.js";
import { NonceNeeded, ReplaysFull } from "./dpop.js";
import { isAssentError, isRefusal, Refusal, type RefusalCode, type RefusalDetails } from "./errors.js";
import { frameworks, metadataHandler } from "./frameworks.js";
import { discovery, endpoint } from "./issuer.js";
import { Fault, refuse } from "./jwt.js";
import { algorithms, createKeys, KeysUnavailable } from "./keys.js";
import { createLiveness } from "./liveness.js";
import { metadataOf, metadataURL } from "./metadata.js";
import { type Presented, readRequest } from "./request.js";
import type { ApprovalNeed, Need, Passed, ResourceServer, ResourceServerConfig } from "./resource.js";
import { hasScope, type Token } from "./token.js";
import { isJWT, maxToken, type Rules, verifyJWT } from "./verify.js";

/**
 * Makes the part of an API that checks access tokens. It follows the issuer's keys and revocations in the background
 * until it is closed, so that no request waits on the network. Throws a TypeError for a configuration that cannot work.
 */
export function createResourceServer(config: ResourceServerConfig): ResourceServer {
  const own = complete(config);
  const closing = new AbortController();
  const at = metadataURL(own.resource);
  const engine = createEngine(own, closing.signal, at.href);
  const handler = metadataHandler(at, metadataOf(own.resource, own.issuer, own.metadata));
  return {
    verifyToken: (presented, { signal } = {}) =>
      engine.verify(typeof presented === "string" ? { token: presented } : presented, signal),
    ...frameworks(engine.decide, handler),
    ready: ({ signal } = {}) => engine.ready(signal),
    close: () => closing.abort(new DOMException("the resource server was closed", "AbortError")),
  };
}

type Deny = (code: RefusalCode, details?: RefusalDetails) => Refusal;

interface Engine {
  verify(presented: Presented, signal?: AbortSignal): Promise<Token>;
  decide<R>(request: IncomingMessage, as: R, need: Need<R>): Promise<Passed>;
  ready(signal?: AbortSignal): Promise<void>;
}

/** What proofs may be signed with (RFC 9449, Section 7.1). */
const algs = algorithms.join(" ");

const malformed = {
  malformed_header: "the Authorization header is malformed",
  malformed_target: "the request target is malformed",
};

/** How long a token with an unknown key may wait, in milliseconds. */
const keyPatience = 2000;

function createEngine(config: Complete, signal: AbortSignal, metadata: string): Engine {
  const { issuer, fetch, now } = config;
  const find = discovery(issuer, fetch, signal);
  const realm: Realm = { issuer, fetch, now, evidenceKeys: evidenceOf(issuer, find, fetch, config.evidenceKeys) };
  const keys = createKeys({
    ...{ url: async () => endpoint(await find(), "jwks"), fetch, patience: keyPatience, signal },
    beside: find.refresh,
    onChange: tell(config, "the keys"),
  });
  const rules: Rules = { ...config, audience: config.resource };
  const lives = createLiveness({ config, rules, find, signal, onChange: tell(config, "the revocation feed") });
  const dpopRequired = config.metadata?.dpop_bound_access_tokens_required === true;
  const checkBinding = createBinding({ now, nonceKey: config.nonceKey, dpopRequired });
  const deny: Deny = (code, details) => new Refusal(code, metadata, details);
  const warned = new Set<string>();
  keys.follow();

  async function read(raw: string, given?: AbortSignal): Promise<Token> {
    refuse(raw.length > maxToken, "it is too long");
    if (!isJWT(raw)) return lives.opaque(raw, given);
    const token = await verifyJWT(raw, keys, rules, given);
    await lives.demand(token, given);
    return token;
  }

  async function verify(presented: Presented, given?: AbortSignal): Promise<Token> {
    const scheme = presented.scheme?.toLowerCase() === "dpop" ? "DPoP" : "Bearer";
    try {
      const token = await read(presented.token, given);
      await checkBinding(token, presented, scheme);
      return token;
    } catch (error) {
      throw refusalOf(error, deny, scheme);
    }
  }

  async function decide<R>(request: IncomingMessage, as: R, need: Need<R>): Promise<Passed> {
    const scope = (need.scopes ?? []).join(" ");
    const presented = readRequest(request, config);
    if (presented === "token_missing") throw deny(presented, ways(scope, dpopRequired));
    if (typeof presented === "string") throw deny("invalid_request", { description: malformed[presented] });
    const token = await verify(presented);
    const scheme = token.bound?.jkt ? "DPoP" : "Bearer";
    demandApproval(need, scheme);
    const short = shortOf(token, need);
    if (short) throw deny("insufficient_scope", { scheme, description: short, params: { scope } });
    checkPerson(token, need, now() / 1000 - config.leeway, (details) =>
      deny("insufficient_user_authentication", { scheme, ...details }),
    );
    if (!need.approval) return { token };
    return { token, approval: await approve(token, need.approval, as) };
  }

  /** One yes would do for everything that such a scope reaches, as long as the token lives. */
  function demandApproval<R>({ scopes = [], approval }: Need<R>, scheme: "Bearer" | "DPoP"): void {
    const listed = find.known()?.approvalScopes;
    if (!listed) throw deny("temporarily_unavailable");
    const ordinary = config.ordinaryScopes ?? [];
    const scope = approval ? undefined : scopes.find((each) => listed.includes(each) && !ordinary.includes(each));
    if (scope === undefined) return;
    if (!warned.has(scope)) {
      warned.add(scope);
      const why = "needs an approval each time, and a need of this API that lists it has none";
      config.logger.warn(`assent: the scope ${JSON.stringify(scope)} of ${issuer} ${why}: its requests are refused`);
    }
    const description = "this API does not ask for the approval that the scope needs";
    throw deny("insufficient_authorization_details", { scheme, description, params: { scope } });
  }

  async function approve<R>(token: Token, need: ApprovalNeed<R>, request: R): Promise<Approval> {
    const action = await actionOf(need, request, config.resource).catch((error) => {
      const description = error instanceof Error ? error.message : "the request cannot be approved as it is";
      throw deny("invalid_request", { description, cause: error });
    });
    const ask = (why: string, cause?: unknown) =>
      deny("insufficient_authorization_details", challenge(action, why, cause));
    if (!token.approval) throw ask("a person has to approve this");
    try {
      return await redeem(realm, await checkApproval(realm, token, { action }));
    } catch (error) {
      if (isAssentError(error) && error.kind === "unreachable") throw deny("temporarily_unavailable", { cause: error });
      if (isAssentError(error)) throw ask("this is not what was approved, or it was done already", error);
      throw error;
    }
  }

  return {
    verify,
    decide,
    async ready(given) {
      await keys.ready(given);
      await lives.ready(given);
    },
  };
}

/** Notes in the log when something is lost, and when it is back. */
function tell({ logger, issuer }: Complete, what: string): (error?: unknown) => void {
  return (error) => {
    if (error === undefined) logger.info(`assent: ${what} of ${issuer} can be read again`);
    else logger.warn(`assent: ${what} of ${issuer} cannot be read: ${error instanceof Error ? error.message : error}`);
  };
}

/** What a client is told about what went wrong; errors that say nothing about the token stay what they are. */
function refusalOf(error: unknown, deny: Deny, scheme: "Bearer" | "DPoP"): unknown {
  if (error instanceof Fault) {
    const proof = error instanceof ProofFault;
    const needed = proof || scheme === "DPoP" || error instanceof ProofMissing;
    return deny(proof ? "invalid_dpop_proof" : "invalid_token", {
      scheme: needed ? "DPoP" : "Bearer",
      description: proof ? error.message : `the token is not valid: ${error.message}`,
      ...(needed && { params: { algs } }),
    });
  }
  if (error instanceof NonceNeeded) {
    const { message: description, nonce } = error;
    return deny("use_dpop_nonce", { scheme: "DPoP", description, params: { algs }, nonce });
  }
  const unknown = isAssentError(error) || error instanceof KeysUnavailable || error instanceof ReplaysFull;
  return unknown && !isRefusal(error) ? deny("temporarily_unavailable", { cause: error }) : error;
}

/** A request without a token is told every way to bring one. */
function ways(scope: string, dpopRequired: boolean): RefusalDetails {
  const proven = { scope, algs };
  return dpopRequired ? { scheme: "DPoP", params: proven } : { params: { scope }, others: { DPoP: proven } };
}

/** Why a token does not reach as far as it has to; empty if it does. */
function shortOf<R>(token: Token, { scopes = [], approval, approvalTokens }: Need<R>): string {
  // What it has is compared with what was approved, later on.
  if (approval && token.approval && hasScope(token, ...words(approval.scope))) return "";
  if (!hasScope(token, ...scopes)) return "the token does not reach this far";
  if (!token.approval || approval || approvalTokens) return "";
  return "the token is for the one action that was approved";
}

const words = (scope: string) => scope.split(" ").filter(Boolean);

/** RFC 9470, Section 3. */
function checkPerson<R>(token: Token, need: Need<R>, now: number, deny: (details: RefusalDetails) => Refusal): void {
  const { acr, maxAge } = need;
  const weak = acr !== undefined && acr.length > 0 && !acr.includes(token.acr ?? "");
  const old = maxAge !== undefined && !(now - (token.authTime ?? Number.NEGATIVE_INFINITY) <= maxAge);
  if (!weak && !old) return;
  throw deny({
    description: weak ? "the person must be authenticated in another way" : "the person must be authenticated again",
    params: {
      ...(acr?.length && { acr_values: acr.join(" ") }),
      ...(maxAge !== undefined && { max_age: String(maxAge) }),
    },
  });
}

/** What the request does, as it is asked and compared. */
async function actionOf<R>({ scope, action: make }: ApprovalNeed<R>, request: R, resource: string): Promise<Action> {
  const action = { resource: [resource], ...(await make(request)), scope };
  checkAction(action);
  return action;
}

/** Holds what the client has to ask for (draft-zehavi-oauth-rar-metadata). */
function challenge(action: Action, description: string, cause: unknown): RefusalDetails {
  const { scope = "", resource = [], message } = action;
  const details = wireDetails(action);
  return {
    description,
    params: { scope },
    body: {
      scope,
      resource: resource[0],
      binding_message: message,
      ...(details && { authorization_details: details }),
    },
    cause,
  };
}
