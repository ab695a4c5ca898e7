// @ts-check
/**
 * The browser of seed-003.sh: Chromium with a virtual authenticator, and the
 * application's site. Reads a JSON line for each thing to do, writes one for
 * what came of it.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const [issuer = "", origin = ""] = process.argv.slice(2);
const web = join(import.meta.dirname, "../web");
/** @type {typeof import("playwright-core")} */
const { chromium } = createRequire(join(web, "package.json"))("playwright-core");

const document = (/** @type {string} */ script) =>
  `<!doctype html><title>Shop</title><script type="module">import * as sdk from "/sdk/index.js"; sdk.initialize(${JSON.stringify({ issuer })}); ${script}</script>`;

/** The site, as an application would have it. @type {Record<string, string>} */
const pages = {
  "/": document("window.sdk = sdk;"),
  "/assent-authenticate": document("location.replace((await sdk.authenticate(location.href)).redirectUrl);"),
  "/callback": "<!doctype html><title>Shop</title><p>Back at the application.",
};

const site = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", origin);
  const script = pathname.startsWith("/sdk/") && pathname.endsWith(".js");
  const text = script ? await readFile(join(web, "sdk/web/dist", basename(pathname)), "utf8") : pages[pathname];
  response.writeHead(text ? 200 : 404, { "Content-Type": script ? "text/javascript" : "text/html" }).end(text);
});
await new Promise((resume) => site.listen(Number(new URL(origin).port), "127.0.0.1", () => resume(undefined)));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? process.env.ASSENT_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
process.once("SIGTERM", () => void browser.close().finally(() => process.exit(0)));
const page = await browser.newPage();
const session = await page.context().newCDPSession(page);
await session.send("WebAuthn.enable");
await session.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    ...{ protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true },
    ...{ isUserVerified: true, automaticPresenceSimulation: true },
  },
});

/** @type {Record<string, (url: string) => Promise<object>>} */
const deeds = { bind, automatic, manual };
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { do: deed, url } = JSON.parse(line);
    console.log(JSON.stringify(await /** @type {typeof bind} */ (deeds[deed])(url)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
process.exit(0);

/** @param {string} url */
async function bind(url) {
  await ready();
  return page.evaluate((link) => /** @type {any} */ (globalThis).sdk.bindPasskey(link), url);
}

/** @param {string} url */
async function automatic(url) {
  await page.goto(url);
  await page.waitForURL((at) => at.pathname === "/callback", { timeout: 20_000 });
  return Object.fromEntries(new URL(page.url()).searchParams);
}

/** @param {string} url */
async function manual(url) {
  await ready();
  const back = await page.evaluate(async (authorize) => {
    const { sdk } = /** @type {any} */ (globalThis);
    const { authenticate_url: request } = await (await fetch(authorize)).json();
    if (!sdk.isAuthenticateUrl(request)) throw new Error("not an authenticate URL");
    const [passkey] = await sdk.getPasskeys();
    return (await sdk.authenticate(request, passkey.id)).redirectUrl;
  }, url);
  return Object.fromEntries(new URL(back).searchParams);
}

async function ready() {
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => "sdk" in globalThis);
}
