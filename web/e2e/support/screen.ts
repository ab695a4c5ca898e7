import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect } from "./test.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = join(import.meta.dirname, "../artifacts");

interface Finding {
  id: string;
  impact: string | null;
  nodes: { target: unknown; failureSummary?: string }[];
}

/** Widths that people have in front of them. */
export const sizes = { desktop: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };

/** Takes a screen in light and dark, at desktop and phone width: a picture of each, and no serious finding of axe-core. */
export async function inspect(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      await drawn(page);
      await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      expect(await serious(page), `${name}, ${size}, ${colorScheme}`).toEqual([]);
      expect(await overflows(page), `${name} is wider than a ${size}`).toBe(false);
    }
  }
  await page.setViewportSize(sizes.desktop);
}

/** Waits until a frame in the page has been drawn at its new size: one without script cannot say when. */
async function drawn(page: Page): Promise<void> {
  if (page.frames().length > 1) await page.waitForTimeout(400);
}

async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { axe: runner } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
    return (await runner.run()).violations;
  });
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`,
  );
}

function overflows(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}
