import type { Page } from "@playwright/test";
import { management, newIdentity, operate } from "../support/operate.ts";
import { type Device, newPerson, type Passkey, type Person } from "../support/person.ts";
import { mark, markSide } from "../support/png.ts";
import { newRelyingParty, type RelyingParty } from "../support/relyingparty.ts";
import { inspect } from "../support/screen.ts";
import { type Server, startServer } from "../support/server.ts";
import { bind, expect, test } from "../support/test.ts";

// Everything that the sign-in page may have to say to a person.

const start = (page: Page) => page.locator("#start");

/** A browser that does not offer passkeys in a field. */
async function withoutOffers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
}

/** Gives the device of a person a passkey of a second account in the same realm; answers with both. */
async function secondAccount(
  server: Server,
  { page, device }: Person,
): Promise<{ first: Passkey[]; second: Passkey[] }> {
  const first = await device.passkeys();
  const link = await newIdentity(server, "bo", "Bo Second");
  await page.context().clearCookies();
  await device.hold([]);
  await page.goto(link);
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page).toHaveURL(/\/approver\/$/);
  return { first, second: await device.passkeys() };
}

/** Opens an authorization request of an application. */
async function request(page: Page, server: Server, rp: RelyingParty, extra: Record<string, string>): Promise<void> {
  const query = new URLSearchParams({
    ...{ client_id: rp.clientId, response_type: "code", scope: "openid profile", state: "s" },
    ...{ redirect_uri: `${rp.origin}/callback`, code_challenge_method: "S256" },
    ...{ code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ...extra },
  });
  await page.goto(`${server.baseURL}/oauth/authorize?${query}`);
}

// Requirement: pages-signin-first, pages-signin-offers
test("a first visit names nobody, and the browser's own offer in the field signs in without a click", async ({
  server,
  person: { page, device },
}) => {
  await device.present(false);
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  const field = page.getByLabel("Or pick one that this browser offers");
  await expect(field).toHaveAttribute("autocomplete", "username webauthn");
  await expect(page.locator("body")).not.toContainText("Demo");
  await field.focus();
  await device.present(true);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
});

// Requirement: pages-signin-returning
test("who is signed in already may go on or be somebody else", async ({ server, person }) => {
  const { page, device } = person;
  const { first } = await secondAccount(server, person);
  await page.goto(`${server.baseURL}/signin?return_to=/approver/history`);
  await expect(page.getByRole("heading", { name: "You are signed in" })).toBeVisible();
  await inspect(page, "signin-on");
  await page.getByRole("link", { name: "Go on as Bo Second" }).click();
  await expect(page).toHaveURL(/\/approver\/history$/);
  await page.goto(`${server.baseURL}/signin`);
  await withoutOffers(page);
  await device.hold(first);
  await page.getByRole("link", { name: "Use another account" }).click();
  await start(page).click();
  await expect(page).toHaveURL(/\/approver\/$/);
  await page.goto(`${server.baseURL}/signin`);
  await expect(page.locator("#lead")).not.toContainText("Bo Second");
});

// Requirement: pages-stepup
test("a step-up takes the passkey again although one is signed in, says why, and goes on", async ({
  server,
  person: { page, device },
}) => {
  await page.goto(`${server.baseURL}/signin?reauth=1&return_to=/approver/history`);
  await expect(page.getByRole("heading", { name: "Confirm that it is you" })).toBeVisible();
  await expect(page.locator("#more")).toContainText("about to change how you sign in");
  await expect(page.locator("#username")).toHaveCount(0);
  await inspect(page, "signin-again");
  // Nothing happens by itself: the touch must be meant.
  const before = await device.signatures();
  await expect(start(page)).toBeEnabled();
  await start(page).click();
  await expect(page).toHaveURL(/\/approver\/history$/);
  expect(await device.signatures()).toBeGreaterThan(before);
});

// Requirement: pages-wrong-account
test("a request for another account says so and goes on with the right passkey", async ({ server, person }) => {
  const { page, device } = person;
  const { first, second } = await secondAccount(server, person);
  const rp = await newRelyingParty(server, "Corner Shop", { profile: "oidc" });
  const hint = await rp.signIn(page); // as Bo
  await signInAs(page, server, device, first);
  await request(page, server, rp, { id_token_hint: hint });
  await expect(page.getByRole("heading", { name: "Use another account" })).toBeVisible();
  await expect(page.locator("#lead")).toContainText("Corner Shop asks for another account");
  await inspect(page, "signin-other");
  // The wrong one again leads here again.
  await start(page).click();
  await expect(page.getByRole("heading", { name: "Use another account" })).toBeVisible();
  await device.hold(second);
  await start(page).click();
  await page.waitForURL(`${rp.origin}/callback?**`);
  expect(new URL(page.url()).searchParams.get("code")).toBeTruthy();
  await rp.stop();
});

async function signInAs(page: Page, server: Server, device: Device, passkeys: Passkey[]): Promise<void> {
  await page.context().clearCookies();
  await device.hold(passkeys);
  await page.goto(`${server.baseURL}/signin`);
  await expect(page).toHaveURL(/\/approver\/$/);
}

// Requirement: pages-wrong-account
test("a hint at somebody else is asked about, and the person may stay or change", async ({ server, person }) => {
  const { page, device } = person;
  const { first } = await secondAccount(server, person);
  const rp = await newRelyingParty(server, "Corner Shop", { profile: "oidc" });
  await request(page, server, rp, { login_hint: "demo" });
  await expect(page.getByRole("heading", { name: "Is this the right account?" })).toBeVisible();
  await expect(page.locator("#lead")).toContainText("asks for demo, and you are signed in as Bo Second");
  await inspect(page, "signin-hint");
  await page.getByRole("link", { name: "Go on as Bo Second" }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.waitForURL(`${rp.origin}/callback?**`);
  // With their own name in the hint nothing is asked.
  await request(page, server, rp, { login_hint: "BO" });
  await page.waitForURL(`${rp.origin}/callback?**`);
  await request(page, server, rp, { login_hint: "demo" });
  await device.hold(first);
  await page.getByRole("link", { name: "Use another account" }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.waitForURL(`${rp.origin}/callback?**`);
  await rp.stop();
});

test("an application may ask for a new sign-in, or let the person choose", async ({ server, person: { page } }) => {
  const rp = await newRelyingParty(server, "Corner Shop", { profile: "oidc" });
  await request(page, server, rp, { prompt: "login" });
  await expect(page.getByRole("heading", { name: "Confirm that it is you" })).toBeVisible();
  await expect(page.locator("#lead")).toContainText("Corner Shop asks that you use your passkey once more");
  await request(page, server, rp, { prompt: "select_account" });
  await expect(page.getByRole("heading", { name: "Choose an account" })).toBeVisible();
  await inspect(page, "signin-choose");
  await start(page).click();
  await expect(page.getByRole("button", { name: "Allow", exact: true })).toBeVisible();
  await rp.stop();
});

// Requirement: pages-suspended
test("who is suspended learns so from their own passkey, and nobody else does", async ({ server, person }) => {
  const { page } = person;
  await secondAccount(server, person);
  await operate(server, "identity", "suspend", "bo");
  await withoutOffers(page);
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  await expect(page.getByRole("heading", { name: "Your account is stopped" })).toBeHidden();
  await start(page).click();
  const heading = page.getByRole("heading", { name: "Your account is stopped" });
  await expect(heading).toBeFocused();
  await expect(page.getByText("only they can start it again")).toBeVisible();
  await expect(start(page)).toBeHidden();
  await inspect(page, "signin-stopped");
  await page.getByRole("link", { name: "Use another passkey" }).click();
  await expect(start(page)).toBeEnabled();
});

// Requirement: pages-no-passkey
test("who has no passkey on this device is told what to do, also without script", async ({ server, browser }) => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await page.goto(`${server.baseURL}/signin`);
    await page.getByText("No passkey on this device?").click();
    await expect(page.getByText("choose another device when the browser asks")).toBeVisible();
    await expect(page.getByRole("link", { name: "Use a recovery code" })).toHaveAttribute("href", "/recover");
    await expect(page.getByText("for a new link")).toBeVisible();
    if (javaScriptEnabled) await inspect(page, "signin-help");
    await context.close();
  }
});

// Requirement: pages-no-passkey
test("the sign-in page is worked by keyboard alone, in the order in which it is read", async ({
  server,
  person: { page, device },
}) => {
  await device.present(false);
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  await expect(page.locator("#username")).toBeVisible();
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.tagName);
  const order: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press("Tab");
    order.push(await focused());
  }
  expect(order).toEqual(["start", "username", "SUMMARY"]);
  await page.keyboard.press("Enter");
  await expect(page.getByText("choose another device when the browser asks")).toBeVisible();
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("recover");
  await device.present(true);
  for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+Tab");
  expect(await focused()).toBe("start");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
});

// Requirement: pages-realms-apart, pages-signals
test("passkeys of two realms on one host never mix, and the browser forgets neither", async ({ server, person }) => {
  const { page, device } = person;
  const own = await device.passkeys();
  await operate(server, "realm", "create", "blue", "--base-url", server.baseURL);
  await expect.poll(async () => (await fetch(`${server.baseURL}/realms/blue/signin`)).status).toBe(200);
  const link = await newIdentity(server, "bea", "Bea Blue", "blue");
  await page.goto(link);
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page).toHaveURL(/\/realms\/blue\/approver\/$/);
  const both = await device.passkeys();
  expect(both).toHaveLength(own.length + 1);
  const blue = both.filter(({ credentialId }) => !own.some((key) => key.credentialId === credentialId));
  await withoutOffers(page);
  for (const [passkeys, realm] of [
    [own, "/realms/blue"],
    [blue, ""],
  ] as const) {
    await page.context().clearCookies();
    await device.hold([...passkeys]);
    await page.goto(`${server.baseURL}${realm}/signin`);
    await start(page).click();
    await expect(page.getByRole("status")).toContainText("for another place on this server");
    await page.waitForTimeout(500); // a signal would have come by now
    expect(await device.passkeys()).toHaveLength(passkeys.length);
  }
  await inspect(page, "signin-elsewhere");
  // Each still works at home.
  await page.goto(`${server.baseURL}/realms/blue/signin`);
  await start(page).click();
  await expect(page).toHaveURL(/\/realms\/blue\/approver\/$/);
});

// Requirement: pages-signals
test("the browser hears which passkeys count after a sign-in, and which one nobody knows", async ({
  server,
  browser,
}) => {
  const { page, device } = await newPerson(browser);
  await bind(page, server);
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
    const heard: unknown[] = JSON.parse(sessionStorage.getItem("signals") ?? "[]");
    const hear = (name: string) => async (said: unknown) => {
      heard.push([name, said]);
      sessionStorage.setItem("signals", JSON.stringify(heard));
    };
    Object.assign(PublicKeyCredential, {
      signalAllAcceptedCredentials: hear("accepted"),
      signalUnknownCredential: hear("unknown"),
    });
  });
  const signals = () => page.evaluate(() => JSON.parse(sessionStorage.getItem("signals") ?? "[]"));
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  await start(page).click();
  await expect(page).toHaveURL(/\/approver\/$/);
  const [key] = await device.passkeys();
  const id = Buffer.from(key?.credentialId ?? "", "base64").toString("base64url");
  const userId = Buffer.from(key?.userHandle ?? "", "base64").toString("base64url");
  expect(await signals()).toEqual([["accepted", { rpId: "localhost", userId, allAcceptedCredentialIds: [id] }]]);
  // The same device at a server that does not know it.
  const elsewhere = await startServer();
  await page.goto(`${elsewhere.baseURL}/signin`);
  await start(page).click();
  await expect(page.getByRole("status")).toContainText("not known here");
  expect(await signals()).toEqual([["unknown", { rpId: "localhost", credentialId: id }]]);
  await elsewhere.stop();
  await page.context().close();
});

// Requirement: pages-theme
test("a realm's logo, colours and help stand on its pages, within their policy", async ({
  server,
  person: { page },
}) => {
  const api = await management(server);
  const theme = { accent: "#7a1fa2", accent_dark: "#ffd54f", help_url: "https://help.example/sign-in" };
  await api.call("PATCH", "/theme", { theme });
  await api.call("PUT", "/theme/logo/light", {
    logo: { data: mark([122, 31, 162], [255, 255, 255]).toString("base64") },
  });
  await api.call("PUT", "/theme/logo/dark", { logo: { data: mark([255, 213, 79], [40, 24, 0]).toString("base64") } });
  await withoutOffers(page);
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  await expect(page.getByRole("img")).toHaveJSProperty("naturalWidth", markSide);
  await expect(start(page)).toHaveCSS("background-color", "rgb(122, 31, 162)");
  await expect(start(page)).toHaveCSS("color", "rgb(255, 255, 255)");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(start(page)).toHaveCSS("background-color", "rgb(255, 213, 79)");
  await expect(start(page)).toHaveCSS("color", "rgb(0, 0, 0)");
  await expect(page.getByRole("link", { name: "Help", exact: true })).toHaveAttribute("href", theme.help_url);
  await inspect(page, "signin-theme");
  await page.goto(`${server.baseURL}/pages/static/nothing`);
  await expect(page.getByRole("img")).toHaveJSProperty("naturalWidth", markSide);
  await inspect(page, "error-theme");
});
