/** A person with a passkey in software, and the approvals that an issuer of the tests keeps. */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { canonical } from "@assent-id/evidence/canonical";
import { CompactSign } from "jose";
import { resource } from "./issuer.mjs";

const hash = (data) => createHash("sha256").update(data).digest();
const encoded = (data) => hash(data).toString("base64url");
const base64 = (bytes) => Buffer.from(bytes).toString("base64url");

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { x, y } = publicKey.export({ format: "jwk" });
const coordinates = [x, y].map((text) => Buffer.from(text, "base64url"));
const coseKey = Buffer.concat([
  Buffer.from("a5010203262001215820", "hex"),
  coordinates[0],
  Buffer.from("225820", "hex"),
  coordinates[1],
]);

/** The passkey's signature over a decision (WebAuthn Level 3, Section 7.2). */
function passkeyOver(decision) {
  const clientData = Buffer.from(
    JSON.stringify({
      ...{ type: "webauthn.get", challenge: encoded(canonical(decision)) },
      ...{ origin: "http://localhost:8420", crossOrigin: false },
    }),
  );
  const data = Buffer.concat([hash("localhost"), Buffer.from([0x1d, 0, 0, 0, 1])]);
  const signature = sign("sha256", Buffer.concat([data, hash(clientData)]), privateKey);
  return {
    ...{ credential_id: base64("credential"), public_key: base64(coseKey), backup_eligible: true, backup_state: true },
    ...{ aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", authenticator_data: base64(data) },
    ...{ client_data_json: base64(clientData), signature: base64(signature) },
  };
}

/** What was asked, as a statement; `changes` are members of it. */
export function statementOf(issuer, action, changes = {}) {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...{ typ: "assent.statement.v1", iss: issuer.url, id: "apr_1", kind: "ciba", sub: "idn_1", client_id: "app_1" },
    ...{ client_name: "Shop", action, nonce: base64(randomBytes(32)), iat: now - 10, exp: now + 300 },
    shown: { template: "action.v1", locale: "en", title: action.binding_message, lines: [] },
    ...changes,
  };
}

/** Evidence that the person said yes to a statement. */
export async function approved(issuer, statement, granted = statement.action) {
  const at = statement.iat + 1;
  const compact = (typ, claims) =>
    new CompactSign(Buffer.from(canonical(claims)))
      .setProtectedHeader({ alg: issuer.key.alg, kid: issuer.key.kid, typ })
      .sign(issuer.key.privateKey);
  const decision = {
    typ: "assent.decision.v1",
    statement: encoded(canonical(statement)),
    answer: "approve",
    granted,
    at,
  };
  const passkey = passkeyOver(decision);
  const { credential_id, public_key, aaguid } = passkey;
  const binding = await compact("assent-binding+jwt", {
    ...{ typ: "assent.binding.v1", iss: issuer.url, sub: statement.sub, credential_id, public_key, aaguid },
    ...{ rp_id: "localhost", iat: at - 100 },
  });
  const server = await compact("assent-evidence+jwt", {
    ...{ typ: "assent.seal.v1", iss: issuer.url, id: statement.id, outcome: "approved", ended_at: at + 1, iat: at + 1 },
    parts: {
      ...{ statement: encoded(canonical(statement)), decision: encoded(canonical(decision)) },
      ...{ passkey: encoded(canonical(passkey)), binding: encoded(binding) },
    },
  });
  const evidence = { typ: "assent.evidence.v1", statement, outcome: "approved", ended_at: at + 1, decision, passkey };
  return { ...evidence, binding, server };
}

/** An action as the SDK has it, and the same on the wire. */
export const action = { message: "Pay 20 EUR to Ada", details: { amount: "20 EUR" }, scope: "payments:write" };
export const wire = {
  ...{ binding_message: action.message, scope: action.scope, resource: [resource] },
  authorization_details: [{ type: "assent_action", details: action.details }],
};

/**
 * Lets the issuer keep an approval; answers with the claims of its token. The evidence is of `granted` and `statement`,
 * if those are given.
 */
export async function keepApproval(issuer, { asked = wire, granted, statement: changes } = {}) {
  const statement = statementOf(issuer, asked, changes);
  const evidence = await approved(issuer, statement, granted ?? asked);
  issuer.handlers["/v1/evidence/keys"] = () => ({ body: { keys: [issuer.key.jwk] } });
  issuer.handlers["/v1/approvals/apr_1/evidence"] = () => ({ body: evidence });
  issuer.redeemed = 0;
  issuer.handlers["/v1/approvals/apr_1/redeem"] = () => {
    if (issuer.redeemed++ > 0) return { status: 409, body: { code: "approval_redeemed" } };
    return { body: { id: "apr_1", redeemed_at: new Date().toISOString() } };
  };
  return {
    ...{ scope: asked.scope, aud: asked.resource, authorization_details: asked.authorization_details },
    approval: { id: "apr_1", statement: encoded(canonical(statement)) },
  };
}
