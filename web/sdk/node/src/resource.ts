/** The words of an API that takes access tokens. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Action } from "./action.js";
import type { Approval } from "./approval.js";
import type { Credentials } from "./auth.js";
import type { Fetch } from "./http.js";
import type { ResourceMetadata } from "./metadata.js";
import type { Presented } from "./request.js";
import type { Token } from "./token.js";

/** Is told when keys and feed are lost and found; console is one. */
export interface Logger {
  warn(message: string): void;
  info(message: string): void;
}

/** Which API takes whose tokens. Credentials, or `unrevocable`, are required beside issuer and resource. */
export interface ResourceServerConfig extends Partial<Credentials> {
  /** The realm's issuer, byte for byte as its discovery document names it. Plain http is accepted on loopback alone. */
  readonly issuer: string;
  /** The identifier under which the realm knows the API: the audience of its tokens (RFC 8707). */
  readonly resource: string;
  /** Does without credentials: signatures and times alone decide, and a revoked token is taken until it expires. */
  readonly unrevocable?: boolean;
  /** Of tokens. Absent: ES256, EdDSA, Ed25519, PS256 and RS256. The key says which of them it is for, never the token. */
  readonly algorithms?: readonly string[];
  /** For how many seconds the revocation feed may be silent before it counts as lost, at least 2. Absent: 30. */
  readonly maxStale?: number;
  /** What happens to tokens then: each is introspected, or all are refused with 503. Absent: introspect. */
  readonly lost?: "introspect" | "refuse";
  /**
   * The format in which the realm gives tokens for this API, where it is fixed: with "jwt" opaque ones are refused without
   * asking the issuer. Absent: both are taken.
   */
  readonly tokenFormat?: "jwt";
  /**
   * Scopes of this API that need no approval here although the issuer's metadata name them among those that need one:
   * another API of the realm has scopes of these names that do.
   */
  readonly ordinaryScopes?: readonly string[];
  /** By how many seconds clocks may differ, at most 60. Absent: 5. */
  readonly leeway?: number;
  /** Scheme and host under which clients reach the API, for DPoP proofs. Absent: those of `resource`. */
  readonly baseURL?: string;
  /**
   * 32 random bytes or more, the same in all processes of the API: DPoP proofs need a nonce of it (RFC 9449, Section 9).
   * Absent: they need none.
   */
  readonly nonceKey?: Uint8Array;
  /**
   * The client's certificate in DER, where a proxy takes the TLS connections and hands it on. It MUST come from a header
   * that the proxy replaces. Absent: that of the connection.
   */
  readonly certificate?: (request: IncomingMessage) => Uint8Array | undefined;
  /** What clients are told about the API, beside what follows from the rest. */
  readonly metadata?: ResourceMetadata;
  /** The JWKS against which evidence of approvals is verified, as JSON. Absent: it is fetched from the issuer. */
  readonly evidenceKeys?: string;
  /** Absent: console. */
  readonly logger?: Logger;
  /** Carries the requests to the issuer; it must not cut those shorter than 40 seconds. Absent: the global one. */
  readonly fetch?: Fetch;
  /** The clock for tokens and proofs, in milliseconds since 1970. Absent: Date.now. */
  readonly now?: () => number;
}

/** What a request must bring to pass. R is how the framework calls its requests. */
export interface Need<R = IncomingMessage> {
  /**
   * All of them. A token that has the scope of `approval`, and was given for one, needs no others. A scope that needs an
   * approval each time lets nobody pass here without `approval`.
   */
  readonly scopes?: readonly string[];
  /** How the person may have been authenticated; any of them will do (RFC 9470). */
  readonly acr?: readonly string[];
  /** And at most how many seconds ago. */
  readonly maxAge?: number;
  /** Demands that a person approved this very request. */
  readonly approval?: ApprovalNeed<R>;
  /**
   * Takes tokens of approvals also without `approval`, as those of any client: nothing compares what was approved with the
   * request, or uses the approval up. Absent: they are refused there.
   */
  readonly approvalTokens?: boolean;
}

/** Makes each request need a person's yes to exactly what it does. */
export interface ApprovalNeed<R = IncomingMessage> {
  /** Of the approval's token: one that the resource server has as a scope that needs an approval. */
  readonly scope: string;
  /**
   * What the request does, made from the request alone: what is asked, and what was approved, are compared with it.
   * Scope and resource are filled in. Where `person` is absent the client chooses whom it asks, whom the API finds as the
   * subject of the token. What it throws is answered with 400.
   */
  readonly action: (request: R) => Action | Promise<Action>;
}

/** A request that may pass. */
export interface Passed {
  readonly token: Token;
  /** What a person approved, verified and used up; where it was needed. */
  readonly approval?: Approval;
}

export interface ResourceServer {
  /**
   * Verifies a token, alone or with what its binding is checked against: a bound token that comes alone is refused.
   * Throws a Refusal, or the reason of the signal.
   */
  verifyToken(presented: string | Presented, options?: { readonly signal?: AbortSignal }): Promise<Token>;
  /** Decides about a request: for servers other than Express and Fastify. Throws a Refusal. */
  authorize<R extends IncomingMessage>(request: R, need?: Need<R>): Promise<Passed>;
  /** A middleware of Express or Connect. */
  express<R extends IncomingMessage>(
    need?: Need<R>,
  ): (request: R, response: ServerResponse, next: (error?: unknown) => void) => void;
  /** A preHandler hook of Fastify. */
  fastify: FastifyHook;
  /** A plugin of Fastify that serves the metadata. */
  fastifyMetadata(app: FastifyInstance): Promise<void>;
  /** A request handler that serves the metadata (RFC 9728) at `metadata().path`, for Express and node:http. */
  metadata(): MetadataHandler;
  /** Settles when keys and feed are there. Requests before that are answered as when the feed is lost. */
  ready(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Ends what goes on in the background. */
  close(): void;
}

/** Makes hooks; one that needs an approval knows what its requests are. */
export interface FastifyHook {
  (need?: Omit<Need, "approval">): (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  <R extends FastifyRequest>(need: Need<R>): (request: R, reply: FastifyReply) => Promise<void>;
}

/** Of Fastify, what is used. */
export interface FastifyRequest {
  readonly raw: IncomingMessage;
}
export interface FastifyReply {
  code(status: number): FastifyReply;
  headers(values: Record<string, string | string[]>): FastifyReply;
  send(body?: unknown): unknown;
  hijack(): unknown;
  readonly raw: ServerResponse;
}
export interface FastifyInstance {
  route(options: {
    method: string[];
    url: string;
    handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
  }): unknown;
}

export interface MetadataHandler {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Where it is to be served, and where clients look for it. */
  readonly path: string;
  readonly url: string;
}
