/**
 * The decision: what a passkey signs, made here from the statement that this
 * page has shown and from nothing else. If this file is wrong, a person may
 * sign what they have not seen.
 */
import { canonical } from "@assent-id/evidence/canonical";
import { challenge, comparison, hash } from "@assent-id/evidence/challenge";
import { now } from "./clock";
import { visible } from "./visible";
import type { Approval, Decision, Me, Shown, Statement } from "./wire";

/** A statement whose hash was computed here and is what the server named. */
export interface Checked {
  readonly approval: Approval;
  readonly statement: Statement;
  readonly hash: string;
  /** Four digits that the asking side shows as well. */
  readonly comparison: string;
}

/** Why a statement is not put before a person. */
export type Refusal = "fingerprint" | "stranger" | "unreadable";

export type Check = { ok: true; checked: Checked } | { ok: false; refusal: Refusal };

/** Recomputes the hash of the statement and holds it against what the page asked for. */
export async function check(approval: Approval, id: string, me: Me): Promise<Check> {
  const { statement } = approval;
  if (!readable(statement)) return { ok: false, refusal: "unreadable" };
  const computed = await hash(canonical(statement));
  const digits = await comparison(computed);
  if (computed !== approval.statement_hash || digits !== approval.comparison) {
    return { ok: false, refusal: "fingerprint" };
  }
  const mine = statement.sub === me.identity.id && statement.iss === me.realm.issuer;
  if (!mine || statement.id !== id || approval.id !== id) return { ok: false, refusal: "stranger" };
  return { ok: true, checked: { approval, statement: frozen(statement), hash: computed, comparison: digits } };
}

/** The decision on a checked statement, at the server's present second and never after the statement's end. */
export function decisionOn(checked: Checked, answer: "approve" | "deny"): Decision {
  const at = Math.min(Math.floor(now() / 1000), checked.statement.exp);
  const decision: Decision = { typ: "assent.decision.v1", statement: checked.hash, answer, at };
  return answer === "approve" ? { ...decision, granted: checked.statement.action } : decision;
}

/** Asks the passkey to sign a decision: the challenge is SHA-256 of the canonical decision. */
export async function sign(checked: Checked, decision: Decision, signal: AbortSignal): Promise<unknown> {
  const bytes = await challenge(decision);
  const options = { ...checked.approval.passkey_options, challenge: base64url(bytes) };
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey, signal });
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException("no passkey", "NotAllowedError");
  return credential.toJSON();
}

/**
 * True if what stands on the screen is `shown`, all of it, in its order, and
 * nothing else: the elements marked data-shown are read back before signing.
 */
export function standsOnScreen(shown: Shown, screen: ParentNode): boolean {
  const seen = [...screen.querySelectorAll("[data-shown]")].map((element) => element.textContent);
  const meant = [shown.title, ...(shown.warnings ?? []), ...shown.lines.flatMap((line) => [line.label, line.value])];
  return seen.length === meant.length && meant.every((text, index) => visible(text) === seen[index]);
}

/** True if every member that the screen draws is of the kind that it must be. */
function readable(statement: Statement): boolean {
  const { shown } = statement ?? {};
  if (statement?.typ !== "assent.statement.v1" || !shown || !Array.isArray(shown.lines)) return false;
  const names = [statement.client_name, ...(statement.agent ? [statement.agent.name] : [])];
  const lines = shown.lines.flatMap((line) => [line?.label, line?.value]);
  const texts = [shown.title, ...names, ...lines, ...(shown.warnings ?? [])];
  return texts.every((text) => typeof text === "string") && Number.isFinite(statement.exp);
}

/** Nothing may change a statement between showing and signing. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
