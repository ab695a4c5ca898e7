import { createHash } from "node:crypto";
import { expect, type Page, test } from "@playwright/test";
import { newPerson } from "../support/person.ts";
import { type Answer, type SecureWorld, startSecureWorld } from "../support/secure.ts";

const shop = "https://shop.other.test";
const app = "https://app.example.test";
const stranger = "https://stranger.test";

let world: SecureWorld;

test.beforeAll(async () => {
  world = await startSecureWorld([shop, app, stranger].map((origin) => new URL(origin).hostname));
});
test.afterAll(() => world.stop());

/** What a page of the realm gives its script. */
interface Ceremony {
  options: { challenge: string; rpId?: string };
  state: string;
}

interface Asked {
  kind: "create" | "get";
  options: object;
}

// The browser itself fetches the list of origins from the relying party's host before it lets another site use a passkey.
// Requirement: passkeys-related-origins
test("a site that the realm names uses the realm's passkeys, and one that it does not is refused by the browser", async () => {
  await world.manage("PATCH", "/policy", { policy: { related_origins: [shop] } });
  const page = await newPage();
  const binding = await bindingOf(page, "alex");
  expect(await ceremonyAt(page, stranger, { kind: "create", options: binding.options })).toMatchObject({
    error: expect.stringMatching(/^SecurityError: .*no listed origin matched the caller/),
  });
  const made = await ceremonyAt(page, shop, { kind: "create", options: binding.options });
  expect(originOf(made)).toBe(shop);
  expect(await answer(page, "/bind", { state: binding.state, response: made })).toMatchObject({ status: 200 });
  await page.context().clearCookies();

  const signin = await signinOf(page);
  const { error } = await ceremonyAt(page, stranger, { kind: "get", options: signin.options });
  expect(error).toContain("SecurityError");
  const signed = await ceremonyAt(page, shop, { kind: "get", options: signin.options });
  expect(originOf(signed)).toBe(shop);
  expect(await answer(page, "/signin", { state: signin.state, response: signed })).toMatchObject({ status: 200 });
  expect(await who(page)).toBe("alex");
  await page.context().close();
});

// Requirement: passkeys-shared-rp
test("sites of one domain share the passkeys of a realm that has the domain as its relying party id", async () => {
  await world.manage("PATCH", "/policy", { policy: { rp_id: "example.test", related_origins: [app] } });
  const page = await newPage();
  const binding = await bindingOf(page, "bea");
  const made = await ceremonyAt(page, app, { kind: "create", options: binding.options });
  expect(originOf(made)).toBe(app);
  expect(await answer(page, "/bind", { state: binding.state, response: made })).toMatchObject({ status: 200 });
  await page.context().clearCookies();

  // Made at one site, used at the other, and at a third it is nothing.
  const signin = await signinOf(page);
  const signed = await ceremonyAt(page, world.issuer, { kind: "get", options: signin.options });
  expect(originOf(signed)).toBe(world.issuer);
  expect(await answer(page, "/signin", { state: signin.state, response: signed })).toMatchObject({ status: 200 });
  expect(await who(page)).toBe("bea");
  await page.context().clearCookies();
  const { error } = await ceremonyAt(page, stranger, { kind: "get", options: (await signinOf(page)).options });
  expect(error).toContain("SecurityError");
  await world.manage("PATCH", "/policy", { policy: { rp_id: null } });
  await page.context().close();
});

// Requirement: passkeys-related-origins
test("the page of an application on another domain binds a passkey of the issuer's and signs in with it", async () => {
  const client = await application();
  const { config } = client;
  await world.manage("PUT", "/applications/shop", client.body);
  const traits = { type: "traits_v0", username: "cleo" };
  const { identity } = await world.manage("POST", "/identities", { identity: { display_name: "Cleo", traits } });
  const job = { delivery_method: "RETURN", authenticator_config_id: config };
  const path = `/identities/${identity.id}/credential-binding-jobs`;
  const { credential_binding_link: link } = await world.manage("POST", path, { job });

  const page = await newPage();
  const opened = await embedded(page, "bind", { token: new URL(link).searchParams.get("token") });
  expect(opened).toMatchObject({ status: 200, body: { options: { rp: { id: "id.example.test" } } } });
  const made = await ceremonyAt(page, shop, { kind: "create", options: opened.body.options });
  expect(originOf(made)).toBe(shop);
  const bound = await embedded(page, "bind/finish", { state: opened.body.state, response: made });
  expect(bound).toMatchObject({ status: 200, body: { passkey: { rp_id: "id.example.test" } } });

  const asked = await page.evaluate(async (url) => (await fetch(url)).json(), authorizeURL());
  const token = new URL(asked.authenticate_url).searchParams.get("request") ?? "";
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ rp_id: "id.example.test", origins: [shop] });
  const options = { challenge: derived(claims.nonce), rpId: claims.rp_id, userVerification: "required" };
  const signed = await ceremonyAt(page, shop, { kind: "get", options });
  expect(originOf(signed)).toBe(shop);
  const done = await embedded(page, "authenticate", { request: token, response: signed });
  expect(done.status).toBe(200);
  expect(new URL(done.body.redirect_url).searchParams.get("code")).toBeTruthy();
  await page.context().close();
});

/** An application whose people authenticate within its page at the shop, with the issuer's own relying party id. */
async function application() {
  const made = await world.manage("POST", "/authenticator-configs", {
    authenticator_config: {
      ...{ name: "Shop", type: "embedded", invocation_type: "manual" },
      ...{ invoke_url: `${shop}/`, trusted_origins: [shop] },
    },
  });
  const { id: config } = made.authenticator_config;
  const application = {
    ...{ display_name: "Shop", kind: "native", token_endpoint_auth_method: "none", first_party: true },
    ...{ grant_types: ["authorization_code"], scopes: ["openid"], redirect_uris: [`${shop}/callback`] },
    authenticator_config_id: config,
  };
  return { config, body: { application } };
}

function authorizeURL(): string {
  const challenge = createHash("sha256").update("verifier-of-the-shop-that-is-long-enough-1").digest("base64url");
  const query = {
    ...{ response_type: "code", client_id: "shop", redirect_uri: `${shop}/callback`, scope: "openid", state: "s" },
    ...{ code_challenge: challenge, code_challenge_method: "S256" },
  };
  return `${world.issuer}/oauth/authorize?${new URLSearchParams(query)}`;
}

/** Calls the realm from the application's page, as its script does. */
async function embedded(page: Page, path: string, body: object): Promise<{ status: number; body: Answer }> {
  await page.goto(`${shop}/`);
  return page.evaluate(
    async ({ url, text }) => {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(url, { method: "POST", headers, body: text });
      return { status: answer.status, body: await answer.json() };
    },
    { url: `${world.issuer}/embedded/${path}`, text: JSON.stringify(body) },
  );
}

/** A page whose device waits until it is asked: in a field it would answer by itself. */
async function newPage(): Promise<Page> {
  const { page } = await newPerson(world.browser);
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
  return page;
}

/** Makes somebody and opens their link. */
async function bindingOf(page: Page, username: string): Promise<Ceremony> {
  await world.assent("identity", "create", "--username", username);
  const { link = "" } = await world.assent("identity", "link", username);
  await page.goto(link);
  return read(page);
}

/** The ceremony of the sign-in page, with the challenge that its script derives. */
async function signinOf(page: Page): Promise<Ceremony> {
  await page.goto(`${world.issuer}/signin`);
  const { options, state } = await read(page);
  return { options: { ...options, challenge: derived(options.challenge) }, state };
}

/** The challenge that a script makes of the server's bytes. */
function derived(nonce: string): string {
  return createHash("sha256").update("assent.signin.v1").update(Buffer.from(nonce, "base64url")).digest("base64url");
}

async function read(page: Page): Promise<Ceremony> {
  return JSON.parse((await page.locator("#assent-ceremony").textContent()) ?? "");
}

interface Outcome {
  error?: string;
  response?: { clientDataJSON: string };
}

/** Runs a ceremony in a page of another site. */
async function ceremonyAt(page: Page, origin: string, asked: Asked): Promise<Outcome> {
  await page.goto(`${origin}/`);
  return page.evaluate(async ({ kind, options }) => {
    const credentials = navigator.credentials;
    try {
      const made =
        kind === "create"
          ? await credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options as never) })
          : await credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options as never) });
      return (made as PublicKeyCredential).toJSON();
    } catch (error) {
      return { error: `${(error as Error).name}: ${(error as Error).message}` };
    }
  }, asked);
}

function originOf({ response, error }: Outcome): string {
  expect(error).toBeUndefined();
  return JSON.parse(Buffer.from(response?.clientDataJSON ?? "", "base64url").toString()).origin;
}

/** Posts an answer from a page of the realm, which alone may. */
async function answer(page: Page, path: string, body: object): Promise<{ status: number }> {
  await page.goto(`${world.issuer}/signin`);
  return page.evaluate(
    async ({ path, text }) => {
      const headers = { "Content-Type": "application/json" };
      const { status } = await fetch(path, { method: "POST", headers, body: text });
      return { status };
    },
    { path, text: JSON.stringify(body) },
  );
}

async function who(page: Page): Promise<string> {
  return page.evaluate(async () => (await (await fetch("/v1/me")).json()).identity.username);
}
