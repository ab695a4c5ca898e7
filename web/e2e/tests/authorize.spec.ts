import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type Server as HTTPServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

// What a person sees between an application and its code.

const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");

/** An application on a host of its own: it says what it got. */
interface Shop {
  readonly callback: string;
  stop(): void;
}

async function openShop(): Promise<Shop> {
  const listener: HTTPServer = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(
      `<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1><p id="got">${new URL(request.url ?? "", "http://x").searchParams.get("error") ?? "code"}</p>`,
    );
  });
  await new Promise<void>((open) => listener.listen(0, "127.0.0.1", open));
  const { port } = listener.address() as AddressInfo;
  return { callback: `http://127.0.0.1:${port}/callback`, stop: () => listener.close() };
}

async function register(server: Server, callback: string): Promise<void> {
  await writeFile(
    join(server.data, "apps.json"),
    JSON.stringify({
      applications: [
        {
          id: "shop",
          name: "Corner Shop",
          kind: "web",
          profile: "oidc",
          token_endpoint_auth_method: "client_secret_basic",
          secret: "0123456789012345678901234567890123456789",
          grant_types: ["authorization_code", "refresh_token"],
          redirect_uris: [callback],
          scopes: ["openid", "profile", "email", "offline_access", "orders:read", "orders:write"],
          policy_uri: "https://shop.example/privacy",
          tos_uri: "https://shop.example/terms",
          client_uri: "https://shop.example/",
        },
      ],
    }),
  );
  const ended = await server.assent(
    ...["app", "apply", "apps.json", "--database", "assent.db", "--key-file", "dev.key"],
  );
  expect(ended.code, ended.stderr).toBe(0);
}

function request(server: Server, callback: string, extra: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    ...{ client_id: "shop", response_type: "code", redirect_uri: callback, scope: "openid profile email", state: "s" },
    ...{ code_challenge: challenge, code_challenge_method: "S256" },
    ...extra,
  });
  return `${server.baseURL}/oauth/authorize?${query}`;
}

async function signOut(page: Page): Promise<void> {
  expect(await page.evaluate(async () => (await fetch("/signout", { method: "POST" })).status)).toBe(204);
}

// Requirement: consent-shows-new, consent-cancel, authorize-pages-without-script, authorize-pages-client-text
test("a person signs in for an application, agrees, and is asked again for what is new", async ({
  server,
  person: { page, device },
}) => {
  const shop = await openShop();
  await register(server, shop.callback);
  await signOut(page);
  await device.present(false); // the browser offers passkeys by itself; nobody takes one yet

  await page.goto(request(server, shop.callback));
  await expect(page.locator("#lead")).toContainText("to go on to Corner Shop");
  await inspect(page, "authorize-signin");
  await device.present(true);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();

  await expect(page.getByRole("heading", { name: "Allow Corner Shop?" })).toBeVisible();
  await expect(page.locator("#consent-items")).toContainText("See your e-mail address");
  await inspect(page, "consent");
  await page.locator("#deny").click();
  await expect(page.locator("#got")).toHaveText("access_denied");

  await page.goto(request(server, shop.callback));
  await page.keyboard.press("Tab");
  await page.locator("#allow").press("Enter");
  await expect(page.locator("#got")).toHaveText("code");

  await page.goto(request(server, shop.callback)); // remembered
  await expect(page.locator("#got")).toHaveText("code");

  await page.goto(request(server, shop.callback, { scope: "openid email orders:write offline_access" }));
  await expect(page.locator("#consent-new li")).toHaveText([/orders:write/, /Keep this access/]);
  await inspect(page, "consent-more");
  await page.locator("#allow").click();
  await expect(page.locator("#got")).toHaveText("code");
  shop.stop();
});

// Requirement: consent-cancel
test("a person who does not want to sign in goes back to the application", async ({
  server,
  person: { page, device },
}) => {
  const shop = await openShop();
  await register(server, shop.callback);
  await signOut(page);
  await device.present(false);
  await page.goto(request(server, shop.callback));
  await page.getByRole("link", { name: "Go back without signing in" }).click();
  await expect(page.locator("#got")).toHaveText("access_denied");
  shop.stop();
});

// Requirement: authorize-bad-redirect-page
test("an application that nobody can trust gets a page of ours, in plain words", async ({
  server,
  person: { page },
}) => {
  const shop = await openShop();
  await register(server, shop.callback);
  const answer = await page.goto(request(server, "https://evil.example/"));
  expect(answer?.status()).toBe(400);
  await expect(page.getByRole("heading", { name: "This cannot go on" })).toBeVisible();
  await inspect(page, "authorize-error");
  shop.stop();
});

// Requirement: authorize-pages-without-script
test("agreeing works without script", async ({ server, person: { page }, browser }) => {
  const shop = await openShop();
  await register(server, shop.callback);
  const still = await browser.newContext({
    javaScriptEnabled: false,
    storageState: await page.context().storageState(),
  });
  const plain = await still.newPage();
  await plain.goto(request(server, shop.callback));
  await plain.locator("#allow").click();
  await expect(plain.locator("#got")).toHaveText("code");
  await still.close();
  shop.stop();
});
