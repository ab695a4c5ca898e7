// @ts-check
/**
 * Registers the demo at a realm: two authenticator configs and three
 * applications. Saying it again changes nothing but the secrets.
 *
 *   bin/assent management create --name "Demo shop" --json \
 *     --database data/assent.db --key-file data/dev.key |
 *     node examples/relying-party/setup.mjs
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { open } from "./manage.mjs";
import { random } from "./oauth.mjs";

const { values } = parseArgs({
  options: {
    origin: { type: "string", default: "http://localhost:3000" },
    "rp-id": { type: "string" },
    config: { type: "string", default: join(import.meta.dirname, "config.json") },
    management: { type: "string", default: "/dev/stdin" },
  },
});
const { origin, config: file } = values;

const given = JSON.parse(await readFile(values.management, "utf8"));
const management = {
  ...{ issuer: given.issuer, tenantId: given.tenant_id, realmId: given.realm_id },
  ...{ clientId: given.client_id, clientSecret: given.client_secret },
};
const scopes = ["applications", "authenticator-configs"].flatMap((each) => [
  `${each}:read`,
  `${each}:create`,
  `${each}:update`,
]);
const api = await open(management, scopes.join(" "));

const automatic = await authenticatorConfig("automatic");
const manual = await authenticatorConfig("manual");
const applications = {
  hosted: await application("demo-shop-hosted", { token_endpoint_auth_method: "client_secret_basic" }),
  automatic: await application("demo-shop-automatic", {
    ...{ token_endpoint_auth_method: "client_secret_post", authenticator_config_id: automatic },
  }),
  manual: await application("demo-shop-manual", {
    ...{ token_endpoint_auth_method: "client_secret_basic", authenticator_config_id: manual },
  }),
};
await writeFile(file, `${JSON.stringify({ origin, management, applications, bindingConfig: manual }, null, 2)}\n`, {
  mode: 0o600,
});
console.log(`Registered at ${management.issuer}. Next: node examples/relying-party/server.mjs`);

/**
 * Creates or updates the config of this name; answers with its id.
 * @param {"automatic" | "manual"} invocation
 */
async function authenticatorConfig(invocation) {
  const wanted = {
    ...{ name: `Demo shop, ${invocation}`, type: "embedded", invocation_type: invocation },
    ...{ invoke_url: origin, trusted_origins: [origin], ...(values["rp-id"] && { rp_id: values["rp-id"] }) },
  };
  const { authenticator_configs: known } = await api.get(
    `/authenticator-configs?name=${encodeURIComponent(wanted.name)}`,
  );
  const [found] = known;
  const { type, ...changes } = wanted;
  const { authenticator_config: made } = found
    ? await api.patch(`/authenticator-configs/${found.id}`, { authenticator_config: changes })
    : await api.post("/authenticator-configs", { authenticator_config: { type, ...changes } });
  return made.id;
}

/**
 * Registers an application with a new secret.
 * @param {string} clientId
 * @param {Record<string, string>} settings
 */
async function application(clientId, settings) {
  const clientSecret = random();
  await api.put(`/applications/${clientId}`, {
    application: {
      ...{ display_name: "Harbour Coffee", kind: "web", client_secret: clientSecret, first_party: true },
      ...{ grant_types: ["authorization_code"], scopes: ["openid", "profile", "email"] },
      ...{ redirect_uris: [`${origin}/callback`], post_logout_redirect_uris: [`${origin}/`], ...settings },
    },
  });
  return { clientId, clientSecret, auth: settings.token_endpoint_auth_method };
}
