import { join } from "node:path";
import type { Page } from "@playwright/test";
import { newRelyingParty } from "../support/relyingparty.ts";
import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const signedOut = (page: Page) => page.getByRole("heading", { name: "You are signed out" });
const question = (page: Page) => page.getByRole("heading", { name: "Sign out?" });

async function signedIn(page: Page, server: Server): Promise<boolean> {
  const answer = await page.context().request.get(`${server.baseURL}/v1/me`);
  return answer.ok();
}

// Requirement: logout-asks-first, authorize-pages-without-script
test("without a hint the person is asked first, and may stay", async ({ server, person: { page } }) => {
  await page.goto(`${server.baseURL}/oauth/logout`);
  await inspect(page, "logout-question");
  await page.getByRole("link", { name: "Stay signed in" }).click();
  expect(await signedIn(page, server)).toBe(true);
  await page.goto(`${server.baseURL}/oauth/logout?state=x&post_logout_redirect_uri=https%3A%2F%2Fevil.example`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(signedOut(page)).toBeVisible();
  await expect(page.locator("#continue")).toHaveCount(0);
  await inspect(page, "logout-done");
  expect(await signedIn(page, server)).toBe(false);
  await page.goto(`${server.baseURL}/oauth/logout`);
  await expect(signedOut(page)).toBeVisible();
});

// Requirement: logout-off-page
test("a hint that is none ends at a page that says so and asks", async ({ server, person: { page } }) => {
  const answer = await page.goto(`${server.baseURL}/oauth/logout?id_token_hint=x`);
  expect(answer?.status()).toBe(400);
  await expect(question(page)).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("not valid any more");
  await inspect(page, "logout-question-fault");
  expect(await signedIn(page, server)).toBe(true);
  await page.context().clearCookies();
  await page.reload();
  await expect(signedOut(page)).toBeVisible();
  await inspect(page, "logout-done-fault");
});

// Requirement: logout-redirect, logout-frontchannel, logout-backchannel
test("an application signs the person out, the others are told, and the browser goes back", async ({
  server,
  person: { page },
}) => {
  const notes = await newRelyingParty(server, "Notes", {
    post_logout_redirect_uris: ["{origin}/bye"],
    frontchannel_logout_uri: "{origin}/framed?x=y",
    frontchannel_logout_session_required: true,
    backchannel_logout_uri: "{origin}/told",
  });
  const mail = await newRelyingParty(
    server,
    "Mail",
    { frontchannel_logout_uri: "{origin}/framed" },
    { "/framed": 600 },
  );
  const hint = await notes.signIn(page);
  await mail.signIn(page);
  await page.goto(
    logoutURL(server, { id_token_hint: hint, post_logout_redirect_uri: `${notes.origin}/bye`, state: "s 1" }),
  );
  await page.waitForURL(`${notes.origin}/bye?state=s+1`);
  const claims = JSON.parse(Buffer.from(hint.split(".")[1] ?? "", "base64url").toString());
  expect(notes.heard("/framed").map(({ url }) => url.search)).toEqual([
    `?x=y&${new URLSearchParams({ iss: server.baseURL, sid: claims.sid })}`,
  ]);
  expect(mail.heard("/framed").map(({ url }) => url.search)).toEqual([""]);
  await expect.poll(() => notes.heard("/told").length).toBe(1);
  expect(notes.heard("/told")[0]?.form.get("logout_token")).toMatch(/^eyJ/);
  expect(await signedIn(page, server)).toBe(false);
  await Promise.all([notes.stop(), mail.stop()]);
});

// Requirement: logout-frontchannel
test("a frame that does not answer keeps nobody, and a link leads on without script", async ({
  server,
  person: { page },
  browser,
}) => {
  const notes = await newRelyingParty(
    server,
    "Notes",
    { post_logout_redirect_uris: ["{origin}/bye"], frontchannel_logout_uri: "{origin}/framed" },
    { "/framed": 60_000 },
  );
  const hint = await notes.signIn(page);
  const link = logoutURL(server, { id_token_hint: hint, post_logout_redirect_uri: `${notes.origin}/bye` });
  const context = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await page.context().storageState(),
  });
  const plain = await context.newPage();
  await plain.goto(link, { waitUntil: "commit" });
  await expect(signedOut(plain)).toBeVisible();
  expect(notes.heard("/framed")).toHaveLength(1);
  await plain.screenshot({ path: join(import.meta.dirname, "../artifacts/logout-frames-desktop-light.png") });
  await plain.getByRole("link", { name: "Continue to Notes" }).click({ noWaitAfter: true });
  await plain.waitForURL(`${notes.origin}/bye`);
  await context.close();

  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`); // the virtual device takes up the offer in the field
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  const again = await notes.signIn(page);
  const from = Date.now();
  await page.goto(link.replace(hint, again), { waitUntil: "commit" });
  await page.waitForURL(`${notes.origin}/bye`);
  expect(Date.now() - from).toBeGreaterThan(2_500);
  await notes.stop();
});

// Requirement: logout-asks-first, authorize-pages-client-text
test("a link without a hint leads back only after the person's yes", async ({ server, person: { page } }) => {
  const notes = await newRelyingParty(server, "Notes <b>&amp;</b>", { post_logout_redirect_uris: ["{origin}/bye"] });
  await notes.signIn(page);
  const link = logoutURL(server, { client_id: notes.clientId, post_logout_redirect_uri: `${notes.origin}/bye` });
  await page.goto(link);
  await expect(page.getByText("Notes <b>&amp;</b> asks to sign you out.")).toBeVisible();
  await inspect(page, "logout-question-asked");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${notes.origin}/bye`);
  await page.goto(link);
  await expect(page.locator("#continue")).toBeVisible();
  await inspect(page, "logout-done-continue");
  await page.locator("#continue").click();
  await page.waitForURL(`${notes.origin}/bye`);
  await notes.stop();
});

function logoutURL(server: Server, params: Record<string, string>): string {
  return `${server.baseURL}/oauth/logout?${new URLSearchParams(params)}`;
}
