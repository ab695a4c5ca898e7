import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const grantType = "urn:ietf:params:oauth:grant-type:device_code";

interface Started {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
}

/** Registers an application for devices beside the running server. */
async function device(server: Server, name: string): Promise<string> {
  const ended = await server.assent(
    ...["app", "create", "--name", name, "--kind", "native", "--auth", "none", "--grant", grantType],
    ...["--scope", "openid profile offline_access media:play"],
    ...["--database", "assent.db", "--key-file", "dev.key", "--json"],
  );
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout).client_id;
}

async function start(server: Server, client: string, scope = "openid profile media:play"): Promise<Started> {
  const answer = await post(server, "/oauth/device/code", { client_id: client, scope });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Started;
}

async function poll(server: Server, client: string, code: string): Promise<Record<string, string | undefined>> {
  const form = { client_id: client, grant_type: grantType, device_code: code };
  return (await (await post(server, "/oauth/token", form)).json()) as Record<string, string | undefined>;
}

function post(server: Server, path: string, form: Record<string, string>): Promise<Response> {
  const headers = { "User-Agent": "Aurora-TV/7.2 (webOS; Linux armv7l) MediaPlayer/19.4 build 20261104" };
  return fetch(server.baseURL + path, { method: "POST", headers, body: new URLSearchParams(form) });
}

// Requirement: device-page, device-user-code, authorize-pages-without-script
test("a person types the code in, compares it, and the device goes on", async ({ server, person: { page } }) => {
  const client = await device(server, "Aurora TV");
  const { user_code: code, device_code } = await start(server, client);
  await page.goto(`${server.baseURL}/device`);
  await inspect(page, "device-entry");
  await page.getByLabel("Code").fill("bbbb bbbb");
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("alert")).toContainText("do not know this code");
  await inspect(page, "device-entry-wrong");
  await page.getByLabel("Code").fill(code.toLowerCase().replace("-", " "));
  await page.getByLabel("Code").press("Enter");
  await expect(page.locator("#user-code")).toHaveText(code);
  await expect(page.getByRole("heading", { name: "Connect Aurora TV?" })).toBeVisible();
  await expect(page.locator("#device-origin")).toContainText("Aurora-TV/7.2");
  await inspect(page, "device-question");
  expect((await poll(server, client, device_code)).error).toBe("authorization_pending");
  await page.getByRole("button", { name: "Allow" }).click();
  await expect(page.getByRole("heading", { name: "Your device is connected" })).toBeVisible();
  await inspect(page, "device-done");
  expect((await poll(server, client, device_code)).access_token).toBeTruthy();
});

// Requirement: device-page
test("a link with the code in it asks all the same, after signing in, and no is no", async ({
  server,
  person: { page },
}) => {
  const client = await device(server, "Aurora TV");
  const started = await start(server, client, "openid offline_access");
  await page.context().clearCookies();
  const signIn = page.waitForRequest((request) => request.url().includes("/signin?return_to="));
  await page.goto(started.verification_uri_complete);
  await signIn; // the virtual device takes up the offer in the field without a click
  await expect(page.locator("#user-code")).toHaveText(started.user_code);
  await page.getByRole("button", { name: "Deny" }).click();
  await expect(page.getByRole("heading", { name: "Nothing was connected" })).toBeVisible();
  await inspect(page, "device-done-denied");
  expect((await poll(server, client, started.device_code)).error).toBe("access_denied");
  await page.goBack();
  await page.goto(started.verification_uri_complete);
  await expect(page.getByRole("alert")).toContainText("do not know this code");
});

// Requirement: device-page, authorize-pages-without-script
test("without script the pages work as they are", async ({ server, person: { page }, browser }) => {
  const client = await device(server, "Aurora TV");
  const started = await start(server, client);
  const context = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await page.context().storageState(),
  });
  const plain = await context.newPage();
  await plain.goto(started.verification_uri);
  await plain.locator("#user_code").fill(started.user_code);
  await plain.locator("#continue").click();
  await plain.locator("#allow").click();
  await expect(plain.locator("#device-done")).toHaveText("Your device is connected");
  expect((await poll(server, client, started.device_code)).access_token).toBeTruthy();
  await context.close();
});

// Requirement: device-rate-limited
test("too many wrong codes lock the page for a while", async ({ server, person: { page } }) => {
  for (const last of "BCDFGHJKLM") await page.goto(`${server.baseURL}/device?user_code=ZZZZ-ZZZ${last}`);
  await page.goto(`${server.baseURL}/device?user_code=ZZZZ-ZZZZ`);
  await expect(page.getByRole("alert")).toContainText("too many wrong codes");
  await expect(page.getByLabel("Code")).toHaveCount(0);
  await inspect(page, "device-locked");
});
