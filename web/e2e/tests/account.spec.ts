import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { newPerson, type Person } from "../support/person.ts";
import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

// A person's own pages: what they are signed in with, where, and who may do what.

const secret = "0123456789012345678901234567890123456789";
const redirect = "http://127.0.0.1:9/callback";
const credentials = `Basic ${Buffer.from(`shop:${secret}`).toString("base64")}`;

async function openShop(server: Server): Promise<void> {
  const app = {
    ...{ id: "shop", name: "Corner Shop", kind: "web", profile: "oidc", secret, redirect_uris: [redirect] },
    token_endpoint_auth_method: "client_secret_basic",
    grant_types: ["authorization_code", "refresh_token"],
    scopes: ["openid", "profile", "email", "offline_access", "orders:read"],
  };
  await writeFile(join(server.data, "apps.json"), JSON.stringify({ applications: [app] }));
  const ended = await server.assent("app", "apply", "apps.json", "--database", "assent.db", "--key-file", "dev.key");
  expect(ended.code, ended.stderr).toBe(0);
  const shopAPI = {
    ...{ resource: "https://shop.example/api", name: "Shop API", scopes: ["orders:read"] },
    scope_texts: { "orders:read": "See your orders" },
  };
  await writeFile(join(server.data, "policy.json"), JSON.stringify({ resources: [shopAPI] }));
  const policy = await server.assent(
    ...["realm", "policy", "--set", "policy.json", "--database", "assent.db", "--key-file", "dev.key"],
  );
  expect(policy.code, policy.stderr).toBe(0);
}

/** The person allows the shop something; answers with the shop's tokens. */
async function shopWith(page: Page, server: Server): Promise<Record<string, string>> {
  const verifier = randomBytes(32).toString("base64url");
  const code_challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    ...{
      client_id: "shop",
      response_type: "code",
      redirect_uri: redirect,
      code_challenge,
      code_challenge_method: "S256",
    },
    scope: "openid profile email offline_access orders:read",
  });
  await page.route(`${redirect}**`, (route) => route.fulfill({ body: "shop", contentType: "text/plain" }));
  await page.goto(`${server.baseURL}/oauth/authorize?${query}`);
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.waitForURL(`${redirect}**`);
  const code = new URL(page.url()).searchParams.get("code") ?? "";
  return token(server, { grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier });
}

async function token(server: Server, form: Record<string, string>): Promise<Record<string, string>> {
  const headers = { Authorization: credentials };
  const answer = await fetch(`${server.baseURL}/oauth/token`, {
    ...{ method: "POST", headers, body: new URLSearchParams(form) },
  });
  return (await answer.json()) as Record<string, string>;
}

const userinfo = async (server: Server, access = "") =>
  (await fetch(`${server.baseURL}/userinfo`, { headers: { Authorization: `Bearer ${access}` } })).status;

/** Whether the browser's session is over: the page itself would be signed in again at once by the device. */
async function isOut(page: Page, server: Server): Promise<boolean> {
  const answer = await page.request.get(`${server.baseURL}/account`, { maxRedirects: 0 });
  return answer.status() === 303 && (answer.headers().location ?? "").startsWith("/signin?return_to=");
}

async function openAccount(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.baseURL}/account`);
  await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
}

/** Makes recovery codes and reads them. */
async function makeCodes(page: Page): Promise<string[]> {
  await page.locator("#new-codes").click();
  await page.getByRole("button", { name: "Show my codes" }).click();
  await expect(page.getByRole("heading", { name: "Your recovery codes" })).toBeVisible();
  return page.locator("#codes code").allTextContents();
}

/** The same person, with the same passkeys, at a browser with a session of its own. */
async function atAnotherBrowser(person: Person, server: Server): Promise<{ page: Page; close(): Promise<void> }> {
  const own = await person.page.context().browser()?.newContext({ userAgent: firefox });
  if (!own) throw new Error("there is no browser");
  const page = await own.newPage();
  await person.lend(page);
  await page.goto(`${server.baseURL}/signin?return_to=/account`);
  // The browser offers the passkey by itself, and the device agrees.
  await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
  return { page, close: () => own.close() };
}

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0";

const row = (page: Page, section: string, text: string) => page.locator(`#${section} .row`).filter({ hasText: text });

// Requirement: account-page, account-passkeys, account-sessions, account-applications
test("the whole life of an account: passkeys, browsers, applications", async ({ server, person }) => {
  const { page, device } = person;
  await openShop(server);
  await page.getByRole("link", { name: "Account" }).click();
  await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
  await expect(page.locator("#codes")).toContainText("You have no recovery codes");
  await expect(page.locator("#no-apps")).toBeVisible();
  await inspect(page, "account-new");

  const tokens = await shopWith(page, server);
  expect(await userinfo(server, tokens.access_token)).toBe(200);

  await openAccount(page, server);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await device.present(false);
  const key = await person.plugIn();
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page.getByRole("heading", { name: "Your account" })).toBeVisible();
  await expect(page.locator("#done")).toContainText("Your new passkey is ready");
  await expect(page.locator("#passkeys .row")).toHaveCount(2);
  await key.present(false);
  await device.present(true);

  const second = page.locator("#passkeys .row").nth(1);
  await second.locator("summary").click();
  await second.getByLabel("New name").fill("Key on my ring");
  await inspect(page, "account-rename");
  await second.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("#done")).toContainText("has its new name");
  await expect(row(page, "passkeys", "Key on my ring")).toBeVisible();

  const other = await atAnotherBrowser(person, server);
  await openAccount(page, server);
  await expect(page.locator("#sessions .row")).toHaveCount(2);
  await expect(row(page, "sessions", "This browser")).toContainText("Chrome on Linux");
  await inspect(page, "account");
  await row(page, "sessions", "Firefox on Windows").getByRole("button", { name: "Sign out" }).click();
  await expect(page.locator("#sessions .row")).toHaveCount(1);
  expect(await isOut(other.page, server)).toBe(true);
  await other.close();

  await expect(row(page, "applications", "Corner Shop")).toContainText("See your e-mail address");
  await expect(row(page, "applications", "Corner Shop")).toContainText("See your orders");
  await expect(row(page, "applications", "Corner Shop")).not.toContainText("orders:read");
  await row(page, "applications", "Corner Shop").getByRole("button", { name: "Take back" }).click();
  await expect(page.locator("#no-apps")).toBeVisible();
  await inspect(page, "account-taken-back");
  expect(await userinfo(server, tokens.access_token)).toBe(401);
  const again = await token(server, { grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" });
  expect(again.error).toBe("invalid_grant");

  await row(page, "passkeys", "Key on my ring").getByRole("link", { name: "Remove" }).click();
  await inspect(page, "account-remove");
  await page.getByRole("button", { name: "Remove passkey" }).click();
  await expect(page.locator("#passkeys .row")).toHaveCount(1);

  await page.getByRole("link", { name: "Remove" }).click();
  await expect(page.locator("#last")).toContainText("you have no recovery codes");
  await inspect(page, "account-remove-last");
  await page.getByRole("link", { name: "Keep it" }).click();

  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await inspect(page, "account-left");
  expect(await isOut(page, server)).toBe(true);
});

// Requirement: account-recovery-codes, recover-one-sentence
test("recovery codes are kept, and let a person in on a new device, who is told so", async ({
  server,
  person,
  browser,
}) => {
  const { page } = person;
  await openAccount(page, server);
  await page.locator("#new-codes").click();
  await inspect(page, "account-codes");
  await page.getByRole("link", { name: "Cancel" }).click();
  const codes = await makeCodes(page);
  expect(codes).toHaveLength(10);
  await inspect(page, "account-new-codes");
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const file = await readFile(await (await saved).path(), "utf8");
  for (const code of codes) expect(file).toContain(code);
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
  await expect(page.locator("#codes")).toBeVisible();
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(page.locator("#codes")).toContainText("10 of 10 codes are left");
  await inspect(page, "account-codes-left");

  const lost = await newPerson(browser);
  await lost.page.goto(`${server.baseURL}/signin`);
  await lost.page.locator("#no-passkey summary").click();
  await lost.page.getByRole("link", { name: "Use a recovery code" }).click();
  await inspect(lost.page, "recover");
  await lost.page.getByLabel("Username or e-mail address").fill("demo");
  await lost.page.getByLabel("Recovery code").fill("0000-0000-0000-0000");
  await lost.page.getByRole("button", { name: "Go on" }).click();
  await expect(lost.page.getByRole("alert")).toContainText("That did not match");
  await expect(lost.page.getByLabel("Username or e-mail address")).toHaveValue("demo");
  await inspect(lost.page, "recover-wrong");
  await lost.page.getByLabel("Recovery code").fill((codes[0] ?? "").toLowerCase());
  await lost.page.keyboard.press("Enter");
  await expect(lost.page.getByRole("heading", { name: "Create a new passkey" })).toBeVisible();
  await inspect(lost.page, "bind-recovery");
  await lost.page.getByRole("button", { name: "Create passkey" }).click();
  await expect(lost.page).toHaveURL(/\/(approver\/|account)/);
  await openAccount(lost.page, server);
  await expect(lost.page.locator("#codes")).toContainText("9 of 10 codes are left");
  await expect(lost.page.locator("#passkeys .row")).toHaveCount(2);

  await expect
    .poll(async () => (await fetch(`${server.baseURL}/dev/mailbox`)).text(), { timeout: 30_000 })
    .toMatch(/recovery code/i);
  for (const code of codes.slice(1, 9)) {
    const form = { username: "demo", code };
    const tried = await lost.page.request.post(`${server.baseURL}/recover`, { form, maxRedirects: 0 });
    expect(tried.status()).toBe(303);
  }
  await openAccount(lost.page, server);
  await expect(lost.page.locator("#codes")).toContainText("Only one code is left");
  await inspect(lost.page, "account-codes-few");
  await lost.page.context().close();
});

test("too many recovery codes are told how long to wait", async ({ server, browser }) => {
  const page = await browser.newPage();
  for (let tries = 0; tries < 40; tries++) {
    const form = { username: "demo", code: "0000-0000-0000-0000" };
    if ((await page.request.post(`${server.baseURL}/recover`, { form })).status() === 429) break;
  }
  await page.goto(`${server.baseURL}/recover`);
  await page.getByLabel("Username or e-mail address").fill("demo");
  await page.getByLabel("Recovery code").fill("0000-0000-0000-0000");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("Wait");
  await inspect(page, "recover-limited");
  await page.close();
});

// Requirement: account-no-script
test("the account pages work without script", async ({ server, person: { page }, browser }) => {
  const still = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await page.context().storageState(),
  });
  const plain = await still.newPage();
  await plain.goto(`${server.baseURL}/account`);
  await plain.locator("#passkeys summary").click();
  await plain.getByLabel("New name").fill("Laptop");
  await plain.getByRole("button", { name: "Save" }).click();
  await expect(row(plain, "passkeys", "Laptop")).toBeVisible();
  expect(await makeCodes(plain)).toHaveLength(10);
  await expect(plain.locator("#copy-codes")).toBeHidden();
  await plain.getByRole("link", { name: "I have kept them" }).click();
  await plain.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(plain.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await plain.goto(`${server.baseURL}/recover`);
  await plain.getByLabel("Username or e-mail address").fill("demo");
  await plain.getByLabel("Recovery code").fill("nothing");
  await plain.getByRole("button", { name: "Go on" }).click();
  await expect(plain.getByRole("alert")).toContainText("That did not match");
  await still.close();
});

// Requirement: account-keyboard
test("a keyboard is enough to rename a passkey and to get out", async ({ server, person: { page } }) => {
  await openAccount(page, server);
  const walk = async (name: RegExp) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press("Tab");
      const focused = page.locator(":focus");
      if (name.test((await focused.textContent()) ?? "")) {
        const outline = await focused.evaluate((element) => getComputedStyle(element).outlineStyle);
        expect(outline, "the focus is seen").not.toBe("none");
        return;
      }
    }
    throw new Error(`${name} cannot be reached by keyboard`);
  };
  await walk(/^Rename/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("By hand");
  await page.keyboard.press("Enter");
  await expect(row(page, "passkeys", "By hand")).toBeVisible();
  await walk(/^Sign out everywhere/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
});

test("the account page tells the browser which passkeys count", async ({ server, person: { page } }) => {
  await page.addInitScript(() => {
    const told: unknown[] = [];
    Object.assign(window, { told });
    for (const name of ["signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
      Object.assign(PublicKeyCredential, {
        [name]: async (options: unknown) => void told.push({ name, options }),
      });
    }
  });
  await openAccount(page, server);
  interface Told {
    name: string;
    options: { rpId: string; name?: string; allAcceptedCredentialIds?: string[] };
  }
  const told = await page.evaluate(() => (window as unknown as { told: Told[] }).told);
  expect(told).toMatchObject([
    { name: "signalAllAcceptedCredentials", options: { rpId: "localhost" } },
    { name: "signalCurrentUserDetails", options: { rpId: "localhost", name: "demo" } },
  ]);
  expect(told[0]?.options.allAcceptedCredentialIds).toHaveLength(1);
});
