/**
 * Assent evidence: who approved exactly what, checked offline. The formats are
 * described in docs/formats.md of the Assent repository.
 */
export { canonical } from "./canonical.js";
export { challenge, comparison, hash } from "./challenge.js";
export type { Input } from "./read.js";
export type {
  Action,
  BindingClaims,
  Decision,
  Evidence,
  Outcome,
  Passkey,
  SealClaims,
  Shown,
  Statement,
} from "./types.js";
export { type Options, softwareAAGUID, type Verification, type Verified, verifyEvidence } from "./verify.js";
