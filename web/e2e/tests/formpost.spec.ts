import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { newRelyingParty, type RelyingParty } from "../support/relyingparty.ts";
import { inspect } from "../support/screen.ts";
import type { Server } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

// PKCE plays no part here: the challenge of RFC 7636, Appendix B.
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

function request(server: Server, app: RelyingParty, origin = app.origin): string {
  return `${server.baseURL}/oauth/authorize?${new URLSearchParams({
    ...{ client_id: app.clientId, redirect_uri: `${origin}/callback`, response_type: "code", scope: "openid" },
    ...{ code_challenge: challenge, code_challenge_method: "S256", state: '"><b>state', response_mode: "form_post" },
  })}`;
}

/** What the application was posted last. */
function posted(app: RelyingParty): string[][] {
  const last = app.heard("/callback").at(-1);
  expect(last?.method).toBe("POST");
  expect(last?.url.search).toBe("");
  return [...(last?.form ?? [])].map(([name, value]) => [name, name === "code" ? "" : value]);
}

function answered(server: Server): string[][] {
  return [
    ["code", ""],
    ["state", '"><b>state'],
    ["iss", server.baseURL],
  ];
}

const arrived = (page: Page) => expect(page.getByRole("heading", { name: "Notes" })).toBeVisible();

// Requirement: authorize-form-post, authorize-pages-csp
test("an answer that is posted goes by itself, through the policy of the page", async ({
  server,
  person: { page },
}) => {
  const app = await newRelyingParty(server, "Notes");
  await page.goto(request(server, app));
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await arrived(page);
  expect(posted(app)).toEqual(answered(server));
  await app.stop();
});

// Requirement: authorize-form-post, authorize-pages-without-script
test("without script a button posts the answer", async ({ server, browser, person: { page } }) => {
  const app = await newRelyingParty(server, "Notes");
  await page.goto(request(server, app));
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await arrived(page);
  const storageState = await page.context().storageState();
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState });
  const still = await plain.newPage();
  await still.goto(request(server, app));
  expect(app.heard("/callback")).toHaveLength(1);
  await still.getByRole("button", { name: "Continue" }).click();
  await arrived(still);
  expect(app.heard("/callback")).toHaveLength(2);
  expect(posted(app)).toEqual(answered(server));
  await plain.close();

  // To look at the page closely takes scripts; only its own is kept away.
  const held = await browser.newContext({ storageState });
  await held.route("**/pages/scripts/**", (route) => route.abort());
  const open = await held.newPage();
  await open.goto(request(server, app));
  await inspect(open, "form-post");
  await held.close();
  await app.stop();
});

// A browser holds what comes after a form to the policy of the form's page.
// Requirement: authorize-form-post
test("an application may send the browser on to another host of its own", async ({ server, person: { page } }) => {
  let home = "";
  const back = createServer((incoming, answer) => {
    incoming.resume();
    answer.writeHead(303, { Location: home }).end();
  });
  await new Promise<void>((resume) => back.listen(0, "127.0.0.1", resume));
  const origin = `http://127.0.0.1:${(back.address() as AddressInfo).port}`;
  const app = await newRelyingParty(server, "Notes", { redirect_uris: [`${origin}/callback`], first_party: true });
  home = `${app.origin}/home`;
  await page.goto(request(server, app, origin));
  await arrived(page);
  expect(page.url()).toBe(home);
  back.closeAllConnections();
  back.close();
  await app.stop();
});
