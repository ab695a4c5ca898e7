/** Holds a token to the key or the certificate that it is bound to. If this file is wrong, a stolen token is of use. */
import { createProofs, sha256 } from "./dpop.js";
import { Fault, refuse } from "./jwt.js";
import type { Presented } from "./request.js";
import type { Token } from "./token.js";

/** What is wrong with a proof, which has a code of its own (RFC 9449, Section 7.1). */
export class ProofFault extends Fault {}

/** A token that has to come with a proof, and did not. */
export class ProofMissing extends Fault {}

/** What this API demands of proofs. */
export interface BindingOptions {
  readonly now: () => number;
  readonly nonceKey?: Uint8Array | undefined;
  /** Takes no other tokens than those that are bound by DPoP. */
  readonly dpopRequired: boolean;
}

/** Throws a Fault for a token that did not come with what it is bound to. */
export type CheckBinding = (token: Token, presented: Presented, scheme: "Bearer" | "DPoP") => Promise<void>;

export function createBinding({ now, nonceKey, dpopRequired }: BindingOptions): CheckBinding {
  const proofs = createProofs(now, nonceKey);
  return async ({ bound, raw }, { method = "", url = "", dpop = [], certificate }, scheme) => {
    if (bound?.x5t) {
      // RFC 8705, Section 3
      if (!certificate) throw new Fault("it is bound to a certificate, which did not come with it");
      refuse(sha256(certificate) !== bound.x5t, "it is bound to another certificate");
    }
    if (!bound?.jkt) {
      refuse(scheme === "DPoP", "it is bound to no key");
      if (dpopRequired) throw new ProofMissing("it is bound to no key");
      return;
    }
    // RFC 9449, Section 7.2: otherwise whoever stole it could use it as a bearer token.
    if (scheme !== "DPoP") throw new ProofMissing("it is bound to a key, and has to come with a proof");
    const headers = typeof dpop === "string" ? [dpop] : dpop;
    await proofs.check(headers, { method, url, token: raw, jkt: bound.jkt }).catch((error) => {
      throw error instanceof Fault ? new ProofFault(error.message) : error;
    });
  };
}
