/**
 * Verifies that a person approved exactly one action, and uses the approval up. The Go package sdk/assent is the other
 * implementation of the same, with the same checks in the same order. If this file is wrong, a program acts although
 * nobody agreed.
 */
import { type Verified, verifyEvidence } from "@assent-id/evidence";
import { type Action, demandSame, wireAction } from "./action.js";
import { AssentError, about } from "./errors.js";
import { away, demandOK, type Fetch, get, members, refusalOf, send } from "./http.js";
import { isLoopback } from "./issuer.js";
import { Fault, refuse } from "./jwt.js";
import type { Token } from "./token.js";

/** A person's verified yes to exactly one action. */
export interface Approval {
  readonly id: string;
  /** What was approved. */
  readonly action: Action;
  /** Who, what exactly, when, with which passkey. */
  readonly verified: Verified;
  /** The evidence as JSON; anybody can verify it. */
  readonly evidence: string;
  /** The access token that the approval gave. It is a secret until it expires or the approval is redeemed. */
  readonly token: string;
  readonly tokenExpiresAt: Date;
  /** Absent until then. */
  readonly redeemedAt?: Date;
}

/** Whose approvals are verified. */
export interface Realm {
  readonly issuer: string;
  readonly fetch: Fetch;
  readonly evidenceKeys: EvidenceKeys;
  readonly now: () => number;
}

/** What a token and its evidence must be of. Absent members are not known beforehand. */
export interface Expected {
  readonly action: Action;
  readonly approvalId?: string;
  readonly statementHash?: string;
  readonly clientId?: string;
}

/** Compares a verified token with what is expected, and verifies the evidence of its approval. Throws `invalid`. */
export async function checkApproval(
  realm: Realm,
  token: Token,
  want: Expected,
  signal?: AbortSignal,
): Promise<Approval> {
  try {
    const of = checkToken(token, want);
    const { evidence, verified } = await fetchEvidence(realm, of.id, token.raw, signal);
    checkEvidence(verified, token, want);
    checkAudience(token, verified.statement.action.resource ?? [], realm.issuer);
    // Demos and tests answer with passkeys in software.
    const software = verified.softwarePasskey && !isLoopback(new URL(realm.issuer).hostname);
    refuse(software, "a passkey in software answered, so nothing shows that a person did");
    const { id } = of;
    return {
      id,
      action: want.action,
      verified,
      evidence,
      token: token.raw,
      tokenExpiresAt: new Date(token.expiresAt * 1000),
    };
  } catch (error) {
    throw about(token.approval?.id ?? "", error instanceof Fault ? new AssentError("invalid", error.message) : error);
  }
}

function checkToken(token: Token, want: Expected): { id: string } {
  const { approval } = token;
  if (!approval) throw new Fault("token: it is not the token of an approval");
  const other = (is: string, expected?: string) => expected !== undefined && expected !== is;
  refuse(other(approval.id, want.approvalId), "token: it belongs to another approval");
  refuse(other(approval.statement, want.statementHash), "token: it belongs to another statement");
  refuse(other(token.clientId, want.clientId), "token: it was given to another client");
  const wire = wireAction(want.action);
  // A token carries no message, and the resource as its audience.
  const got = { ...wire, scope: token.scopes.join(" "), authorization_details: [...token.details] };
  demandSame(got, wire, "token");
  return approval;
}

function checkEvidence(verified: Verified, token: Token, { action }: Expected): void {
  const { statement, decision, passkey, outcome, statementHash } = verified;
  const yes = outcome === "approved" && decision?.granted && passkey;
  if (!yes) throw new Fault("evidence: it is not of a yes");
  refuse(statement.id !== token.approval?.id, "evidence: it is of another approval");
  refuse(statementHash !== token.approval?.statement, "evidence: it is of another statement");
  refuse(statement.client_id !== token.clientId, "evidence: another client asked");
  refuse(statement.sub !== token.subject, "evidence: another person answered");
  const person = action.person ?? "";
  refuse(person.startsWith("idn_") && statement.sub !== person, "evidence: another person was asked");
  const wire = wireAction(action);
  // Where the action names none, it is the application's default, which the token's audience must be.
  const want = wire.resource ? wire : { ...wire, resource: statement.action.resource ?? [] };
  demandSame(statement.action, want, "evidence: another action was asked");
  demandSame(decision.granted ?? {}, want, "evidence: less than the action was approved");
}

/** The token is for the APIs of the statement and no others, and where it names none, for the issuer alone. */
function checkAudience({ audience }: Token, resource: readonly string[], issuer: string): void {
  const wanted = resource.length > 0 ? resource : [issuer];
  for (const each of wanted) refuse(!audience.includes(each), `token: it is not for ${each}`);
  for (const each of audience) refuse(!wanted.includes(each), `token: it is for ${each} as well`);
}

/** Reads the evidence of an approval and verifies it. A key that we do not know yet is looked for once. */
async function fetchEvidence(realm: Realm, id: string, token: string, signal?: AbortSignal) {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await get(realm.fetch, { url: approvalURL(realm, id, "evidence"), headers, signal });
  demandOK(answer, "read the evidence");
  let reason = "";
  for (const fresh of [false, true]) {
    const keys = await realm.evidenceKeys(fresh, signal);
    if (!keys) break;
    const options = { issuer: realm.issuer, at: Math.floor(realm.now() / 1000) };
    const result = await verifyEvidence(answer.body, keys, options);
    if (result.ok) return { evidence: new TextDecoder().decode(answer.body), verified: result.verified };
    reason = `${result.part}: ${result.reason}`;
  }
  throw new Fault(`evidence: ${reason}`);
}

function approvalURL({ issuer }: Realm, id: string, what: string): string {
  return `${issuer}/v1/approvals/${encodeURIComponent(id)}/${what}`;
}

/**
 * Uses the approval up: of all calls, on all machines together, one succeeds. It never tries again once a request may
 * have arrived: a second one would be told that it was used, by us or by a stranger.
 */
export async function redeem(realm: Realm, approval: Approval, signal?: AbortSignal): Promise<Approval> {
  try {
    const url = approvalURL(realm, approval.id, "redeem");
    const headers = { authorization: `Bearer ${approval.token}` };
    const answer = await send(realm.fetch, { method: "POST", url, headers, signal });
    if (away(answer)) throw new AssentError("unreachable", "redeem the approval", { server: refusalOf(answer) });
    if (answer.status === 409)
      throw new AssentError("invalid", "the approval was used before", { server: refusalOf(answer) });
    const { id, redeemed_at } = members(demandOK(answer, "redeem the approval"));
    const at = new Date(typeof redeemed_at === "string" ? redeemed_at : Number.NaN);
    if (id !== approval.id || Number.isNaN(at.getTime())) {
      throw new AssentError("invalid", "redeem the approval: the answer is of another kind");
    }
    return { ...approval, redeemedAt: at };
  } catch (error) {
    throw about(approval.id, error);
  }
}

/** The keys that evidence of the realm was ever signed with, as JSON. With fresh: undefined if there can be no others. */
export type EvidenceKeys = (fresh: boolean, signal?: AbortSignal) => Promise<string | undefined>;

/** Reads them when they are first needed, and again at most every ten seconds when one is missing. */
export function evidenceKeys(url: () => Promise<string>, fetch: Fetch, pinned?: string): EvidenceKeys {
  let text = pinned;
  let read = 0;
  return async (fresh, signal) => {
    if (text !== undefined && !fresh) return text;
    if (pinned !== undefined || (text !== undefined && performance.now() - read < 10_000)) return undefined;
    const answer = demandOK(await get(fetch, { url: await url(), signal }), "read the evidence keys");
    text = new TextDecoder().decode(answer.body);
    read = performance.now();
    return text;
  };
}
