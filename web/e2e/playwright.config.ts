import { defineConfig } from "@playwright/test";

/**
 * The browser tests: the real server, the real pages, Debian's Chromium with a
 * virtual authenticator. Every test starts a server of its own on a free port.
 */
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  timeout: 120_000,
  workers: 2,
  // The machine may be busy with other checks.
  expect: { timeout: 15_000 },
  fullyParallel: true,
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    viewport: { width: 1280, height: 860 },
    actionTimeout: 10_000,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.ASSENT_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
