/** Proofs that the caller holds the key of its token (RFC 9449, Section 4.3). */
import { createHash } from "node:crypto";
import { calculateJwkThumbprint, type JWK } from "jose";
import { Fault, open, peek, refuse } from "./jwt.js";
import { algorithms, publicKey } from "./keys.js";
import { makeNonce, openNonce } from "./nonces.js";
import type { Clock } from "./time.js";

/** The request that a proof must be of. */
export interface Proven {
  readonly method: string;
  readonly url: string;
  readonly token: string;
  /** Thumbprint of the key that the token is bound to. */
  readonly jkt: string;
}

/** Limits on `iat`, in milliseconds. */
const past = 60_000;
const ahead = 10_000;
const maxProof = 8 << 10;
const maxJTI = 512;

/** Proofs that cannot be told from those that were used, because there are too many. */
export class ReplaysFull extends Error {}

/** The proof is good but for the nonce that it needs. */
export class NonceNeeded extends Error {
  readonly nonce: string;
  constructor(nonce: string) {
    super("the proof needs the nonce of this answer");
    this.nonce = nonce;
  }
}

/** Checks proofs and remembers those that were used, in this process. */
export interface Proofs {
  /** Throws a Fault for whatever is wrong with the proof, and NonceNeeded. */
  check(headers: readonly string[], request: Proven): Promise<void>;
}

/** How many proofs are remembered: in all, and of one key, so that nobody takes the room of all others. */
export interface ProofLimits {
  readonly all: number;
  readonly perKey: number;
}

const usual: ProofLimits = { all: 200_000, perKey: 5000 };

/** How often what is of no use any more is looked for at most, in milliseconds. */
const sweepEvery = 1000;

export function createProofs(now: Clock, nonceKey?: Uint8Array, limits = usual): Proofs {
  // Of each key, until when its proofs could be used again.
  const used = new Map<string, Map<string, number>>();
  let size = 0;
  let swept = Number.NEGATIVE_INFINITY;

  function sweep(): void {
    if (Math.abs(now() - swept) < sweepEvery) return;
    swept = now();
    size = 0;
    for (const [jkt, proofs] of used) {
      for (const [digest, end] of proofs) if (end <= swept) proofs.delete(digest);
      if (proofs.size === 0) used.delete(jkt);
      size += proofs.size;
    }
  }

  /** Uses a proof up; last of all, so that a bad one leaves nothing behind. */
  function consume(jkt: string, digest: string, until: number): void {
    refuse((used.get(jkt)?.get(digest) ?? 0) > now(), "the proof was used before");
    if (size >= limits.all || (used.get(jkt)?.size ?? 0) >= limits.perKey) sweep();
    const own = used.get(jkt) ?? new Map<string, number>();
    refuse(own.size >= limits.perKey, "too many proofs of this key at once");
    if (size >= limits.all) throw new ReplaysFull("too many proofs at once");
    if (!own.has(digest)) size++;
    used.set(jkt, own.set(digest, until));
  }

  /** Numbers 10 and 11: where nonces are in use they are the clock, else iat is. Answers until when it could be used. */
  function checkTime({ iat, nonce }: Record<string, unknown>): number {
    if (typeof iat !== "number") throw new Fault("iat is missing");
    if (nonceKey) {
      const until = openNonce(nonceKey, nonce, now());
      if (until === undefined) throw new NonceNeeded(makeNonce(nonceKey, now()));
      return until;
    }
    refuse(!(iat * 1000 >= now() - past), "the proof is too old");
    refuse(iat * 1000 > now() + ahead, "the proof is from the future");
    return iat * 1000 + past;
  }

  return {
    async check(headers, request) {
      refuse(headers.length !== 1, "exactly one proof is needed");
      const compact = headers[0] ?? "";
      refuse(compact.length > maxProof, "the proof is too long");
      const { claims, jkt } = await openProof(compact);
      refuse(jkt !== request.jkt, "the proof is by another key than the token's");
      refuse(typeof claims.htm !== "string" || claims.htm !== request.method, "htm is not the method of the request");
      const htu = normal(claims.htu);
      refuse(htu === undefined || htu !== normal(request.url), "htu is not the URL of the request");
      const { jti } = claims;
      if (typeof jti !== "string" || jti === "" || jti.length > maxJTI)
        throw new Fault("jti must have 1 to 512 characters");
      refuse(claims.ath !== sha256(request.token), "ath is not the hash of the token");
      const until = checkTime(claims);
      consume(jkt, sha256([request.method, htu, jti].join("\0")), until + 1);
    },
  };
}

/** Numbers 2 to 7: a JWT of the right type, signed with an asymmetric algorithm by the public key inside. */
async function openProof(compact: string): Promise<{ claims: Record<string, unknown>; jkt: string }> {
  const header = peek(compact);
  refuse(header.typ !== "dpop+jwt", "typ of the proof must be dpop+jwt");
  refuse(!algorithms.includes(header.alg), "the algorithm of the proof is not allowed");
  const jwk = header.jwk as JWK;
  const key = jwk && typeof jwk === "object" ? await publicKey(jwk, header.alg) : undefined;
  if (!key) throw new Fault("the proof holds no public key");
  return { claims: await open(compact, header, key), jkt: await calculateJwkThumbprint(jwk, "sha256") };
}

/** A URL without query and fragment, normalised (RFC 9449, Section 4.3, number 9; RFC 3986, Section 6.2). */
function normal(url: unknown): string | undefined {
  if (typeof url !== "string" || !URL.canParse(url)) return undefined;
  const { origin, pathname, username, password } = new URL(url);
  if (username || password || origin === "null") return undefined;
  return origin + pathname.replace(/%[0-9a-fA-F]{2}/g, normalOctet);
}

/** RFC 3986, Section 6.2.2: unreserved characters are not encoded, the hexadecimal digits of others are upper case. */
function normalOctet(octet: string): string {
  const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : octet.toUpperCase();
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url");
}
