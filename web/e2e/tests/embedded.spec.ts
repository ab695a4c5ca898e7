import type { Browser, Page } from "@playwright/test";
import { newPerson } from "../support/person.ts";
import { inspect } from "../support/screen.ts";
import { openShop, type Places, type Shop } from "../support/shop.ts";
import { test as base, expect } from "../support/test.ts";

interface Fixtures {
  /** Where the shop and the issuer are. */
  places: Places;
  shop: Shop;
}

const test = base.extend<Fixtures>({
  places: [{}, { option: true }],
  shop: async ({ places }, use) => {
    const shop = await openShop(places);
    await use(shop);
    await shop.stop();
  },
});

const status = (page: Page) => page.getByRole("status");
const welcome = (page: Page, name: string) => page.getByRole("heading", { name: `Welcome, ${name}.` });
const signInHere = (page: Page) => page.locator("#sign-in-manual");

/** The SDK as a page of the shop has it. */
interface SDK {
  initialize(options: { issuer: string }): void;
  getPasskeys(): Promise<{ id: string; identity: { id: string } }[]>;
  isBindPasskeyUrl(url: string): boolean;
  bindPasskey(url: string): Promise<{ passkey: { id: string; rpId: string }; postBindingRedirectUri?: string }>;
  authenticate(url: string, passkeyId?: string): Promise<{ redirectUrl: string }>;
}

/** What came of a call of the SDK: its result, or the code of its error. */
interface Came {
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it calls.
  result?: any;
  code?: string;
  status?: number | undefined;
}

/** Calls a function of the SDK in the page. */
async function sdk(page: Page, shop: Shop, name: keyof SDK, ...args: unknown[]): Promise<Came> {
  return page.evaluate(
    async ({ issuer, name, args }) => {
      const path = "/sdk/index.js";
      const loaded = await import(path);
      loaded.initialize({ issuer });
      try {
        return { result: await loaded[name](...args) };
      } catch (error) {
        const { code, status } = error as { code?: string; status?: number };
        return { code: code ?? String(error), status };
      }
    },
    { issuer: shop.server.baseURL, name, args },
  );
}

/** A person whose browser is at the shop. */
async function visitor(browser: Browser, shop: Shop) {
  const person = await newPerson(browser);
  await person.page.goto(shop.origin);
  return person;
}

/** Asks the authorization endpoint as the shop's page does. */
async function askManual(page: Page): Promise<{ authenticate_url: string }> {
  return page.evaluate(async () => {
    const { authorize_url } = await (await fetch("/sign-in/manual", { method: "POST" })).json();
    return (await fetch(authorize_url)).json();
  });
}

// Requirement: sdk-bind, sdk-getpasskeys, sdk-manual
test("a new account: the page binds the passkey, lists it, and signs in with it without leaving", async ({
  browser,
  shop,
}) => {
  const { page } = await visitor(browser, shop);
  await page.getByLabel("Your name").fill("Ada Lovelace");
  await page.getByLabel("Username").fill("ada");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(status(page)).toContainText("Your account is ready, Ada Lovelace.");
  const { result: passkeys } = await sdk(page, shop, "getPasskeys");
  expect(passkeys).toHaveLength(1);
  expect(passkeys[0].identity).toMatchObject({ displayName: "Ada Lovelace", username: "ada" });
  let left = 0;
  page.on("framenavigated", (frame) => {
    if (!frame.url().startsWith(shop.origin)) left++;
  });
  await page.getByRole("button", { name: "Go on as Ada Lovelace" }).click();
  await expect(welcome(page, "Ada Lovelace")).toBeVisible();
  await expect(page.getByText("You signed in here, without leaving.")).toBeVisible();
  expect(left, "other sites that the page went to").toBe(0);
  await page.getByRole("button", { name: "Forget here" }).click();
  await expect(page.getByText("None that this browser remembers.")).toBeVisible();
  await page.context().close();
});

// Requirement: sdk-automatic
test("automatic: the shop's own page asks for the passkey that the shop's server sent for", async ({
  browser,
  shop,
}) => {
  const { page } = await visitor(browser, shop);
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("grace")));
  const asked = page.waitForRequest((request) =>
    request.url().startsWith(`${shop.origin}/assent-authenticate?request=`),
  );
  await page.getByRole("link", { name: "Sign in here" }).click();
  await asked;
  await expect(welcome(page, "Person grace")).toBeVisible();
  await expect(page.getByText("You signed in here, after a redirect.")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL((url) => url.href === `${shop.origin}/` || url.pathname.endsWith("/logout"));
  await page.goto(shop.origin);
  await expect(page.getByRole("heading", { name: "Good coffee, no password." })).toBeVisible();
  await page.context().close();
});

// Requirement: sdk-hosted
test("hosted: a passkey that was bound in the shop signs in on the issuer's own page", async ({ browser, shop }) => {
  const { page } = await visitor(browser, shop);
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("mary")));
  await page.getByRole("link", { name: "Sign in on Assent" }).click();
  await page.waitForURL((url) => url.origin === shop.server.baseURL);
  // The list of the field may have asked before the button does.
  await page
    .locator("#start")
    .click({ timeout: 3_000 })
    .catch(() => undefined);
  await expect(welcome(page, "Person mary")).toBeVisible();
  await page.context().close();
});

// Requirement: sdk-cancel
test("who cancels is told so, is not signed in, and may try again with the same request", async ({ browser, shop }) => {
  const { page, device } = await visitor(browser, shop);
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("joan")));
  await device.present(false);
  await page.goto(`${shop.origin}/sign-in/automatic`);
  const { result } = await sdk(page, shop, "getPasskeys");
  expect(result).toHaveLength(1);
  // The page's own dialog waits; nothing takes it away.
  expect(await sdk(page, shop, "authenticate", page.url())).toMatchObject({ code: "busy" });
  // The person is not recognised: browsers tell pages no more than that it was turned down.
  await device.recognised(false);
  await device.present(true);
  await page.reload();
  await expect(status(page)).toContainText("No passkey was used.");
  await device.recognised(true);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await expect(welcome(page, "Person joan")).toBeVisible();
  await page.context().close();
});

// Requirement: sdk-autofill
test("a passkey out of the autofill list signs in, and a dialog takes its place", async ({ browser, shop }) => {
  const { page, device } = await visitor(browser, shop);
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("quiet")));
  const { authenticate_url: first } = await askManual(page);
  const quiet = await sdk(page, shop, "authenticate", first, null, { mediation: "conditional" });
  expect(quiet.result.redirectUrl).toContain(`${shop.origin}/callback?`);
  const { authenticate_url: second } = await askManual(page);
  await device.present(false);
  await page.evaluate(() => {
    const { credentials } = navigator;
    const get = credentials.get.bind(credentials);
    const count = window as unknown as { asked: number };
    count.asked = 0;
    credentials.get = (options) => {
      const answer = get(options);
      count.asked++;
      return answer;
    };
  });
  const waiting = sdk(page, shop, "authenticate", second, null, { mediation: "conditional" });
  // The list is open, and nobody chooses.
  await page.waitForFunction(() => (window as unknown as { asked: number }).asked === 1);
  await device.present(true);
  const dialog = await sdk(page, shop, "authenticate", second);
  expect(await waiting).toMatchObject({ code: "aborted" });
  expect(dialog.result?.redirectUrl).toContain(`${shop.origin}/callback?`);
  await page.context().close();
});

// Requirement: sdk-request-once
test("a request is good for one sign-in", async ({ browser, shop }) => {
  const { page } = await visitor(browser, shop);
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("once")));
  const { authenticate_url: url } = await askManual(page);
  const first = await sdk(page, shop, "authenticate", url);
  expect(first.result.redirectUrl).toContain(`${shop.origin}/callback?`);
  expect(await sdk(page, shop, "authenticate", url)).toEqual({ code: "request_used", status: 409 });
  await page.context().close();
});

// Requirement: sdk-link-once
test("two browsers open one link: one binds, the other is told that it is used", async ({ browser, shop }) => {
  const link = await shop.invite(await shop.person("two"));
  const people = await Promise.all([visitor(browser, shop), visitor(browser, shop)]);
  const came = await Promise.all(people.map(({ page }) => sdk(page, shop, "bindPasskey", link)));
  expect(came.filter(({ result }) => result)).toHaveLength(1);
  expect(came.find(({ code }) => code)).toMatchObject({ code: "link_used" });
  for (const { page } of people) await page.context().close();
});

// Requirement: sdk-bind-proof
test("who has a passkey proves it before a second one is made", async ({ browser, shop }) => {
  const identity = await shop.person("proof");
  const { page, device } = await visitor(browser, shop);
  const first = await sdk(page, shop, "bindPasskey", await shop.invite(identity));
  expect(first.result.passkey.id).toMatch(/^psk_/);
  const second = await shop.invite(identity);
  // Somebody who got hold of the link but has no passkey of this person.
  const thief = await visitor(browser, shop);
  const stolen = await sdk(thief.page, shop, "bindPasskey", second);
  expect(stolen.result).toBeUndefined();
  expect(["cancelled", "timeout"]).toContain(stolen.code);
  // The device holds one for this person already, and says so once it has proved it.
  const again = await sdk(page, shop, "bindPasskey", second);
  expect(again).toMatchObject({ code: "passkey_exists" });
  // The same with a new device, which makes the second one.
  await page.exposeFunction("takeNewDevice", device.forget);
  const bound = await page.evaluate(
    async ({ issuer, link }) => {
      const path = "/sdk/index.js";
      const { createClient } = await import(path);
      const { takeNewDevice } = window as unknown as { takeNewDevice: () => Promise<void> };
      const steps: string[] = [];
      const onStep = async ({ step }: { step: string }) => {
        steps.push(step);
        if (step === "create") await takeNewDevice();
      };
      const { passkey } = await createClient({ issuer }).bindPasskey(link, { onStep });
      return { steps, id: passkey.id };
    },
    { issuer: shop.server.baseURL, link: second },
  );
  expect(bound.steps).toEqual(["proof", "create"]);
  const { passkeys } = await shop.manage("GET", `/identities/${identity}/passkeys`);
  expect(passkeys.map(({ id }: { id: string }) => id).sort()).toEqual([first.result.passkey.id, bound.id].sort());
  await thief.page.context().close();
  await page.context().close();
});

// Requirement: sdk-invoke-url
test("a link that came by mail leads to the shop's page, which binds when the person says so", async ({
  browser,
  shop,
}) => {
  const { page } = await newPerson(browser);
  const link = await shop.invite(await shop.person("mail"), { post_binding_redirect_uri: `${shop.origin}/?bound` });
  await page.goto(link);
  await page.waitForURL(`${shop.origin}/assent-bind`);
  await inspect(page, "shop-bind");
  await page.getByRole("button", { name: "Create passkey" }).click();
  await page.waitForURL(`${shop.origin}/?bound`);
  expect((await sdk(page, shop, "getPasskeys")).result).toHaveLength(1);
  await page.context().close();
});

// Requirement: sdk-user-verification
test("an authenticator that does not check its person is refused, when binding and when signing in", async ({
  browser,
  shop,
}) => {
  const { page, device } = await visitor(browser, shop);
  await device.recognised(false);
  const link = await shop.invite(await shop.person("nobody"));
  expect((await sdk(page, shop, "bindPasskey", link)).code).toBe("cancelled");
  await device.recognised(true);
  await sdk(page, shop, "bindPasskey", link);
  await device.recognised(false);
  const { authenticate_url: url } = await askManual(page);
  expect((await sdk(page, shop, "authenticate", url)).code).toBe("cancelled");
  // A page that asks the device for less than the SDK does: the server sees that nobody was checked.
  const answer = await page.evaluate(async (address) => {
    const request = new URL(address).searchParams.get("request") ?? "";
    const claims = JSON.parse(atob(request.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? ""));
    const nonce = Uint8Array.from(atob(claims.nonce.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const bytes = await new Blob([new TextEncoder().encode("assent.signin.v1"), nonce]).arrayBuffer();
    const challenge = await crypto.subtle.digest("SHA-256", bytes);
    const credential = await navigator.credentials.get({
      publicKey: { challenge, rpId: claims.rp_id, userVerification: "discouraged" },
    });
    const answered = await fetch(`${claims.iss}/embedded/authenticate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ request, response: (credential as PublicKeyCredential).toJSON() }),
    });
    const flags = new DataView(
      (credential as never as { response: { authenticatorData: ArrayBuffer } }).response.authenticatorData,
    ).getUint8(32);
    return { verified: (flags & 4) !== 0, status: answered.status, code: (await answered.json()).code };
  }, url);
  expect(answer).toEqual({ verified: false, status: 403, code: "signin_refused" });
  await page.context().close();
});

// Requirement: sdk-origin
test("a page of another origin gets nothing: the browser does not let it read an answer", async ({ browser, shop }) => {
  const { page } = await visitor(browser, shop);
  const link = await shop.invite(await shop.person("other"));
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("owner")));
  const { authenticate_url: url } = await askManual(page);
  const stranger = shop.origin.replace("//localhost", "//127.0.0.1");
  await page.goto(stranger);
  expect(await sdk(page, shop, "bindPasskey", link)).toMatchObject({ code: "network" });
  expect(await sdk(page, shop, "authenticate", url)).toMatchObject({ code: "origin_not_trusted" });
  const authorize = await page.evaluate(
    (issuer) => fetch(`${issuer}/oauth/authorize?client_id=demo-shop-manual`).then(String, String),
    shop.server.baseURL,
  );
  expect(authorize).toContain("TypeError");
  // The link is as good as before: nothing was begun by the stranger.
  await page.goto(shop.origin);
  expect((await sdk(page, shop, "bindPasskey", link)).result.passkey.id).toMatch(/^psk_/);
  await page.context().close();
});

test.describe("issuer and shop on two hosts of one domain", () => {
  test.use({
    places: { issuerHost: "id.example.localhost", shopHost: "shop.example.localhost", rpId: "example.localhost" },
  });

  // Requirement: sdk-shared-rp-id
  test("a passkey of the shared domain is bound and used on the shop's host", async ({ browser, shop }) => {
    const { page } = await visitor(browser, shop);
    const { result } = await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("shared")));
    expect(result.passkey.rpId).toBe("example.localhost");
    await page.getByRole("link", { name: "Sign in here" }).click();
    await expect(welcome(page, "Person shared")).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForLoadState();
    await page.goto(shop.origin);
    await signInHere(page).click();
    await expect(welcome(page, "Person shared")).toBeVisible();
    await page.context().close();
  });
});

test("every screen of the shop reads well in light and dark, wide and narrow", async ({ browser, shop }) => {
  const { page, device } = await visitor(browser, shop);
  await inspect(page, "shop-home");
  await sdk(page, shop, "bindPasskey", await shop.invite(await shop.person("looker")));
  await page.reload();
  await expect(page.getByRole("button", { name: "Go on as Person looker" })).toBeVisible();
  await inspect(page, "shop-home-known");
  await device.recognised(false);
  await page.getByRole("link", { name: "Sign in here" }).click();
  await expect(status(page)).toContainText("No passkey was used.");
  await inspect(page, "shop-authenticate");
  await device.recognised(true);
  await page.getByRole("button", { name: "Use your passkey" }).click();
  await expect(welcome(page, "Person looker")).toBeVisible();
  await inspect(page, "shop-signed-in");
  await page.goto(`${shop.origin}/callback?state=unknown`);
  await inspect(page, "shop-trouble");
  await page.context().close();
});
