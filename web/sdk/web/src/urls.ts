/**
 * Which addresses belong to the initialized issuer. If this file is wrong, a
 * page runs a ceremony for a server that it does not know.
 */
import { decode } from "./bytes.js";
import { AssentError } from "./errors.js";

/** What a sign-in request says. It is read, not verified: the server does that when the answer comes. */
export interface RequestClaims {
  iss: string;
  jti: string;
  nonce: string;
  rp_id: string;
  origins: string[];
  /** Seconds since 1970. */
  exp: number;
  client: { id: string; name: string };
  realm: { name: string };
}

/** A sign-in request out of an address, as it came and as it reads. */
export interface SignInRequest {
  readonly jwt: string;
  readonly claims: RequestClaims;
}

const type = "assent-authenticate+jwt";
/** Longer ones are nobody's. */
const longest = 16_384;

/** The issuer as it is compared: exactly as the server names it, without a slash at its end. */
export function issuerOf(text: string): string {
  const url = parse(text);
  const bare = url && !url.username && !url.password && !url.search && !url.hash;
  if (!bare || (url.protocol !== "https:" && !isLoopback(url)) || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("issuer must be the https address of your Assent realm (http on localhost alone)");
  }
  return url.href.replace(/\/$/, "");
}

/** The request of an authenticate address of this issuer; anything else is `url_not_ours`. */
export function readRequest(text: string, issuer: string): SignInRequest {
  const url = at(text, "assent-authenticate");
  const jwt = url && only(url, "request");
  const claims = jwt ? readClaims(jwt) : undefined;
  if (!jwt || !claims || claims.iss !== issuer) throw new AssentError("url_not_ours");
  return { jwt, claims };
}

/** The token of a binding link of this issuer, bare or within an `assent-bind` address; anything else is `url_not_ours`. */
export function readToken(text: string, issuer: string): string {
  const form = at(text, "assent-bind");
  const link = parse((form && only(form, "link")) || text);
  const ours = link && !link.username && !link.password && link.origin + link.pathname === `${issuer}/bind`;
  const token = ours ? only(link, "token") : undefined;
  if (!token) throw new AssentError("url_not_ours");
  return token;
}

function parse(text: string): URL | undefined {
  if (text.length > longest) return undefined;
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The address, if its path ends in this name. An invoke URL may have any scheme, so the path is read as text. */
function at(text: string, name: string): URL | undefined {
  const url = parse(text);
  return url?.href.split(/[?#]/, 1)[0]?.endsWith(`/${name}`) ? url : undefined;
}

/** The value of a parameter that is there exactly once. */
function only(url: URL, name: string): string | undefined {
  const all = url.searchParams.getAll(name);
  return all.length === 1 ? all[0] : undefined;
}

function readClaims(jwt: string): RequestClaims | undefined {
  const [header, payload, signature, ...more] = jwt.split(".");
  if (!header || !payload || !signature || more.length > 0) return undefined;
  try {
    const claims = json(payload);
    return json(header)?.typ === type && complete(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

function complete(value: unknown): value is RequestClaims {
  const claims = value as RequestClaims | null;
  return (
    typeof claims?.iss === "string" &&
    typeof claims.jti === "string" &&
    typeof claims.nonce === "string" &&
    decode(claims.nonce).length === 32 &&
    typeof claims.rp_id === "string" &&
    Number.isFinite(claims.exp) &&
    Array.isArray(claims.origins) &&
    typeof claims.client?.id === "string" &&
    typeof claims.client.name === "string" &&
    typeof claims.realm?.name === "string"
  );
}

function json(segment: string) {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(decode(segment)));
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
