import { readFile, writeFile } from "node:fs/promises";
import type { Locator, Page } from "@playwright/test";
import { approveButton, demoAsk, denyButton, expect, openRequest, outcome, test } from "../support/test.ts";

test("the printed link leads from a new passkey to a verified approval", async ({ server, person: { page } }) => {
  await page.getByRole("button", { name: "Let the demo agent ask" }).click();
  const asked = await server.next("asked");
  await page.getByRole("link", { name: "asks" }).click();
  await expect(page.locator(".digits .sr")).toHaveText([...(asked.comparison ?? "")].join(" "));
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  const verified = await server.next("verified");
  expect(verified).toMatchObject({ approval_id: asked.approval_id, outcome: "approved" });
});

test("the downloaded evidence of an approval holds offline, and a changed copy does not", async ({
  server,
  person,
}) => {
  const { page } = person;
  await openRequest(page, server);
  await approveButton(page).click();
  await server.next("verified");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download evidence" }).click(),
  ]);
  await download.saveAs(`${server.data}/mine.json`);
  const keys = `${server.baseURL}/v1/evidence/keys`;
  const good = await server.assent("verify", "mine.json", "--keys", keys);
  expect(good, good.stderr).toMatchObject({ code: 0 });
  const text = await readFile(`${server.data}/mine.json`, "utf8");
  await writeFile(`${server.data}/broken.json`, text.replace("approve", "Approve"));
  expect((await server.assent("verify", "broken.json", "--keys", keys)).code).not.toBe(0);
});

test("a denial needs no passkey and reaches the agent", async ({ server, person: { page, device } }) => {
  const { id } = await openRequest(page, server);
  const before = await device.signatures();
  await denyButton(page).click();
  await expect(page.getByRole("button", { name: "Go back" })).toBeFocused();
  await page.getByRole("button", { name: "Yes, deny" }).click();
  await expect(outcome(page, "Denied")).toBeVisible();
  expect(await server.next("refused")).toMatchObject({ approval_id: id, outcome: "denied" });
  expect(await device.signatures()).toBe(before);
});

test("a request that runs out while it is looked at says so and cannot be approved", async ({ server, person }) => {
  const { page } = person;
  const { id } = await openRequest(page, server, { expires_in: 3 });
  await expect(outcome(page, "Ran out")).toBeVisible();
  await expect(approveButton(page)).toHaveCount(0);
  expect(await server.next("refused")).toMatchObject({ approval_id: id, outcome: "expired" });
});

test("of two tabs that decide at once one wins, and the other says what happened", async ({ server, person }) => {
  const { page } = person;
  const { id } = await openRequest(page, server);
  const other = await person.tab();
  await other.goto(page.url());
  await denyButton(other).click();
  await pressTogether(approveButton(page), other.getByRole("button", { name: "Yes, deny" }));
  const end = await Promise.race([server.next("verified"), server.next("refused")]);
  expect(end.approval_id).toBe(id);
  const name = end.event === "verified" ? "Approved" : "Denied";
  await expect(outcome(page, name)).toBeVisible();
  await expect(outcome(other, name)).toBeVisible();
  const [winner, loser] = name === "Approved" ? [page, other] : [other, page];
  await expect(loser.getByText("not here")).toBeVisible();
  await expect(winner.getByText("not here")).toHaveCount(0);
});

test("of two tabs that approve at once exactly one was the one", async ({ server, person }) => {
  const { page } = person;
  await openRequest(page, server);
  const other = await person.tab();
  await other.goto(page.url());
  await expect(approveButton(other)).toBeEnabled();
  await pressTogether(approveButton(page), approveButton(other));
  await expect(outcome(page, "Approved")).toBeVisible();
  await expect(outcome(other, "Approved")).toBeVisible();
  await server.next("verified");
  const notHere = async () => {
    const counts = await Promise.all([page, other].map((tab) => tab.getByText("not here").count()));
    return counts.reduce((sum, count) => sum + count);
  };
  await expect.poll(notHere).toBe(1);
});

test("an answer given in another tab appears without reloading", async ({ server, person }) => {
  const { page } = person;
  await openRequest(page, server);
  const other = await person.tab();
  await other.goto(page.url());
  await approveButton(other).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  await expect(page.getByText("not here")).toBeVisible();
});

test("a passkey that was not used leaves the request open, and a second try works", async ({ server, person }) => {
  const { page, device } = person;
  await openRequest(page, server);
  await device.recognised(false);
  await approveButton(page).click();
  await expect(page.getByRole("alert")).toContainText("nothing was approved");
  await device.recognised(true);
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
});

test("a new request shows up, and one that ends goes away, without reloading", async ({ server, person: { page } }) => {
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  await demoAsk(page, server, { expires_in: 4 });
  await expect(page.getByRole("link", { name: "asks" })).toBeVisible();
  await expect(page).toHaveTitle("(1) Assent");
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
});

test("the whole answer can be given with the keyboard alone", async ({ server, person: { page } }) => {
  await demoAsk(page, server);
  await expect(page.getByRole("link", { name: "asks" })).toBeVisible();
  await tabTo(page, "asks");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await tabTo(page, "Deny");
  // Without a pause: the second Enter must not deny, and Escape must not leave.
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(denyButton(page)).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect(denyButton(page)).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await expect(approveButton(page)).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(outcome(page, "Approved")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeFocused();
});

for (const viewport of [
  { width: 360, height: 667 },
  { width: 400, height: 740 },
]) {
  test(`on a phone of ${viewport.width}×${viewport.height} the answer is in sight however long the request is`, async ({
    server,
    person: { page },
  }) => {
    await page.setViewportSize(viewport);
    await openRequest(page, server);
    const inSight = async () => {
      for (const part of [page.locator(".digits"), page.locator(".time-left"), denyButton(page), approveButton(page)])
        await expect(part).toBeInViewport({ ratio: 1 });
    };
    await inSight();
    await page.getByText("Exact details").click();
    await inSight();
    // Everything else can be scrolled out from behind it.
    const end = page.locator(".exactly-facts dd").last();
    await end.scrollIntoViewIfNeeded();
    await page.mouse.move(180, 200);
    await page.mouse.wheel(0, 5000);
    await expect.poll(() => uncovered(end)).toBe(true);
    await inSight();
    await denyButton(page).click();
    await expect(page.getByRole("button", { name: "Yes, deny" })).toBeInViewport({ ratio: 1 });
    await page.getByRole("button", { name: "Yes, deny" }).click();
    await expect(outcome(page, "Denied")).toBeVisible();
    await expect(page.getByRole("link", { name: "History" })).toBeInViewport();
    await expect(page.getByRole("link", { name: "Back to waiting" })).toBeInViewport({ ratio: 1 });
  });
}

/** True if nothing lies over the middle of an element. */
function uncovered(part: Locator): Promise<boolean> {
  return part.evaluate((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  });
}

/** Presses buttons of several tabs at the same moment. */
async function pressTogether(...buttons: Locator[]): Promise<void> {
  const moment = Date.now() + 1000;
  const press = (button: HTMLElement | SVGElement, at: number) => {
    setTimeout(() => (button as HTMLElement).click(), at - Date.now());
  };
  await Promise.all(buttons.map((button) => button.evaluate(press, moment)));
}

/** Presses Tab until the focus is on the control whose text has these words. */
async function tabTo(page: Page, words: string): Promise<void> {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate(() => document.activeElement?.textContent ?? "");
    if (text.includes(words)) return;
  }
  throw new Error(`the focus never reached "${words}"`);
}
