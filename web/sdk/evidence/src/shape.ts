/**
 * The closed sets of members of the formats. A shape returns undefined if a
 * value is as it must be, else the path to the fault and what it is.
 */
import { decode } from "./base64url.js";
import { isObject, type Json, member } from "./json.js";

export type Shape = (value: Json) => string | undefined;
type Fields = Record<string, Shape>;

/** Demands all required members and no others than the required and the optional ones. */
function object(required: Fields, optional: Fields = {}): Shape {
  const all: Fields = { ...required, ...optional };
  return (value) => {
    if (!isObject(value)) return " is not an object";
    for (const name of Object.keys(value)) {
      const shape = Object.hasOwn(all, name) ? all[name] : undefined;
      if (!shape) return ` has an unknown member ${JSON.stringify(name)}`;
      const fault = shape(member(value, name) as Json);
      if (fault) return `.${name}${fault}`;
    }
    const missing = Object.keys(required).find((name) => !Object.hasOwn(value, name));
    return missing === undefined ? undefined : `.${missing} is missing`;
  };
}

function list(item: Shape): Shape {
  return (value) => {
    if (!Array.isArray(value)) return " is not an array";
    for (const [i, it] of value.entries()) {
      const fault = item(it);
      if (fault) return `[${i}]${fault}`;
    }
    return undefined;
  };
}

function demand(holds: (value: Json) => boolean, fault: string): Shape {
  return (value) => (holds(value) ? undefined : ` ${fault}`);
}

/** Base64url of low to high bytes. */
export function bytes(low: number, high: number): Shape {
  return demand((value) => {
    const decoded = typeof value === "string" ? decode(value) : undefined;
    return decoded !== undefined && decoded.length >= low && decoded.length <= high;
  }, `is not base64url of ${low} to ${high} bytes`);
}

export const anyObject = demand(isObject, "is not an object");
export const text = demand((value) => typeof value === "string", "is not a string");
export const boolean = demand((value) => typeof value === "boolean", "is neither true nor false");
export const seconds = demand(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  "is not a time in whole seconds",
);
export const digest = bytes(32, 32);
export const aaguid = demand(
  (value) => typeof value === "string" && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  "is not a UUID in lower case",
);

/** Sizes in bytes that bound what a verifier reads. */
export const limits = {
  credentialID: 1023, // WebAuthn, Section 4: credential ID
  publicKey: 2048,
  authenticatorData: 4096,
  clientData: 8192,
  signature: 1024,
};

const action = object(
  {},
  { authorization_details: list(anyObject), binding_message: text, resource: list(text), scope: text },
);

export const statement = object(
  {
    typ: text,
    iss: text,
    id: text,
    kind: text,
    sub: text,
    client_id: text,
    client_name: text,
    nonce: text,
    iat: seconds,
    exp: seconds,
    action,
    shown: object(
      { template: text, locale: text, title: text, lines: list(object({ label: text, value: text })) },
      { warnings: list(text) },
    ),
  },
  { agent: object({ id: text, name: text, owner: text }) },
);

export const decision = object({ typ: text, statement: text, answer: text, at: seconds }, { granted: action });

export const seal = object({
  typ: text,
  iss: text,
  id: text,
  outcome: text,
  ended_at: seconds,
  iat: seconds,
  parts: object({ statement: digest }, { decision: digest, passkey: digest, binding: digest }),
});

export const binding = object({
  typ: text,
  iss: text,
  sub: text,
  rp_id: text,
  iat: seconds,
  credential_id: bytes(1, limits.credentialID),
  public_key: bytes(1, limits.publicKey),
  aaguid,
});

export const header = object({ alg: text, kid: text, typ: text });
