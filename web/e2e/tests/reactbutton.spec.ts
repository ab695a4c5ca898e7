import { join } from "node:path";
import type { Page } from "@playwright/test";
import { build, type Rollup } from "vite";
import { inspect } from "../support/screen.ts";
import { expect, test } from "../support/test.ts";

const entry = `
  import { createElement, useState } from "react";
  import { createRoot } from "react-dom/client";
  import { SignInButton } from "@assent-id/web/react";

  function App() {
    const [said, setSaid] = useState("");
    const onClick = () => {
      window.clicks = (window.clicks ?? 0) + 1;
      return new Promise((resolve, reject) => Object.assign(window, { resolve, reject }));
    };
    return createElement("main", null,
      createElement("h1", null, "Shop"),
      createElement(SignInButton, { onClick, onError: (error) => setSaid(error.message) }),
      createElement(SignInButton, { onClick, disabled: true, icon: null }, "Not now"),
      createElement("p", { role: "status" }, said));
  }
  createRoot(document.getElementById("root")).render(createElement(App));
`;

/** One script of the entry above with React and the button. */
async function bundle(): Promise<string> {
  const name = "\0entry";
  const plugin = {
    name: "entry",
    resolveId: (id: string) => (id === "entry" ? name : undefined),
    load: (id: string) => (id === name ? entry : undefined),
  };
  const built = await build({
    ...{ root: join(import.meta.dirname, "../../sdk/web"), configFile: false, logLevel: "silent", plugins: [plugin] },
    build: { write: false, rollupOptions: { input: "entry" } },
  });
  const [{ output }] = [built].flat() as Rollup.RollupOutput[] as [Rollup.RollupOutput];
  return output[0].code;
}

async function open(page: Page) {
  await page.route("https://shop.example/**", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title><style>:root { color-scheme: light dark; font-family: system-ui, sans-serif } body { margin: 2rem } main { display: flex; flex-wrap: wrap; gap: 1rem } h1, p { flex-basis: 100%; margin: 0 }</style><div id="root"></div></html>`,
    }),
  );
  await page.goto("https://shop.example/");
  await page.addScriptTag({ type: "module", content: await bundle() });
}

// Requirement: sdk-react
test("the React button is busy while it signs in: clicked once, focused all the time, and quiet after a failure", async ({
  page,
}) => {
  await open(page);
  const button = page.locator("button").first();
  await expect(button).toHaveText("Sign in with a passkey");
  await expect(button.locator("svg")).toHaveCount(1);
  await expect(page.getByRole("button", { name: "Not now" }).locator("svg")).toHaveCount(0);
  await inspect(page, "react-button");
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(button).toHaveText("Waiting for your passkey…");
  await expect(button).toHaveAttribute("aria-busy", "true");
  await expect(button).toBeFocused();
  await inspect(page, "react-button-busy");
  await button.dispatchEvent("click");
  await page.keyboard.press("Enter");
  expect(await page.evaluate("clicks")).toBe(1);
  await page.evaluate("reject(new Error('No passkey was used.'))");
  await expect(page.getByRole("status")).toHaveText("No passkey was used.");
  await expect(button).toHaveAttribute("aria-busy", "false");
  await button.click();
  await page.evaluate("resolve()");
  await expect(button).toHaveText("Sign in with a passkey");
  expect(await page.evaluate("clicks")).toBe(2);
  await expect(page.getByRole("button", { name: "Not now" })).toBeDisabled();
});
