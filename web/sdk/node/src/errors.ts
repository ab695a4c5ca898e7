/** Everything that can go wrong, as two kinds of error: how asking ended, and why a request may not pass. */

/**
 * How an approval, or a call to the issuer, ended without what was wanted. `denied`: the person said no, or the request
 * was withdrawn. `expired`: nobody answered in time. `unreachable`: the issuer could not be asked. `invalid`: it refused,
 * or what it answered does not prove what it must.
 */
export type AssentErrorKind = "denied" | "expired" | "unreachable" | "invalid";

/** A refusal by the issuer: an OAuth error (RFC 6749, Section 5.2) or a problem document (RFC 9457). */
export interface ServerRefusal {
  /** HTTP status. */
  readonly status: number;
  /** Such as "invalid_client"; empty if the body named none. */
  readonly code: string;
  readonly description: string;
}

/** What an AssentError may carry beside its kind. */
export interface AssentErrorDetails {
  readonly approvalId?: string | undefined;
  readonly server?: ServerRefusal | undefined;
  readonly cause?: unknown;
}

/** The error of everything that a client does. Switch over `kind`; `message` holds no secret. */
export class AssentError extends Error {
  override readonly name = "AssentError";
  readonly kind: AssentErrorKind;
  /** Empty before the issuer has given one. */
  readonly approvalId: string;
  /** What the issuer answered, if that is why. */
  readonly server: ServerRefusal | undefined;

  constructor(kind: AssentErrorKind, reason = "", details: AssentErrorDetails = {}) {
    const said = details.server && (details.server.code || `HTTP status ${details.server.status}`);
    const text = [kind, reason, said, details.server?.description].filter(Boolean).join(": ");
    super(text, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.approvalId = details.approvalId ?? "";
    this.server = details.server;
  }
}

/** True for an error of this package, also where it was installed twice. */
export function isAssentError(error: unknown): error is AssentError {
  return error instanceof Error && error.name === "AssentError";
}

/** Notes which approval an error is about. */
export function about(approvalId: string, error: unknown): unknown {
  if (!isAssentError(error) || error.approvalId) return error;
  const { kind, server, cause } = error;
  const renamed = new AssentError(kind, "", { approvalId, server, cause });
  renamed.message = error.message;
  return renamed;
}

/**
 * Why a request may not pass: the codes of RFC 6750, Section 3.1, RFC 9449, Section 7.1, RFC 9470, Section 3, and of a
 * missing approval. `token_missing`: it brought none, and the answer says no code. `temporarily_unavailable`: nothing is
 * wrong with the token as far as is known, but it cannot be verified now.
 */
export type RefusalCode =
  | "token_missing"
  | "invalid_request"
  | "invalid_token"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "insufficient_scope"
  | "insufficient_user_authentication"
  | "insufficient_authorization_details"
  | "temporarily_unavailable";

/** What a client may be told, beside the code. */
export interface RefusalDetails {
  readonly scheme?: "Bearer" | "DPoP";
  /** In the characters that RFC 6750, Section 3, allows. */
  readonly description?: string;
  /** Further parameters of the challenge, in their order. */
  readonly params?: Readonly<Record<string, string>>;
  /** What the next DPoP proof must hold (RFC 9449, Section 9). */
  readonly nonce?: string;
  /** Further members of the body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Other ways to come than by the scheme, each with its parameters. */
  readonly others?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** For the log alone. */
  readonly cause?: unknown;
}

/** The answer to a request that may not pass, ready to be sent. */
export class Refusal extends Error {
  override readonly name = "AssentRefusal";
  readonly code: RefusalCode;
  /** 400, 401, 403 or 503. */
  readonly status: number;
  readonly description: string;
  /** All headers of the answer, WWW-Authenticate among them; names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The body, to be sent as JSON. */
  readonly body: Readonly<Record<string, unknown>>;

  /** metadataUrl is where the metadata of the API are (RFC 9728, Section 5.1). */
  constructor(code: RefusalCode, metadataUrl: string, details: RefusalDetails = {}) {
    super(details.description ? `${code}: ${details.description}` : code, causeOf(details.cause));
    this.code = code;
    this.status = statuses[code];
    this.description = details.description ?? "";
    const said = code === "token_missing" ? {} : { error: code };
    this.body = { ...said, ...(details.description && { error_description: details.description }), ...details.body };
    const nonce = details.nonce ? { "dpop-nonce": details.nonce } : {};
    this.headers = { ...common, ...challenge(code, metadataUrl, details), ...nonce };
  }
}

const statuses: Record<RefusalCode, number> = {
  token_missing: 401,
  invalid_request: 400,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  insufficient_authorization_details: 403,
  temporarily_unavailable: 503,
};

/** So that scripts of any origin can read why they were refused. */
const common = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "WWW-Authenticate, DPoP-Nonce",
  "cache-control": "no-store",
  "content-type": "application/json",
};

function causeOf(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause };
}

function challenge(code: RefusalCode, metadataUrl: string, details: RefusalDetails): Record<string, string | string[]> {
  if (code === "temporarily_unavailable") return { "retry-after": "1" };
  const { scheme = "Bearer", description = "", params = {}, others = {} } = details;
  const said = code === "token_missing" ? {} : { error: code, error_description: description };
  const first = written(scheme, { ...said, ...params, resource_metadata: metadataUrl });
  const more = Object.entries(others).map(([name, values]) =>
    written(name, { ...values, resource_metadata: metadataUrl }),
  );
  return { "www-authenticate": more.length > 0 ? [first, ...more] : first };
}

function written(scheme: string, params: Record<string, string>): string {
  const listed = Object.entries(params)
    .map(([name, value]) => [name, quotable(value)] as const)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}="${value}"`);
  return `${scheme} ${listed.join(", ")}`;
}

/** RFC 6750, Section 3: %x20-21 / %x23-5B / %x5D-7E; what a quoted value cannot hold is left out. */
function quotable(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "");
}

/** True for a refusal of this package, also where it was installed twice. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && error.name === "AssentRefusal";
}
