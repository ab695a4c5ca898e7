/** Splits evidence into its members and checks the shape of each. */
import { fromUTF8, utf8 } from "./base64url.js";
import { isObject, type Json, JsonFault, type JsonObject, member, parseJson } from "./json.js";
import * as shape from "./shape.js";
import { minAuthenticatorData } from "./webauthn.js";

/** The first part of the evidence that does not hold. */
export class PartFault extends Error {
  readonly part: string;
  constructor(part: string, reason: string) {
    super(reason);
    this.part = part;
  }
}

/** JSON text, its UTF-8 bytes, or the value that JSON.parse made of it. */
export type Input = string | Uint8Array | object;

const maxText = 1 << 20; // bytes

interface Part {
  readonly name: string;
  readonly shape: shape.Shape;
  readonly optional?: boolean;
}

const outcomes: Json[] = ["approved", "denied", "expired", "withdrawn"];

const passkeyParts: Part[] = [
  { name: "credential_id", shape: shape.bytes(1, shape.limits.credentialID) },
  { name: "public_key", shape: shape.bytes(1, shape.limits.publicKey) },
  { name: "backup_eligible", shape: shape.boolean },
  { name: "backup_state", shape: shape.boolean },
  { name: "aaguid", shape: shape.aaguid },
  { name: "authenticator_data", shape: shape.bytes(minAuthenticatorData, shape.limits.authenticatorData) },
  { name: "client_data_json", shape: shape.bytes(1, shape.limits.clientData) },
  { name: "signature", shape: shape.bytes(1, shape.limits.signature) },
];

const parts: Part[] = [
  { name: "typ", shape: (value) => (value === "assent.evidence.v1" ? undefined : " is not assent.evidence.v1") },
  { name: "outcome", shape: (value) => (outcomes.includes(value) ? undefined : " is not an outcome") },
  { name: "ended_at", shape: shape.seconds },
  { name: "statement", shape: shape.statement },
  { name: "decision", shape: shape.decision, optional: true },
  { name: "passkey", shape: passkeyShape, optional: true },
  { name: "binding", shape: shape.text, optional: true },
  { name: "server", shape: shape.text },
  { name: "log", shape: shape.anyObject, optional: true },
];

/** Reads evidence. Throws a PartFault that names the first part that is not as it must be. */
export function readEvidence(input: Input): JsonObject {
  const value = readInput(input, "evidence");
  if (!isObject(value)) throw new PartFault("evidence", "is not an object");
  checkParts("", parts, value);
  return value;
}

/** Reads a key set as far as JSON goes. Throws a PartFault that names the keys. */
export function readKeySet(input: Input): Json {
  return readInput(input, "keys");
}

function readInput(input: Input, what: "evidence" | "keys"): Json {
  const text = textOf(input);
  if (text === undefined) throw new PartFault(what, "not UTF-8");
  if (utf8(text).length > maxText) throw new PartFault(what, "longer than 1 MB");
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new PartFault(what === "keys" ? what : blamed(error.path), error.message);
  }
}

function textOf(input: Input): string | undefined {
  if (typeof input === "string") return input;
  return input instanceof Uint8Array ? fromUTF8(input) : JSON.stringify(input);
}

/** Names the part to which a fault in the JSON text belongs. */
function blamed(path: string[] = []): string {
  const [first, second] = path;
  if (first === undefined) return "evidence";
  return first === "passkey" && second !== undefined ? nameOf("passkey.", second) : nameOf("", first);
}

/** The member's name, or the part that holds it if its name is not one to repeat in a message. */
function nameOf(prefix: "" | "passkey.", name: string): string {
  if (/^[A-Za-z0-9_]{1,64}$/.test(name)) return prefix + name;
  return prefix === "" ? "evidence" : "passkey";
}

/**
 * Checks that the members are those listed and that each has its shape. The
 * first one listed is checked before unknown ones are named: it tells which
 * format this is.
 */
function checkParts(prefix: "" | "passkey.", listed: Part[], object: JsonObject): void {
  for (const [i, part] of listed.entries()) {
    const value = member(object, part.name);
    if (value === undefined && !part.optional) throw new PartFault(prefix + part.name, "is missing");
    const fault = value === undefined ? undefined : part.shape(value);
    if (fault) throw new PartFault(prefix + part.name, fault.trimStart());
    if (i === 0) checkKnown(prefix, listed, object);
  }
}

function checkKnown(prefix: "" | "passkey.", listed: Part[], object: JsonObject): void {
  const unknown = Object.keys(object)
    .sort()
    .find((name) => !listed.some((part) => part.name === name));
  if (unknown !== undefined)
    throw new PartFault(nameOf(prefix, unknown), `has an unknown member ${JSON.stringify(unknown)}`);
}

function passkeyShape(value: Json): string | undefined {
  if (!isObject(value)) return " is not an object";
  checkParts("passkey.", passkeyParts, value);
  return undefined;
}
