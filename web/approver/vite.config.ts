import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { compress, sweep } from "../vite.compress.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const out = path("../../internal/edge/assets/dist/approver");

/**
 * Writes the names of the shell's files, and a version that changes with any
 * of them, into the service worker, which was bundled with the two left open.
 */
function precache(): Plugin {
  return {
    name: "assent-precache",
    writeBundle() {
      const assets = readdirSync(join(out, "assets")).sort();
      const files = ["./", "manifest.webmanifest", "icons/mark.svg", ...assets.map((name) => `assets/${name}`)];
      const version = createHash("sha256");
      for (const file of files)
        version.update(file).update(readFileSync(join(out, file === "./" ? "index.html" : file)));
      const head = `const ASSENT_VERSION="${version.digest("hex").slice(0, 12)}",ASSENT_FILES=${JSON.stringify(files)};`;
      const worker = join(out, "sw.js");
      writeFileSync(worker, head + readFileSync(worker, "utf8"));
    },
  };
}

export default defineConfig({
  base: "./",
  build: {
    outDir: out,
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: path("index.html"), sw: path("src/sw.ts") },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [sweep(out), precache(), compress(out)],
});
