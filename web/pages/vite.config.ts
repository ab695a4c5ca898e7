import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { compress, sweep } from "../vite.compress.ts";

const out = fileURLToPath(new URL("../../internal/edge/assets/dist/pages", import.meta.url));
const source = fileURLToPath(new URL("src/pages.ts", import.meta.url));

/** One small module with a fixed name; the server adds a version to its URL. */
export default defineConfig({
  base: "./",
  build: {
    outDir: out,
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      input: { pages: source },
      output: { entryFileNames: "[name].js" },
    },
  },
  plugins: [sweep(out), compress(out)],
});
