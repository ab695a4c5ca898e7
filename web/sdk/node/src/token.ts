/** What an access token says, once it was verified (RFC 9068, Section 2.2). */
import { Fault, refuse } from "./jwt.js";

/** One thing that a token allows (RFC 9396, Section 2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** A verified access token. Times are Unix seconds. */
export interface Token {
  readonly issuer: string;
  /** Who it speaks for: a person, or the client itself. */
  readonly subject: string;
  readonly clientId: string;
  readonly audience: readonly string[];
  readonly scopes: readonly string[];
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Absent where the token hangs under no grant. */
  readonly grantId?: string;
  /** How the person was authenticated, and when; absent where there is none. */
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly authTime?: number;
  readonly roles: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  /** Who acts for the subject (RFC 8693, Section 4.1); absent: itself. */
  readonly act?: Readonly<Record<string, unknown>>;
  /** What it hangs under because it was exchanged: tokens, grants, clients and people. */
  readonly parents: readonly string[];
  /** The approval that it was given for. `statement` is the hash of what the person was shown. */
  readonly approval?: { readonly id: string; readonly statement: string };
  /** What it is bound to: the thumbprint of a DPoP key (RFC 9449) or of a certificate (RFC 8705). */
  readonly bound?: { readonly jkt?: string; readonly x5t?: string };
  /** All claims as they came. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The token itself. It is a secret until it expires. */
  readonly raw: string;
}

/** Whether the token has all of the scopes. */
export function hasScope(token: Token, ...scopes: string[]): boolean {
  return scopes.every((scope) => token.scopes.includes(scope));
}

/** Reads the claims. Throws a Fault for what is missing or of another form. */
export function readToken(raw: string, c: Record<string, unknown>): Token {
  const scope = optional(c, "scope", isString) ?? "";
  const given = {
    grantId: optional(c, "grant_id", isString),
    acr: optional(c, "acr", isString),
    amr: optional(c, "amr", isStrings),
    authTime: optional(c, "auth_time", isSeconds),
    act: optional(c, "act", isObject),
    approval: approvalOf(optional(c, "approval", isObject)),
    bound: boundOf(optional(c, "cnf", isObject)),
  };
  return {
    issuer: needed(c, "iss", isString),
    subject: needed(c, "sub", isString),
    clientId: needed(c, "client_id", isString),
    audience: typeof c.aud === "string" ? [c.aud] : needed(c, "aud", isStrings),
    scopes: scope.split(" ").filter(Boolean),
    jti: needed(c, "jti", isString),
    issuedAt: needed(c, "iat", isSeconds),
    expiresAt: needed(c, "exp", isSeconds),
    roles: optional(c, "roles", isStrings) ?? [],
    details: optional(c, "authorization_details", isDetails) ?? [],
    parents: optional(c, "parents", isStrings) ?? [],
    ...present(given),
    claims: c,
    raw,
  };
}

type Check<T> = (value: unknown) => value is T;

const isString: Check<string> = (value): value is string => typeof value === "string" && value !== "";
const isStrings: Check<string[]> = (value): value is string[] => Array.isArray(value) && value.every(isString);
const isSeconds: Check<number> = (value): value is number => typeof value === "number" && Number.isFinite(value);
const isObject: Check<Record<string, unknown>> = (value): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isDetails: Check<AuthorizationDetail[]> = (value): value is AuthorizationDetail[] =>
  Array.isArray(value) && value.every((each) => isObject(each) && isString(each.type));

function needed<T>(claims: Record<string, unknown>, name: string, check: Check<T>): T {
  const value = claims[name];
  if (check(value)) return value;
  throw new Fault(`${name} is missing or of another form`);
}

function optional<T>(claims: Record<string, unknown>, name: string, check: Check<T>): T | undefined {
  return claims[name] === undefined || claims[name] === "" ? undefined : needed(claims, name, check);
}

function approvalOf(claim: Record<string, unknown> | undefined): Token["approval"] {
  return claim && { id: needed(claim, "id", isString), statement: needed(claim, "statement", isString) };
}

/** A token that is bound to something that we cannot check is of no use (RFC 7800, Section 3.1). */
function boundOf(cnf: Record<string, unknown> | undefined): Token["bound"] {
  if (!cnf) return undefined;
  const bound = present({ jkt: optional(cnf, "jkt", isString), x5t: optional(cnf, "x5t#S256", isString) });
  refuse(Object.keys(bound).length !== Object.keys(cnf).length, "it is bound in a way that is not known here");
  return bound;
}

/** Without what is undefined. */
function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
