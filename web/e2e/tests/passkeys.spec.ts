import { management, newIdentity, operate } from "../support/operate.ts";
import { newPerson, type Person, stranger } from "../support/person.ts";
import type { Server } from "../support/server.ts";
import { approveButton, bind, expect, openRequest, outcome, test } from "../support/test.ts";

const create = { name: "Create passkey" };
const signInButton = { name: "Sign in with a passkey" };
const waiting = { name: "Waiting for you" };

// Requirement: passkeys-uv
test("a device that cannot recognise people makes no passkey, and the link stays good", async ({ server, browser }) => {
  const plain = await newPerson(browser, {}, stranger);
  await plain.page.goto(server.bindingLink);
  await plain.page.getByRole("button", create).click();
  await expect(plain.page.getByRole("status")).toContainText("No passkey was created");
  expect(await plain.device.passkeys()).toEqual([]);
  await plain.page.context().close();
  const { page } = await newPerson(browser);
  await bind(page, server);
  await page.context().close();
});

// Requirement: passkeys-uv
test("who is not recognised does not sign in, whatever the device says", async ({
  server,
  person: { page, device },
}) => {
  await atSignIn(page, server);
  await device.recognised(false);
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("status")).toContainText("No passkey was used");
  // The browser lets an answer through that says that nobody was recognised; the server does not.
  await device.recognised(true);
  await device.careless(true);
  const refused = page.waitForResponse((answer) => answer.request().method() === "POST");
  await page.getByRole("button", signInButton).click();
  expect((await refused).status()).toBe(403);
  expect(await (await refused).json()).toMatchObject({ code: "signin_refused" });
  await device.careless(false);
  await page.reload();
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("heading", waiting)).toBeVisible();
});

// Requirement: passkeys-uv
test("who is not recognised decides nothing", async ({ server, person: { page, device } }) => {
  await openRequest(page, server);
  await device.careless(true);
  await approveButton(page).click();
  await expect(page.getByRole("alert")).toContainText("approved");
  await device.careless(false);
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
});

// Requirement: passkeys-clone
test("a copy of a passkey that was left behind does not sign in and is audited, and the passkey itself goes on", async ({
  server,
  person: { page, device },
}) => {
  const copy = await device.passkeys();
  await atSignIn(page, server);
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("heading", waiting)).toBeVisible();
  const own = await device.passkeys();
  await device.hold(copy.map((passkey) => ({ ...passkey, signCount: 0 })));
  await atSignIn(page, server);
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("status")).toContainText("You cannot sign in with this passkey here");
  expect(
    (await (await management(server)).call("GET", "/events?type=passkey.clone_suspected")) as object,
  ).toMatchObject({
    events: [{ type: "passkey.clone_suspected", data: { during: "signin", stored: 2, shown: 1 } }],
  });
  await device.hold(own);
  await atSignIn(page, server);
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("heading", waiting)).toBeVisible();
});

// Requirement: passkeys-elsewhere, passkeys-realms-apart
test("a browser keeps a passkey of another realm on the host, and it signs in there and not here", async ({
  server,
  browser,
}) => {
  const link = await linkInBlue(server);
  const person = await newPerson(browser);
  const { page, device } = person;
  await page.goto(link);
  await page.getByRole("button", create).click();
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  await atSignIn(page, server);
  const refused = page.waitForResponse((answer) => answer.request().method() === "POST");
  await page.getByRole("button", signInButton).click();
  expect(await (await refused).json()).toMatchObject({ code: "passkey_elsewhere" });
  await expect(page.getByRole("status")).not.toBeEmpty();
  expect(await device.passkeys()).toHaveLength(1);
  await page.goto(`${server.baseURL}/realms/blue/signin`);
  await page.getByRole("button", signInButton).click();
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  // And with a passkey in each, each goes its own way: the browser keeps both.
  await bindHere(person, server);
  expect(await device.passkeys()).toHaveLength(2);
  await page.context().close();
});

async function bindHere({ page, device }: Person, server: Server): Promise<void> {
  const before = await device.passkeys();
  await bind(page, server);
  const after = await device.passkeys();
  expect(after.map(({ credentialId }) => credentialId)).toContain(before[0]?.credentialId);
}

/** The sign-in page of a browser that offers nothing in a field, and that is signed out. */
async function atSignIn(page: Person["page"], server: Server): Promise<void> {
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
  await page.context().clearCookies();
  await page.goto(`${server.baseURL}/signin`);
}

/** Makes the realm "blue" with somebody who has a link, beside the running server. */
async function linkInBlue(server: Server): Promise<string> {
  await operate(server, "realm", "create", "blue", "--base-url", server.baseURL);
  // The running server learns of it from the change feed; until then it has no such page.
  await expect.poll(async () => (await fetch(`${server.baseURL}/realms/blue/signin`)).status).toBe(200);
  return newIdentity(server, "bea", "Bea", "blue");
}
