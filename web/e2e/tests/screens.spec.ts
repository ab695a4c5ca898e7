import { newIdentity, operate } from "../support/operate.ts";
import { newPerson } from "../support/person.ts";
import { inspect } from "../support/screen.ts";
import { approveButton, demoAsk, denyButton, expect, openRequest, outcome, test } from "../support/test.ts";

test("binding, sign-in and the pages about links", async ({ server, page }) => {
  await page.goto(server.bindingLink);
  await inspect(page, "bind");
  await page.goto(`${server.baseURL}/bind?token=nothing`);
  await expect(page.getByRole("heading", { name: "We do not know this link" })).toBeVisible();
  await inspect(page, "link-unknown");
  await page.goto(`${server.baseURL}/signin`);
  await inspect(page, "signin");
  await page.goto(`${server.baseURL}/approver/`);
  await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  await inspect(page, "signed-out");
});

test("signing out by a plain form, a used link and an unknown page", async ({ server, person: { page } }) => {
  await page.evaluate(() => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: "../signout" });
    document.body.append(form);
    form.submit();
  });
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await inspect(page, "signed-out-page");
  await page.goto(server.bindingLink);
  await expect(page.getByRole("heading", { name: "This link has been used" })).toBeVisible();
  await inspect(page, "link-used");
  await page.goto(`${server.baseURL}/pages/static/nothing`);
  await expect(page.getByRole("heading", { name: "There is no page here" })).toBeVisible();
  await inspect(page, "error");
});

test("links that are too old, for somebody else, or of somebody who is stopped", async ({
  server,
  person: { page },
  browser,
}) => {
  const link = async (who: string) =>
    (await operate(server, "identity", "link", who, "--base-url", server.baseURL, "--expires", "1m")).link ?? "";
  const toBob = await newIdentity(server, "bob", "Bob Stone");
  const old = await link("bob");
  await page.goto(toBob);
  await expect(page.getByRole("heading", { name: "You are signed in as somebody else" })).toBeVisible();
  await inspect(page, "link-other");
  const ann = (await newPerson(browser)).page;
  await ann.goto(await newIdentity(server, "ann", "Ann Field"));
  await ann.getByRole("button", { name: "Create passkey" }).click();
  await expect(ann.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
  await ann.goto(`${server.baseURL}/account`);
  await ann.getByRole("link", { name: "Remove" }).click();
  await ann.getByRole("checkbox").check();
  await ann.getByRole("button", { name: "Remove passkey" }).click();
  await expect(ann.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await ann.goto(await link("ann"));
  await expect(ann.getByRole("heading", { name: "This link is not enough" })).toBeVisible();
  await inspect(ann, "link-lost");
  await ann.context().close();
  const stranger = (await newPerson(browser)).page;
  const toEve = await newIdentity(server, "eve", "Eve Rain");
  const suspended = await server.assent(
    "identity",
    "suspend",
    "eve",
    "--database",
    "assent.db",
    "--key-file",
    "dev.key",
  );
  expect(suspended.code, suspended.stderr).toBe(0);
  // The running server hears of what another process did within a second.
  await expect.poll(async () => (await stranger.goto(toEve))?.status()).toBe(403);
  await expect(stranger.getByRole("heading", { name: "This account is stopped" })).toBeVisible();
  await inspect(stranger, "link-stopped");
  // A link lives for a minute at least.
  await expect.poll(async () => (await stranger.goto(old))?.status(), { timeout: 90_000, intervals: [2000] }).toBe(410);
  await expect(stranger.getByRole("heading", { name: "This link is too old" })).toBeVisible();
  await inspect(stranger, "link-expired");
  await stranger.context().close();
});

test("another passkey, and the letter about it in the mailbox", async ({ server, person }) => {
  const { page, device } = person;
  await page.goto(`${server.baseURL}/dev/mailbox`);
  await expect(page.getByText("No messages yet")).toBeVisible();
  await inspect(page, "mailbox-empty");
  await page.goto(`${server.baseURL}/account/passkeys/new`);
  await expect(page.getByRole("heading", { name: "Add a passkey" })).toBeVisible();
  await inspect(page, "account-add");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("heading", { name: "Add another passkey" })).toBeVisible();
  await inspect(page, "bind-another");
  await device.present(false);
  await person.plugIn();
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page.locator("#done")).toContainText("Your new passkey is ready");
  await expect
    .poll(async () => (await page.goto(`${server.baseURL}/dev/mailbox`)) && page.locator(".letter").count(), {
      timeout: 30_000,
    })
    .toBe(1);
  await inspect(page, "mailbox");
  // A mail program shows the letter without the server.
  const letter = await page.request.get(
    new URL((await page.locator("iframe").getAttribute("src")) ?? "", page.url()).href,
  );
  await page.goto("about:blank");
  await page.setContent(await letter.text());
  await expect(page.getByRole("heading", { name: "You have a new passkey" })).toBeVisible();
  await inspect(page, "letter");
});

test("sign-in and binding without script", async ({ server, browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  for (const address of [`${server.baseURL}/signin`, server.bindingLink]) {
    await page.goto(address);
    await expect(page.getByText("Passkeys need JavaScript")).toBeVisible();
    await expect(page.getByRole("button")).toHaveCount(0);
  }
  await page.goto(`${server.baseURL}/approver/`);
  await expect(page.getByText("The approver needs JavaScript")).toBeVisible();
  await context.close();
});

test("the waiting list, empty and full", async ({ server, person: { page } }) => {
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  await inspect(page, "waiting-empty");
  await demoAsk(page, server);
  await demoAsk(page, server, { message: "Delete 1,204 messages older than two years" });
  await expect(page.locator(".item")).toHaveCount(2);
  await inspect(page, "waiting");
});

test("a request, the question before a denial, and the denial", async ({ server, person: { page } }) => {
  await openRequest(page, server);
  await page.getByText("Exact details").click();
  await inspect(page, "request-exactly");
  await page.getByText("Exact details").click();
  await inspect(page, "request");
  await denyButton(page).click();
  await inspect(page, "request-deny");
  await page.getByRole("button", { name: "Yes, deny" }).click();
  await expect(outcome(page, "Denied")).toBeVisible();
  await inspect(page, "outcome-denied");
});

test("an approval, and a request that ran out", async ({ server, person: { page } }) => {
  await openRequest(page, server);
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  await inspect(page, "outcome-approved");
  await page.getByRole("link", { name: "Back to waiting" }).click();
  await openRequest(page, server, { expires_in: 3 });
  await expect(outcome(page, "Ran out")).toBeVisible();
  await inspect(page, "outcome-expired");
});

test("history and passkeys", async ({ server, person: { page } }) => {
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.getByRole("heading", { name: "Nothing yet" })).toBeVisible();
  await inspect(page, "history-empty");
  await page.getByRole("link", { name: "Waiting" }).click();
  await openRequest(page, server);
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.locator(".entry")).toHaveCount(1);
  await inspect(page, "history");
  await page.getByRole("link", { name: "Passkeys" }).click();
  await expect(page.locator(".entry")).toHaveCount(1);
  await inspect(page, "passkeys");
});

test("no connection, and a request that is not there", async ({ server, person: { page } }) => {
  await openRequest(page, server);
  await page.context().setOffline(true);
  await expect(page.getByText("No connection.")).toBeVisible();
  await inspect(page, "offline");
  await page.context().setOffline(false);
  await page.goto(`${server.baseURL}/approver/approvals/apr_00000000000000000000000000`);
  await expect(page.getByRole("heading", { name: "This request is not here" })).toBeVisible();
  await inspect(page, "request-missing");
});
