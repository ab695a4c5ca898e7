import { createHash } from "node:crypto";
import type { Page } from "@playwright/test";
import { newPerson } from "../support/person.ts";
import { startServer } from "../support/server.ts";
import { approveButton, bind, denyButton, expect, openRequest, outcome, test } from "../support/test.ts";

test("signing out ends the session, and the browser's own offer of the passkey signs in again", async ({
  person: { page },
}) => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  expect(await page.evaluate(async () => (await fetch(new URL("../v1/me", document.baseURI))).status)).toBe(401);
  // The virtual device takes up the offer in the field without a click.
  await page.getByRole("link", { name: "Sign in again" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
});

test("a link to a request leads through sign-in by the button and back to the request", async ({ server, person }) => {
  const { page } = person;
  const { id } = await openRequest(page, server);
  await withoutOffers(page);
  await page.context().clearCookies();
  await page.reload();
  await page.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByLabel("Or pick one")).toBeHidden();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(approveButton(page)).toBeVisible();
  expect(page.url()).toContain(id);
});

/** A browser that does not offer passkeys in a field. */
async function withoutOffers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
}

for (const how of ["by the button", "from the field"]) {
  test(`signing in ${how} signs no bytes of the server's choosing`, async ({ server, person: { page } }) => {
    // What a server would send that wants a decision signed: the hash of one.
    const wanted = createHash("sha256").update('{"answer":"approve"}').digest();
    await page.route(`${server.baseURL}/signin`, async (route) => {
      if (route.request().method() !== "GET") return route.fallback();
      const answer = await route.fetch();
      const body = (await answer.text()).replace(
        /"challenge":"[^"]*"/,
        `"challenge":"${wanted.toString("base64url")}"`,
      );
      await route.fulfill({ response: answer, body });
    });
    if (how === "by the button") await withoutOffers(page);
    await page.context().clearCookies();
    const posted = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/signin"));
    await page.goto(`${server.baseURL}/signin`);
    if (how === "by the button") await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    const { response } = (await posted).postDataJSON().response;
    const signed = JSON.parse(Buffer.from(response.clientDataJSON, "base64url").toString()).challenge;
    expect(signed).toBe(createHash("sha256").update("assent.signin.v1").update(wanted).digest("base64url"));
    // The server sent another nonce, so it does not let this one in.
    await expect(page.getByRole("status")).not.toBeEmpty();
    await expect(page.getByRole("status")).not.toContainText("Signed in.");
  });
}

test("a session that ends while a request is looked at hides the request and says so", async ({ server, person }) => {
  const { page } = person;
  await openRequest(page, server);
  await page.context().clearCookies();
  await denyButton(page).click();
  await page.getByRole("button", { name: "Yes, deny" }).click();
  await expect(page.getByRole("heading", { name: "You have been signed out" })).toBeVisible();
  await expect(page.locator(".slip")).toHaveCount(0);
});

test("a passkey that this server does not know does not sign in", async ({ server, browser }) => {
  const elsewhere = await startServer();
  const stranger = await newPerson(browser);
  await bind(stranger.page, elsewhere);
  await elsewhere.stop();
  await withoutOffers(stranger.page);
  await stranger.page.goto(`${server.baseURL}/signin`);
  await stranger.page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(stranger.page.getByRole("status")).toContainText("not known here");
  await stranger.page.goto(`${server.baseURL}/approver`);
  await expect(stranger.page.getByRole("heading", { name: "Your agents ask." })).toBeVisible();
  await stranger.page.context().close();
});

test("a passkey that is not used leaves the sign-in page ready for another try", async ({ server, person }) => {
  const { page, device } = person;
  await withoutOffers(page);
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
  await device.recognised(false);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("status")).toContainText("No passkey was used");
  await device.recognised(true);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
});

test("a binding link works once", async ({ server, browser }) => {
  const first = await newPerson(browser);
  await bind(first.page, server);
  const second = await newPerson(browser);
  await second.page.goto(server.bindingLink);
  await expect(second.page.getByRole("heading", { name: "This link has been used" })).toBeVisible();
  await Promise.all([first.page.context().close(), second.page.context().close()]);
});

test("a second link leads to sign-in, which says why, and then to the new passkey", async ({ server, person }) => {
  const { page } = person;
  const operator = ["--database", "assent.db", "--key-file", "dev.key", "--base-url", server.baseURL, "--json"];
  const made = await server.assent("identity", "link", "demo", ...operator);
  expect(made.code, made.stderr).toBe(0);
  await withoutOffers(page);
  await page.context().clearCookies();
  await page.goto(JSON.parse(made.stdout).link);
  await expect(page.getByText("You already have a passkey. Sign in with it to add another.")).toBeVisible();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("button", { name: "Create passkey" })).toBeVisible();
  await page.goto(`${server.baseURL}/signin`);
  await expect(page.getByText("You already have a passkey.")).toHaveCount(0);
});

test("without a network the app opens, says so, and does not answer; afterwards it goes on", async ({
  server,
  person,
}) => {
  const { page } = person;
  await openRequest(page, server);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.context().setOffline(true);
  await expect(page.getByText("No connection.")).toBeVisible();
  await expect(approveButton(page)).toBeDisabled();
  await expect(denyButton(page)).toBeDisabled();
  await page.reload();
  await expect(page.getByRole("heading", { name: "No connection" })).toBeVisible();
  await page.context().setOffline(false);
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
});
