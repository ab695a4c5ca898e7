/** Verifies access tokens that are JWTs (RFC 9068, Section 4). */
import { Fault, open, peek, refuse } from "./jwt.js";
import { algorithms, type Keys } from "./keys.js";
import { readToken, type Token } from "./token.js";

/** What a token is held to. */
export interface Rules {
  readonly issuer: string;
  /** Undefined: whoever it is for. */
  readonly audience?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
  /** Seconds by which clocks may differ. */
  readonly leeway: number;
  readonly now: () => number;
}

/** Nothing that is longer is looked at, in characters. */
export const maxToken = 16 << 10;

/** Whether a token is a JWT and not a reference. */
export function isJWT(token: string): boolean {
  return token.split(".").length === 3;
}

/** Whether it can be a reference as the issuer makes them: "at_" and 256 bits, of which base64url has one form. */
export function isOpaque(token: string): boolean {
  return /^at_[\w-]{42}[AEIMQUYcgkosw048]$/.test(token);
}

/** Verifies signature, type, issuer, audience and times. Throws a Fault, KeysUnavailable, or the signal's reason. */
export async function verifyJWT(raw: string, keys: Keys, rules: Rules, signal?: AbortSignal): Promise<Token> {
  refuse(raw.length > maxToken, "it is too long");
  const header = peek(raw);
  // RFC 9068, Section 4: no other JWT of the realm will do.
  refuse(header.typ !== "at+jwt", "its type is not at+jwt");
  refuse(!(rules.algorithms ?? algorithms).includes(header.alg), "its algorithm is not allowed");
  const key = await keys.find(header.kid, signal);
  if (!key) throw new Fault("the issuer has no such key");
  const token = readToken(raw, await open(raw, header, key));
  checkClaims(token, rules);
  return token;
}

/** What holds for an introspected token as well. */
export function checkClaims(token: Token, { issuer, audience, leeway, now }: Rules): void {
  refuse(token.issuer !== issuer, "it is of another issuer");
  refuse(
    audience !== undefined && !token.audience.some((each) => sameResource(each, audience)),
    "it is for another API",
  );
  const at = now() / 1000;
  refuse(at >= token.expiresAt + leeway, "it has expired");
  refuse(token.issuedAt > at + leeway, "it is from the future");
  const { nbf } = token.claims;
  refuse(nbf !== undefined && !(typeof nbf === "number" && nbf <= at + leeway), "it is not valid yet");
}

/** An identifier that is an origin alone is the same with and without its slash (RFC 3986, Section 6.2.3). */
function sameResource(a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/^([a-z]+:\/\/[^/?]+)\/$/, "$1");
  return a === b || plain(a) === plain(b);
}
