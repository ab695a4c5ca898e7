/**
 * The offline verifier of evidence. docs/formats.md gives the steps and their
 * order; the Go package sdk/evidence is the other implementation of the same
 * and passes the same vectors.
 */
import { type Bytes, concat, decode } from "./base64url.js";
import { canonical } from "./canonical.js";
import { challenge, hash, sha256 } from "./challenge.js";
import { parseCoseKey } from "./cose.js";
import { decisionFault, skew } from "./decision.js";
import { type Json, type JsonObject, member, stringMember } from "./json.js";
import { verifyJws } from "./jws.js";
import { type KeySet, type PublicKey, parseKeys } from "./keys.js";
import { type Input, PartFault, readEvidence, readKeySet } from "./read.js";
import * as shape from "./shape.js";
import type { BindingClaims, Decision, Outcome, Passkey, SealClaims, Statement } from "./types.js";
import { checkAuthenticatorData, checkClientData, flag, isHost } from "./webauthn.js";

/** The AAGUID of the passkey in software that demos and tests use. */
export const softwareAAGUID = "61737365-6e74-7377-8000-736f66747761";

export interface Options {
  /** The one realm whose evidence is accepted. */
  issuer?: string;
  /** The time of the check, in Unix seconds: evidence of what ended more than 60 s later is refused. */
  at?: number;
}

/** Evidence of which every part holds. */
export interface Verified {
  issuer: string;
  statement: Statement;
  statementHash: string;
  outcome: Outcome;
  /** Unix seconds. */
  endedAt: number;
  /** Absent when expired or withdrawn. */
  decision?: Decision;
  /** Absent when nobody signed. */
  passkey?: Passkey;
  /** Unix seconds since when the passkey is the person's; with passkey. */
  boundAt?: number;
  /** True when a program for demos and tests answered, not a person. */
  softwarePasskey: boolean;
}

/**
 * part is the first part that does not hold: the name of a member,
 * "passkey.<member>", "evidence" when the text as a whole cannot be read, or
 * "keys" when the keys cannot.
 */
export type Verification = { ok: true; verified: Verified } | { ok: false; part: string; reason: string };

/** One piece of evidence and what is known of it so far. */
interface State {
  readonly keys: KeySet;
  readonly options: Options;
  readonly evidence: JsonObject;
  seal: SealClaims;
  binding?: BindingClaims;
  readonly verified: Partial<Verified>;
}

/**
 * Checks every part of the evidence against the public keys of the realm that
 * is said to have made it, without network or clock.
 */
export async function verifyEvidence(evidence: Input, jwks: Input, options: Options = {}): Promise<Verification> {
  let part = "keys";
  try {
    const keys = await parseKeys(readKeySet(jwks));
    part = "evidence";
    const state: State = { keys, options, evidence: readEvidence(evidence), seal: noSeal, verified: {} };
    for (const [name, check] of steps) {
      part = name;
      await check(state);
    }
    return { ok: true, verified: state.verified as Verified };
  } catch (error) {
    // Whatever goes wrong is a refusal, never an answer.
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, part: error instanceof PartFault ? error.part : part, reason };
  }
}

/** Refuses the part that the present step checks. */
class Fault extends Error {}

function refuse(condition: boolean, reason: string): void {
  if (condition) throw new Fault(reason);
}

const noSeal = { parts: {} } as SealClaims;

/**
 * The checks in their order. A step relies on those before it and looks at no
 * part that comes later, so that one altered part is named by its own step.
 */
const steps: [part: string, check: (s: State) => Promise<void>][] = [
  ["server", checkServer],
  ["outcome", checkOutcome],
  ["ended_at", checkEndedAt],
  ["statement", checkStatement],
  ["ended_at", checkEndedInTime],
  ["decision", checkDecision],
  ["binding", checkBinding],
  ["passkey", checkPasskey],
  ["log", checkLog],
];

/** Checks the realm's signature and learns from it what all other parts must be. */
async function checkServer(s: State): Promise<void> {
  const payload = await verifyJws(s.keys, stringMember(s.evidence, "server"), "assent-evidence+jwt");
  const fault = shape.seal(payload);
  refuse(fault !== undefined, `seal${fault}`);
  s.seal = payload as unknown as SealClaims;
  refuse(s.seal.typ !== "assent.seal.v1", "seal.typ is not assent.seal.v1");
  const pinned = s.options.issuer ?? "";
  refuse(pinned !== "" && s.seal.iss !== pinned, "seal.iss is not the issuer that was asked for");
  s.verified.issuer = s.seal.iss;
}

async function checkOutcome(s: State): Promise<void> {
  const outcome = stringMember(s.evidence, "outcome") as Outcome;
  refuse(outcome !== s.seal.outcome, "is not what the server sealed");
  s.verified.outcome = outcome;
}

async function checkEndedAt(s: State): Promise<void> {
  const ended = member(s.evidence, "ended_at") as number;
  refuse(ended !== s.seal.ended_at, "is not what the server sealed");
  refuse(s.options.at !== undefined && ended > Math.floor(s.options.at) + skew, "lies in the future");
  s.verified.endedAt = ended;
}

type Sealed = "statement" | "decision" | "passkey" | "binding";

/** Tells why the part is not what the server sealed; undefined if it is, or stands in neither. */
async function sealFault(s: State, part: Sealed): Promise<string | undefined> {
  const value = member(s.evidence, part);
  const want = s.seal.parts[part];
  if (value === undefined) return want === undefined ? undefined : "is missing";
  if (want === undefined) return "was not sealed by the server";
  const content = part === "binding" ? (value as string) : canonical(value);
  return (await hash(content)) === want ? undefined : "is not what the server sealed";
}

async function demandSealed(s: State, part: Sealed): Promise<Json | undefined> {
  const fault = await sealFault(s, part);
  refuse(fault !== undefined, fault ?? "");
  return member(s.evidence, part);
}

async function checkStatement(s: State): Promise<void> {
  const raw = await demandSealed(s, "statement");
  const statement = raw as unknown as Statement;
  const { typ, iss, id, kind, sub, client_id, shown, agent } = statement;
  refuse((typ as string) !== "assent.statement.v1", "typ is not assent.statement.v1");
  const needed = [iss, id, kind, sub, client_id, shown.template, shown.title, agent?.id ?? "-", agent?.owner ?? "-"];
  refuse(needed.includes(""), "a member that must not be empty is");
  refuse(decode(statement.nonce)?.length !== 32, "nonce is not 256 bits in base64url");
  refuse(statement.exp <= statement.iat, "exp is not after iat");
  refuse(iss !== s.seal.iss || id !== s.seal.id, "iss and id are not those of the seal");
  s.verified.statement = statement;
  s.verified.statementHash = await hash(canonical(statement));
}

/** Demands that the approval ended when that outcome was possible. */
async function checkEndedInTime(s: State): Promise<void> {
  const { outcome, statement, endedAt } = s.verified as Verified;
  const answered = outcome === "approved" || outcome === "denied";
  refuse(endedAt < statement.iat - skew, "lies before the statement was made");
  refuse(answered && endedAt > statement.exp + skew, "lies after the statement expired");
  refuse(outcome === "expired" && endedAt < statement.exp - skew, "lies before the statement expired");
}

async function checkDecision(s: State): Promise<void> {
  const raw = await demandSealed(s, "decision");
  const { outcome, statement, statementHash } = s.verified as Verified;
  const want = { approved: "approve", denied: "deny", expired: undefined, withdrawn: undefined }[outcome];
  refuse(raw === undefined && want !== undefined, "is missing");
  refuse(raw !== undefined && want === undefined, `stands in evidence of what has ${outcome}`);
  if (raw === undefined) return;
  const decision = raw as unknown as Decision;
  const fault = decisionFault(decision, statement, statementHash);
  refuse(fault !== undefined, fault ?? "");
  refuse(decision.answer !== want, `answer is ${decision.answer}, the outcome ${outcome}`);
  s.verified.decision = decision;
}

async function checkBinding(s: State): Promise<void> {
  const compact = await demandSealed(s, "binding");
  const needed = s.verified.outcome === "approved" || s.seal.parts.passkey !== undefined;
  refuse(compact === undefined && needed, "is missing");
  refuse(compact !== undefined && !needed, "stands in evidence without a passkey");
  if (compact === undefined) return;
  const payload = await verifyJws(s.keys, compact as string, "assent-binding+jwt");
  const fault = shape.binding(payload);
  refuse(fault !== undefined, `binding${fault}`);
  const binding = payload as unknown as BindingClaims;
  const { statement, decision } = s.verified as Verified;
  refuse(binding.typ !== "assent.binding.v1", "binding.typ is not assent.binding.v1");
  refuse(binding.iss !== statement.iss, "binding.iss is not the statement's");
  refuse(binding.sub !== statement.sub, "binding.sub is not the person of the statement");
  refuse(!isHost(binding.rp_id), "binding.rp_id is not a host name");
  refuse(decision !== undefined && binding.iat > decision.at + skew, "binding.iat is after the decision");
  s.binding = binding;
}

/**
 * Checks the person's signature. When the seal tells that the part was
 * altered, what was altered is named if it can be told for sure, and the whole
 * part if not: never a member that may be untouched.
 */
async function checkPasskey(s: State): Promise<void> {
  const altered = await sealFault(s, "passkey");
  const raw = member(s.evidence, "passkey");
  const { binding } = s;
  if (raw === undefined) {
    refuse(altered !== undefined, altered ?? "");
    refuse(s.verified.outcome === "approved", "is missing");
    return;
  }
  refuse(s.verified.decision === undefined, "stands in evidence without a decision");
  if (!binding) throw new Fault(altered ?? "is not bound");
  const passkey = raw as unknown as Passkey;
  const fault = await passkeyFault(s, passkey, binding).then(
    () => undefined,
    (error: unknown) => error,
  );
  const told = fault instanceof PartFault && fault.part !== "passkey.signature";
  refuse(altered !== undefined && !told, altered ?? "");
  if (fault !== undefined) throw fault;
  s.verified.passkey = passkey;
  s.verified.boundAt = binding.iat;
}

/**
 * Throws a PartFault for the first member that does not fit the binding, the
 * decision or the signature. The backup flags come after the signature, which
 * covers the flags that they repeat.
 */
async function passkeyFault(s: State, p: Passkey, binding: BindingClaims): Promise<void> {
  for (const name of ["credential_id", "public_key", "aaguid"] as const) {
    if (p[name] !== binding[name]) throw new PartFault(`passkey.${name}`, "is not the one bound to the person");
  }
  const [data, client, signature] = [p.authenticator_data, p.client_data_json, p.signature].map(bytesOf) as [
    Bytes,
    Bytes,
    Bytes,
  ];
  const key: PublicKey = await named("passkey.public_key", () => parseCoseKey(bytesOf(p.public_key)));
  const expected = await challenge(member(s.evidence, "decision"));
  await named("passkey.client_data_json", async () => checkClientData(client, expected, binding.rp_id));
  await named("passkey.authenticator_data", () => checkAuthenticatorData(data, binding.rp_id));
  if (!(await key.verify(concat(data, await sha256(client)), signature))) {
    throw new PartFault("passkey.signature", "does not hold");
  }
  const flags = data[32] ?? 0;
  if (p.backup_eligible !== Boolean(flags & flag.BE)) {
    throw new PartFault("passkey.backup_eligible", "is not the flag BE that was signed");
  }
  if (p.backup_state !== Boolean(flags & flag.BS)) {
    throw new PartFault("passkey.backup_state", "is not the flag BS that was signed");
  }
}

function bytesOf(text: string): Bytes {
  return decode(text) as Bytes; // the shape has been checked
}

/** Runs a check and gives its fault the name of a part. */
async function named<T>(part: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw new PartFault(part, error instanceof Error ? error.message : String(error));
  }
}

async function checkLog(s: State): Promise<void> {
  // Nothing is taken on trust: version 1 has no proofs to check yet.
  refuse(Object.hasOwn(s.evidence, "log"), "log proofs cannot be checked by this version");
  s.verified.softwarePasskey = s.verified.passkey?.aaguid === softwareAAGUID;
}
