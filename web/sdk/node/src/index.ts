/**
 * Assent for Node.js. `createResourceServer` protects an API with access tokens; `createClient` gets tokens, and asks a
 * person before a program acts.
 */
export type { Action } from "./action.js";
export type { Approval } from "./approval.js";
export type { Credentials } from "./auth.js";
export type { AccessToken } from "./cache.js";
export type { Asked } from "./ciba.js";
export {
  type CallOptions,
  type Client,
  type ClientConfig,
  createClient,
  type ExchangeRequest,
  type Introspection,
  type TokenRequest,
} from "./client.js";
export {
  AssentError,
  type AssentErrorKind,
  isAssentError,
  isRefusal,
  Refusal,
  type RefusalCode,
  type ServerRefusal,
} from "./errors.js";
export { approvalOf, refuse, tokenOf } from "./frameworks.js";
export type { ResourceMetadata } from "./metadata.js";
export type { Presented } from "./request.js";
export type {
  ApprovalNeed,
  Logger,
  MetadataHandler,
  Need,
  Passed,
  ResourceServer,
  ResourceServerConfig,
} from "./resource.js";
export { createResourceServer } from "./server.js";
export { type AuthorizationDetail, hasScope, type Token } from "./token.js";
export type { AuthorizedFetchOptions } from "./transport.js";
