// @ts-check
/** The few calls of the management API that a relying party needs. */
import { authenticate, discover, json } from "./oauth.mjs";

/**
 * @typedef {{ issuer: string, tenantId: string, realmId: string, clientId: string, clientSecret: string }} Management
 * @typedef {{ get: Call, post: Call, put: Call, patch: Call }} Api
 * @typedef {(path: string, body?: object) => Promise<any>} Call
 */

/**
 * Opens the API of a realm with a token that may do what the scope says and no more.
 * @param {Management} management
 * @param {string} scope
 * @returns {Promise<Api>}
 */
export async function open({ issuer, tenantId, realmId, clientId, clientSecret }, scope) {
  const metadata = await discover(issuer);
  const { headers } = authenticate({ clientId, clientSecret, auth: "client_secret_basic" });
  const body = new URLSearchParams({ grant_type: "client_credentials", scope });
  const token = await json(await fetch(metadata.token_endpoint, { method: "POST", headers, body }));
  const base = `${issuer}/v1/tenants/${tenantId}/realms/${realmId}`;
  /** @param {string} method @returns {Call} */
  const call = (method) => async (path, content) => {
    const answer = await fetch(base + path, {
      method,
      headers: { Authorization: `Bearer ${token.access_token}`, "Content-Type": "application/json" },
      ...(content && { body: JSON.stringify(content) }),
    });
    return json(answer);
  };
  return { get: call("GET"), post: call("POST"), put: call("PUT"), patch: call("PATCH") };
}

/**
 * Creates an account: an identity, and a link by which its first passkey is bound.
 * @param {Api} api
 * @param {{ name: string, username: string, email: string }} person
 * @param {string} config authenticator config whose page binds the passkey
 * @returns {Promise<string>} the link, for the person's own browser
 */
export async function createAccount(api, { name, username, email }, config) {
  const traits = { type: "traits_v0", username, ...(email && { primary_email_address: email }) };
  const { identity } = await api.post("/identities", { identity: { display_name: name, traits } });
  const path = `/identities/${identity.id}/credential-binding-jobs`;
  const { credential_binding_link: link } = await api.post(path, {
    job: { delivery_method: "RETURN", authenticator_config_id: config },
  });
  return link;
}
