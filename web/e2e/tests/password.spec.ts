import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newRelyingParty } from "../support/relyingparty.ts";
import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { approveButton, demoAsk, expect, test } from "../support/test.ts";

const database = ["--database", "assent.db", "--key-file", "dev.key"];

/** Lets the realm take passwords and gives the demo person one. */
async function password(server: Server): Promise<string> {
  await writeFile(join(server.data, "policy.yaml"), "passwords: true\n");
  const policy = await server.assent("realm", "policy", "--set", "policy.yaml", ...database);
  expect(policy.code, policy.stderr).toBe(0);
  // The running server hears of what another process did within a second.
  const page = async () => (await fetch(`${server.baseURL}/signin`)).text();
  await expect.poll(page).toContain('id="password-signin"');
  const set = await server.assent("identity", "password", "demo", "--json", ...database);
  expect(set.code, set.stderr).toBe(0);
  return JSON.parse(set.stdout).password;
}

// Requirement: authorize-password, authorize-pages-without-script
test("a password signs in without script, and a wrong one is told so", async ({ server, browser }) => {
  const secret = await password(server);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${server.baseURL}/signin`);
  await page.locator("#username").fill("demo");
  await page.locator("#password").fill("not the right one");
  await page.locator("#password-signin").click();
  await expect(page.getByRole("alert")).toContainText("do not belong together");
  await expect(page.locator("#username")).toHaveValue("demo");
  await expect(page.locator("#password")).toHaveValue("");
  await page.locator("#password").fill(secret);
  await page.locator("#password").press("Enter");
  await expect(page).toHaveURL(/\/approver\/$/);
  expect((await context.cookies()).length).toBe(1);
  await context.close();
});

// Requirement: authorize-password
test("the sign-in page offers both, and the form leads on to the application", async ({ server, browser }) => {
  const secret = await password(server);
  const context = await browser.newContext();
  const page = await context.newPage();
  const rp = await newRelyingParty(server, "Corner shop", { profile: "oidc" });
  const query = new URLSearchParams({ client_id: rp.clientId, response_type: "code", scope: "openid", state: "s" });
  query.set("redirect_uri", `${rp.origin}/callback`);
  query.set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  query.set("code_challenge_method", "S256");
  await page.goto(`${server.baseURL}/oauth/authorize?${query}`);
  await expect(page.locator("#start")).toBeVisible();
  await inspect(page, "signin-password");
  await page.locator("#username").fill("demo");
  await page.locator("#password").fill("not the right one");
  await page.locator("#password-signin").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await inspect(page, "signin-password-wrong");
  await page.locator("#password").fill(secret);
  await page.locator("#password-signin").click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`^${rp.origin}/callback\\?`));
  query.set("acr_values", "phr");
  await page.goto(`${server.baseURL}/oauth/authorize?${query}`);
  await expect(page.locator("#start")).toBeVisible();
  await expect(page.locator("#password")).toHaveCount(0);
  await expect(page.locator("#lead")).toContainText("with your password. This needs your passkey.");
  await inspect(page, "signin-password-session");
  await rp.stop();
  await context.close();
});

// Requirement: authorize-password
test("a password answers no request, the passkey does", async ({ server, person: { page } }) => {
  const secret = await password(server);
  await page.context().clearCookies();
  // Without this the virtual device would take up the offer in the field.
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
  await page.goto(`${server.baseURL}/signin`);
  await page.locator("#username").fill("demo");
  await page.locator("#password").fill(secret);
  await page.locator("#password-signin").click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
  const { id } = await demoAsk(page, server);
  await page.locator(`a[href$="${id}"]`).click();
  const status = await page.evaluate(async (approval) => {
    const at = `/v1/approvals/${approval}/decision`;
    const body = JSON.stringify({ decision: { typ: "assent.decision.v1" } });
    return (await fetch(at, { method: "POST", headers: { "Content-Type": "application/json" }, body })).status;
  }, id);
  expect(status).toBe(403);
  await approveButton(page).click();
  await expect(page.getByRole("heading", { name: "Approved", level: 2 })).toBeVisible();
});
