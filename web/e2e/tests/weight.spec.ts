import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { CDPSession, Page } from "@playwright/test";
import { newPerson } from "../support/person.ts";
import { expect, test } from "../support/test.ts";

const kB = 1000;

test("the approver is at most 60 kB on the first visit and nothing on later ones", async ({ server, browser }) => {
  const { page } = await newPerson(browser);
  const first = await weigh(page, async () => {
    await page.goto(`${server.baseURL}/approver/`);
    await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
    await page.evaluate(() => navigator.serviceWorker.ready);
  });
  expect(first.total).toBeGreaterThan(5 * kB);
  // Chromium does not report to the page what its worker fetches for itself.
  for (const name of ["sw.js", "manifest.webmanifest", ""]) {
    first.total += await download(`${server.baseURL}/approver/${name}`);
  }
  expect(first.total, report(first)).toBeLessThanOrEqual(60 * kB);
  const later = await weigh(page, async () => {
    await page.reload();
    await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  });
  const files = Object.keys(later.files).filter((url) => !url.includes("/v1/"));
  expect(files, report(later)).toEqual([]);
  await page.context().close();
});

// Requirement: pages-signin-light
test("the sign-in page is at most 30 kB in all, and the one answer that brings it makes it usable", async ({
  server,
  browser,
}) => {
  const { page } = await newPerson(browser);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const weight = await weigh(page, async () => {
    await page.goto(`${server.baseURL}/signin`);
    await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeEnabled();
    // The icon of the tab is fetched beside it, and nothing waits for it.
    expect(asked.filter((path) => !path.endsWith("/mark.svg"))).toEqual(["/signin"]);
    await page.waitForLoadState("networkidle");
  });
  expect(weight.total, report(weight)).toBeLessThanOrEqual(30 * kB);
  expect(weight.total).toBeGreaterThan(5 * kB);
  expect(asked.filter((path) => !path.endsWith("/mark.svg"))).toEqual(["/signin"]);
  await page.context().close();
});

test("the sign-in page is whole while every other address of the server is silent", async ({ server, browser }) => {
  const { page } = await newPerson(browser);
  await page.route("**/*", (route) => (route.request().isNavigationRequest() ? route.continue() : undefined));
  await page.goto(`${server.baseURL}/signin`, { waitUntil: "commit" });
  const button = page.getByRole("button", { name: "Sign in with a passkey" });
  await expect(button).toBeEnabled();
  await expect(button).toHaveCSS("background-color", "rgb(10, 101, 73)");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.context().close();
});

interface Weight {
  total: number;
  files: Record<string, number>;
}

/** Bytes over the wire, headers included, of what a page loads. */
async function weigh(page: Page, visit: () => Promise<void>): Promise<Weight> {
  const session = await page.context().newCDPSession(page);
  const files: Record<string, number> = {};
  await count(session, files);
  await visit();
  await session.detach();
  return { total: Object.values(files).reduce((sum, bytes) => sum + bytes, 0), files };
}

async function count(session: CDPSession, files: Record<string, number>): Promise<void> {
  const urls = new Map<string, string>();
  await session.send("Network.enable");
  session.on("Network.responseReceived", ({ requestId, response }) => {
    if (!response.fromServiceWorker && !response.fromDiskCache) urls.set(requestId, response.url);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = urls.get(requestId);
    if (url && encodedDataLength > 0) files[url] = encodedDataLength;
  });
}

/** Bytes over the wire of one file as a browser asks for it. */
async function download(url: string): Promise<number> {
  const [answer] = (await once(get(url, { headers: { "accept-encoding": "br" } }), "response")) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  let bytes = answer.rawHeaders.join(": ").length;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  return bytes;
}

function report(weight: Weight): string {
  return JSON.stringify(weight, null, 2);
}
