import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import ts from "typescript";

const root = join(import.meta.dirname, "..");
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** A module and all that it imports. */
function modules(file, seen = new Map()) {
  if (seen.has(file)) return seen;
  const text = readFileSync(file, "utf8");
  seen.set(file, text);
  for (const { fileName } of ts.preProcessFile(text).importedFiles) {
    assert.match(fileName, /^\.\//, `${file} imports ${fileName}`);
    modules(resolve(dirname(file), fileName), seen);
  }
  return seen;
}

// Requirement: sdk-weight
test("the package depends on nothing and weighs under 10 kB gzipped, each module by itself", () => {
  assert.equal(dependencies, undefined);
  const all = modules(join(root, "dist/index.js"));
  assert.ok(all.size >= 5, "the modules were found");
  let bytes = 0;
  for (const text of all.values()) bytes += gzipSync(text, { level: 9 }).length;
  console.log(`# ${bytes} bytes gzipped in ${all.size} modules`);
  assert.ok(bytes < 10_000, `${bytes} bytes`);
});

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```(tsx?)\n([\s\S]*?)^```$/gm)].map(([, extension, text], index) => ({
  name: join(root, "test", `readme-${index}.${extension}`),
  text,
}));

// Requirement: sdk-readme
test("the examples of the page about it are right for the compiler", () => {
  assert.ok(blocks.length >= 7);
  const problems = check(blocks);
  assert.deepEqual(problems, []);
  const wrong = {
    name: join(root, "test/readme-wrong.ts"),
    text: 'import { nothing } from "@assent-id/web";\nnothing();',
  };
  assert.equal(check([wrong]).length, 1, "the compiler looks");
});

test("every name that the package exports is described in the page about it", async () => {
  const types = readFileSync(join(root, "src/index.ts"), "utf8");
  const names = new Set([
    ...Object.keys(await import("@assent-id/web")),
    ...Object.keys(await import("@assent-id/web/react")),
  ]);
  for (const [, list] of types.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
    for (const name of list.split(",")) names.add(name.replace(/\btype\b/, "").trim());
  }
  names.delete("");
  assert.ok(names.size > 15);
  assert.deepEqual(
    [...names].filter((name) => !readme.includes(name)),
    [],
  );
});

test("every code that an error may have is in the table", () => {
  const source = readFileSync(join(root, "src/errors.ts"), "utf8");
  const codes = [...source.matchAll(/^ {2}(\w+): "/gm)].map(([, code]) => code);
  assert.ok(codes.length > 20);
  assert.deepEqual(
    codes.filter((code) => !readme.includes(`\`${code}\``)),
    [],
  );
});

/** Type-checks texts as if they were files of this package's users. */
function check(files) {
  const { config } = ts.readConfigFile(join(root, "../../tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, module: "NodeNext", moduleResolution: "NodeNext", jsx: "react-jsx", noEmit: true },
    root,
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const texts = new Map(files.map(({ name, text }) => [name, `${text}\nexport {};\n`]));
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  host.readFile = (name) => texts.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...rest) =>
    texts.has(name) ? ts.createSourceFile(name, texts.get(name), ...rest) : getSourceFile(name, ...rest);
  const program = ts.createProgram([...texts.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}
