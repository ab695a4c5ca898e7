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

/** What nothing is known of. */
export type Unusable = "token_missing" | "invalid_request";

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
  if (headers.length > 1) return "invalid_request";
  const [, scheme = "", token = ""] = /^([A-Za-z]+) +([A-Za-z0-9\-._~+/]+=*) *$/.exec(headers[0] ?? "") ?? [];
  if (!/^(bearer|dpop)$/i.test(scheme))
    return /^(bearer|dpop)\b/i.test(headers[0] ?? "") ? "invalid_request" : "token_missing";
  // Routers of Express take their part of the path away from url.
  const path = request.originalUrl ?? request.url ?? "/";
  return {
    token,
    scheme,
    method: request.method ?? "",
    url: options.baseURL + (path.startsWith("/") ? path : "/"),
    dpop: valuesOf(request, "dpop"),
    certificate: options.certificate ? options.certificate(request) : peerCertificate(request),
  };
}

function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function peerCertificate({ socket }: IncomingMessage): Uint8Array | undefined {
  const { getPeerCertificate } = socket as { getPeerCertificate?: () => { raw?: Uint8Array } | undefined };
  return getPeerCertificate?.call(socket)?.raw;
}
