/** JWTs whose algorithm the key decides, never the header (RFC 8725, Section 3.1). */
import { compactVerify, decodeProtectedHeader } from "jose";
import { type Key, sameAlgorithm } from "./keys.js";

/** What a JWT says of itself before anybody has looked at its signature. */
export interface Header {
  readonly alg: string;
  readonly kid: string;
  /** Without "application/", in lower case. */
  readonly typ: string;
  readonly [name: string]: unknown;
}

/** Why a JWT, or what it says, is not as it must be. The message may be shown to whoever sent it. */
export class Fault extends Error {}

export function refuse(condition: boolean, reason: string): void {
  if (condition) throw new Fault(reason);
}

/** Reads the header; throws a Fault. */
export function peek(compact: string): Header {
  try {
    const header = decodeProtectedHeader(compact);
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    // RFC 7515, Section 4.1.11: extensions that we do not know. We know none.
    if ("crit" in header) throw new Fault("it has extensions that must be understood");
    const typ = text(header.typ)
      .toLowerCase()
      .replace(/^application\//, "");
    return { ...header, alg: text(header.alg), kid: text(header.kid), typ };
  } catch (error) {
    throw error instanceof Fault ? error : new Fault("it is not a JWT");
  }
}

/** Checks the signature and answers with the claims; throws a Fault. */
export async function open(compact: string, header: Header, { alg, key }: Key): Promise<Record<string, unknown>> {
  refuse(!sameAlgorithm(header.alg, alg), "its algorithm is not that of its key");
  const payload = await compactVerify(compact, key, { algorithms: [header.alg] }).then(
    (verified) => verified.payload,
    () => undefined,
  );
  refuse(!payload, "the signature does not verify");
  try {
    const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (claims && typeof claims === "object" && !Array.isArray(claims)) return claims as Record<string, unknown>;
  } catch {
    // What is signed may still be no JSON.
  }
  throw new Fault("its claims are no object");
}
