/** The rules by which a decision answers a statement. */
import { canonical } from "./canonical.js";
import type { Action, Decision, Statement } from "./types.js";

/** By how many seconds clocks may differ. */
export const skew = 60;

/**
 * Tells why the decision does not answer the statement with this hash: it
 * answers another one, came outside of [iat - skew, exp], or grants what was
 * not asked. Returns undefined if it does.
 */
export function decisionFault(d: Decision, s: Statement, statementHash: string): string | undefined {
  const { typ, answer } = d as { typ: string; answer: string };
  if (typ !== "assent.decision.v1") return "typ is not assent.decision.v1";
  if (d.statement !== statementHash) return "statement is not the hash of the statement";
  if (answer !== "approve" && answer !== "deny") return "answer is neither approve nor deny";
  if (d.at < s.iat - skew) return "at is before the statement was made";
  if (d.at > s.exp) return "at is after the statement expired";
  if (answer === "deny") return d.granted === undefined ? undefined : "granted stands in a denial";
  if (d.granted === undefined) return "granted is missing";
  return narrowerFault(d.granted, s.action);
}

/**
 * Tells why granted is not the asked action or less of it. What was asked once
 * can be granted once. Returns undefined if it is.
 */
export function narrowerFault(granted: Action, asked: Action): string | undefined {
  if ((granted.binding_message ?? "") !== (asked.binding_message ?? "")) {
    return "granted.binding_message is not the one asked";
  }
  if (!subset(scopes(granted), scopes(asked))) return "granted.scope has one that was not asked";
  if (!subset(granted.resource ?? [], asked.resource ?? [])) return "granted.resource has one that was not asked";
  const details = (a: Action) => (a.authorization_details ?? []).map(canonical);
  if (!subset(details(granted), details(asked))) return "granted.authorization_details has one that was not asked";
  return undefined;
}

/** Splits a scope (RFC 6749, Section 3.3). */
function scopes(action: Action): string[] {
  return (action.scope ?? "").split(" ").filter((scope) => scope !== "");
}

/** True if every item of have stands in may at least as often. */
function subset(have: string[], may: string[]): boolean {
  const left = [...may];
  return have.every((item) => {
    const at = left.indexOf(item);
    if (at < 0) return false;
    left.splice(at, 1);
    return true;
  });
}
