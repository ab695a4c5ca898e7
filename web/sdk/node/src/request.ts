/** What a request brings, however the server that took it is made. */
import type { IncomingMessage } from "node:http";

/** A token with what its binding is checked against. */
export interface Presented {
  readonly token: string;
  /** As in the Authorization header; case means nothing. Absent: Bearer. */
  readonly scheme?: string;
  readonly method?: string;
  /** The whole URL, as the client called it. */
  readonly url?: string;
  /** The values of all DPoP headers. */
  readonly dpop?: string | readonly string[];
  /** The client's certificate, in DER. */
  readonly certificate?: Uint8Array | undefined;
}

/** Why nothing can be known of a request. */
export type Unusable = "token_missing" | "malformed_header" | "malformed_target";

/** How a request is read. */
export interface RequestOptions {
  /** Scheme and host under which clients reach the API. */
  readonly baseURL: string;
  /** The client's certificate, in DER, where something before this process takes TLS connections. */
  readonly certificate?: ((request: IncomingMessage) => Uint8Array | undefined) | undefined;
}

/**
 * Reads the token of a request. It is taken from the header alone (RFC 6750, Section 2.1; OAuth 2.1, Section 5.1.1). The
 * URL is made of what clients know the API by, and not of the Host header, which the caller chooses.
 */
export function readRequest(
  request: IncomingMessage & { originalUrl?: string },
  options: RequestOptions,
): Presented | Unusable {
  // Node.js would keep the first of several.
  const headers = valuesOf(request, "authorization");
  if (headers.length > 1) return "malformed_header";
  const [, scheme = "", token = ""] = /^([A-Za-z]+) +([A-Za-z0-9\-._~+/]+=*) *$/.exec(headers[0] ?? "") ?? [];
  if (!/^(bearer|dpop)$/i.test(scheme))
    return /^(bearer|dpop)\b/i.test(headers[0] ?? "") ? "malformed_header" : "token_missing";
  // Routers of Express take their part of the path away from url.
  const path = pathOf(request.originalUrl ?? request.url ?? "/");
  if (path === undefined) return "malformed_target";
  return {
    token,
    scheme,
    method: request.method ?? "",
    url: options.baseURL + path,
    dpop: valuesOf(request, "dpop"),
    certificate: options.certificate ? options.certificate(request) : peerCertificate(request),
  };
}

/**
 * The path of a request's target in origin-form or absolute-form (RFC 9112, Section 3.2): servers route by it in both.
 * Undefined for other forms, and for a path that URL would read as another one than they do.
 */
function pathOf(target: string): string | undefined {
  const [, path = ""] = /^(?:https?:\/\/[^/?#\\]+)?([^?#]*)/i.exec(target) ?? [];
  const odd = /[\\#]/.test(target) || path.split("/").some((part) => /^(\.|%2e){1,2}$/i.test(part));
  if (odd) return undefined;
  if (target.startsWith("/")) return path;
  return path !== target && URL.canParse(target) ? path || "/" : undefined;
}

function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function peerCertificate({ socket }: IncomingMessage): Uint8Array | undefined {
  const { getPeerCertificate } = socket as { getPeerCertificate?: () => { raw?: Uint8Array } | undefined };
  return getPeerCertificate?.call(socket)?.raw;
}
