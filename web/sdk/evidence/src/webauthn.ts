/** Checks of Web Authentication Level 3 (https://www.w3.org/TR/webauthn-3/) that do not need the key. */
import { encode, equal, fromUTF8, utf8 } from "./base64url.js";
import { sha256 } from "./challenge.js";
import { type Cursor, isMapNext, left, maxCborDepth, skip, take } from "./cose.js";
import { isObject, member, parseJson, stringMember } from "./json.js";

/** Why an answer of an authenticator was refused. */
export class WebauthnFault extends Error {}

/** Flags of authenticator data (WebAuthn, Section 6.1). */
export const flag = { UP: 1, UV: 4, BE: 8, BS: 16, AT: 64, ED: 128 };

/** rpIdHash, flags and signCount. */
export const minAuthenticatorData = 37;

/** Checks authenticator data; throws if it is not for this RP id, or nobody was verified. */
export async function checkAuthenticatorData(data: Uint8Array, rpID: string): Promise<void> {
  if (data.length < minAuthenticatorData) throw new WebauthnFault("shorter than 37 bytes");
  if (!equal(data.subarray(0, 32), await sha256(utf8(rpID))))
    throw new WebauthnFault("rpIdHash is not that of the RP id");
  const flags = data[32] ?? 0;
  if (!(flags & flag.UP)) throw new WebauthnFault("the flag UP is not set: nobody was present");
  if (!(flags & flag.UV)) throw new WebauthnFault("the flag UV is not set: the person was not verified");
  if (flags & flag.BS && !(flags & flag.BE)) throw new WebauthnFault("the flag BS is set without BE");
  const rest: Cursor = { bytes: data, at: minAuthenticatorData };
  if (flags & flag.AT) skipAttested(rest);
  if (flags & flag.ED) {
    if (!isMapNext(rest)) throw new WebauthnFault("extensions are not a CBOR map");
    skip(rest, maxCborDepth);
  }
  if (left(rest) !== 0) throw new WebauthnFault("bytes after the end");
}

/**
 * Moves over attested credential data (WebAuthn, Section 6.5.1). Assertions
 * should have none; what is there is signed all the same.
 */
function skipAttested(c: Cursor): void {
  const head = take(c, 18); // AAGUID, length of the credential id
  take(c, ((head[16] ?? 0) << 8) | (head[17] ?? 0));
  skip(c, maxCborDepth);
}

/**
 * Checks the client data of an assertion (WebAuthn, Section 7.2, steps 9 to
 * 13). Unknown members are allowed: browsers may add some.
 */
export function checkClientData(data: Uint8Array, challenge: Uint8Array, rpID: string): void {
  const text = fromUTF8(data);
  if (text === undefined) throw new WebauthnFault("not UTF-8");
  const client = parseJson(text);
  if (!isObject(client)) throw new WebauthnFault("not an object");
  if (stringMember(client, "type") !== "webauthn.get") throw new WebauthnFault("type is not webauthn.get");
  if (stringMember(client, "challenge") !== encode(challenge)) {
    throw new WebauthnFault("challenge is not the hash of this decision");
  }
  if (!isOriginOf(stringMember(client, "origin"), rpID)) throw new WebauthnFault("origin is not one of the RP id");
  const embedded = Object.hasOwn(client, "crossOrigin") && member(client, "crossOrigin") !== false;
  if (embedded || Object.hasOwn(client, "topOrigin")) {
    throw new WebauthnFault("the page stood inside a page of another origin");
  }
}

/**
 * True if origin is a web origin whose host is rpID or lies below it. Plain
 * http counts on localhost alone, where browsers allow it.
 */
function isOriginOf(origin: string, rpID: string): boolean {
  const parts = /^(https?):\/\/([^:]*)(?::[0-9]{1,5})?$/.exec(origin);
  const [, scheme = "", host = ""] = parts ?? [];
  if (!isHost(host) || !isHost(rpID)) return false;
  if (scheme !== "https" && host !== "localhost" && !host.endsWith(".localhost")) return false;
  return host === rpID || host.endsWith(`.${rpID}`);
}

/** True for a host name as browsers write it: lower case, labels of letters, digits and hyphens. */
export function isHost(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(text);
}
