import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

// Not index.html: the server writes the realm's path into it.
const text = /\.(js|css|svg|webmanifest)$/;

/**
 * Writes FILE.br and FILE.gz beside every text file of a build, so that the
 * server never compresses: it only picks a file.
 */
export function compress(folder: string): Plugin {
  return {
    name: "assent-compress",
    writeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (text.test(name)) compressFile(join(folder, name));
      }
    },
  };
}

function compressFile(path: string): void {
  const bytes = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

/** Empties an output folder but for its .gitkeep, which keeps the folder in a fresh clone. */
export function sweep(folder: string): Plugin {
  return {
    name: "assent-sweep",
    buildStart() {
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) {
        if (name !== ".gitkeep") rmSync(join(folder, name), { recursive: true });
      }
    },
  };
}
