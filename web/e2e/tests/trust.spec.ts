import type { Page } from "@playwright/test";
import { pieces, visible } from "../../approver/src/lib/visible.ts";
import type { Server } from "../support/server.ts";
import { approveButton, expect, openRequest, outcome, test } from "../support/test.ts";

const override = "\u202E";

test("text of others is text: markup, hidden and look-alike characters are shown as what they are", async ({
  server,
  person: { page, device },
}) => {
  const detail = `file=<img src=x onerror=alert(1)>${override}gpj.exe`;
  const asking = server.assent(
    "approve",
    "--profile",
    "agent.json",
    "Send <b>everything</b>",
    "--detail",
    detail,
    "--detail",
    "to=p\u0430ypal.com",
  );
  await page.getByRole("link", { name: "asks" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Send <b>everything</b>");
  await expect(page.getByText(`<img src=x onerror=alert(1)>⟨U+202E⟩gpj.exe`, { exact: true })).toBeVisible();
  await expect(page.getByText("pа⟨U+0430⟩ypal.com", { exact: true })).toBeVisible();
  await expect(page.getByText("characters that hide or imitate")).toBeVisible();
  expect(await page.locator("main img, main h1 b").count()).toBe(0);
  const before = await device.signatures();
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  expect(await device.signatures()).toBe(before + 1);
  expect((await asking).code).toBe(0);
});

test("a statement that does not match its fingerprint is not put before the person", async ({ server, person }) => {
  const { page, device } = person;
  const before = await device.signatures();
  await page.route(/\/v1\/approvals\/apr_/, async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    json.statement.shown.title = "Something harmless";
    await route.fulfill({ response: answer, json });
  });
  const { id } = await askAndOpen(page, server);
  await expect(page.getByRole("heading", { name: "This request is not shown" })).toBeVisible();
  await expect(page.getByText("Something harmless")).toHaveCount(0);
  await expect(approveButton(page)).toHaveCount(0);
  expect(id).not.toBe("");
  expect(await device.signatures()).toBe(before);
});

test("a page whose text was changed after the check does not sign", async ({ server, person: { page, device } }) => {
  await openRequest(page, server);
  const before = await device.signatures();
  await page.evaluate(() => {
    const title = document.querySelector("h1 [data-shown]");
    if (title) title.textContent = "Something harmless";
  });
  await approveButton(page).click();
  await expect(page.getByRole("alert")).toContainText("does not show the request as it is");
  expect(await device.signatures()).toBe(before);
});

async function askAndOpen(page: Page, server: Server) {
  await page.getByRole("button", { name: "Let the demo agent ask" }).click();
  const asked = await server.next("asked");
  await page.getByRole("link", { name: "asks" }).click();
  return { id: asked.approval_id ?? "" };
}

test.describe("characters", () => {
  const cases: [name: string, text: string, want: string][] = [
    ["plain text stays", "Deploy v2 to production", "Deploy v2 to production"],
    ["other languages stay", "Überweisung für Łukasz, Ελλάδα, Привет, 日本語, مرحبا", ""],
    ["emoji stay, with their joiners", "👩‍💻 ❤️ 🇮🇸 👍🏽", ""],
    ["direction controls", "a\u202Eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"],
    ["zero width", "a\u200Bb\uFEFFc\u00ADd", "a⟨U+200B⟩b⟨U+FEFF⟩c⟨U+00AD⟩d"],
    ["controls", "a\u0000\u001Bb\tc", "a⟨U+0000⟩⟨U+001B⟩b⟨U+0009⟩c"],
    ["a line break breaks the line and is marked", "a\nb", "a⟨U+000A⟩\nb"],
    ["spaces that are no spaces", "a\u00A0b\u3000c\u2800d", "a⟨U+00A0⟩b⟨U+3000⟩c⟨U+2800⟩d"],
    ["fillers and tags", "a\u3164b\u{E0041}c", "a⟨U+3164⟩b⟨U+E0041⟩c"],
    ["a Cyrillic letter in a Latin word", "pаypal", "pа⟨U+0430⟩ypal"],
    ["a Greek letter in a Latin word", "micrοsoft", "micrο⟨U+03BF⟩soft"],
    ["a word of twins among Latin words", "visit соре now", "visit с⟨U+0441⟩о⟨U+043E⟩р⟨U+0440⟩е⟨U+0435⟩ now"],
    ["full-width letters and a false slash", "ｐay∕x", "ｐ⟨U+FF50⟩ay∕⟨U+2215⟩x"],
    ["too many accents", "a\u0301\u0302\u0303\u0304", "a\u0301\u0302\u0303⟨U+0304⟩"],
    ["a lone surrogate", "a\uD800b", "a⟨U+D800⟩b"],
  ];
  for (const [name, text, want] of cases) {
    test(name, () => {
      expect(visible(text)).toBe(want || text);
      expect(pieces(text).every((piece) => piece.kind !== "text" || text.includes(piece.text))).toBe(true);
    });
  }
});
