/**
 * A JSON parser (RFC 8259) that refuses what RFC 8785 leaves undefined and
 * JSON.parse lets pass: duplicate members, lone surrogates, numbers beyond a
 * double, and more than 64 levels. If it is wrong, two readers may see two
 * different pieces of evidence in one text.
 */
import { isWellFormed } from "./canonical.js";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

/** Why a text was refused. */
export class JsonFault extends Error {
  /**
   * The members that lead to the fault, outermost first, when the text is
   * well-formed JSON up to there; undefined when it is not JSON at all.
   */
  readonly path: string[] | undefined;
  constructor(reason: string, path?: string[]) {
    super(`JSON: ${reason}`);
    this.path = path;
  }
}

interface Reader {
  readonly text: string;
  at: number;
}

/** Parses one JSON text. Throws a JsonFault. */
export function parseJson(text: string, maxDepth = 64): Json {
  if (!isWellFormed(text)) throw new JsonFault("not UTF-8");
  const r: Reader = { text, at: 0 };
  skipSpace(r);
  const value = readValue(r, maxDepth);
  skipSpace(r);
  if (r.at !== text.length) throw new JsonFault("text after the end of the value");
  return value;
}

/** The member of this name, or undefined; never one of the prototype. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The member of this name if it is a string, else "". */
export function stringMember(object: JsonObject, name: string): string {
  const value = member(object, name);
  return typeof value === "string" ? value : "";
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function skipSpace(r: Reader): void {
  while (/[ \t\n\r]/.test(r.text.charAt(r.at))) r.at++;
}

/** Moves over the character if it comes next. */
function take(r: Reader, character: string): boolean {
  if (r.text[r.at] !== character) return false;
  r.at++;
  return true;
}

function readValue(r: Reader, depth: number): Json {
  const next = r.text.charAt(r.at);
  if (next === "{" || next === "[") {
    if (depth === 0) throw new JsonFault("nested too deeply", []);
    return next === "{" ? readObject(r, depth - 1) : readArray(r, depth - 1);
  }
  if (next === '"') return readString(r);
  if (/[-0-9]/.test(next)) return readNumber(r);
  for (const [word, value] of [
    ["true", true],
    ["false", false],
    ["null", null],
  ] as const) {
    if (r.text.startsWith(word, r.at)) {
      r.at += word.length;
      return value;
    }
  }
  throw new JsonFault("not a value");
}

function readArray(r: Reader, depth: number): Json[] {
  const items: Json[] = [];
  take(r, "[");
  skipSpace(r);
  if (take(r, "]")) return items;
  for (;;) {
    skipSpace(r);
    items.push(readValue(r, depth));
    skipSpace(r);
    if (take(r, "]")) return items;
    if (!take(r, ",")) throw new JsonFault("expected , or ]");
  }
}

function readObject(r: Reader, depth: number): JsonObject {
  const object: JsonObject = {};
  const names: string[] = [];
  take(r, "{");
  skipSpace(r);
  if (take(r, "}")) return object;
  for (;;) {
    skipSpace(r);
    const name = readString(r);
    names.push(name);
    const value = readMemberValue(r, depth, name);
    // An assignment to __proto__ would set the prototype.
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
    skipSpace(r);
    if (take(r, "}")) break;
    if (!take(r, ",")) throw new JsonFault("expected , or }");
  }
  names.sort();
  const twice = names.find((name, i) => i > 0 && name === names[i - 1]);
  if (twice !== undefined) throw new JsonFault("duplicate member", [twice]);
  return object;
}

function readMemberValue(r: Reader, depth: number, name: string): Json {
  skipSpace(r);
  if (!take(r, ":")) throw new JsonFault("expected :");
  skipSpace(r);
  try {
    return readValue(r, depth);
  } catch (error) {
    if (error instanceof JsonFault) error.path?.unshift(name);
    throw error;
  }
}

const plain = '[^"\\\\\\u0000-\\u001f]*';
const escaped = '\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})';
const stringBody = `${plain}(?:${escaped}${plain})*`;

function readString(r: Reader): string {
  const start = r.at;
  if (!take(r, '"')) throw new JsonFault("expected a string");
  const body = new RegExp(stringBody, "y");
  body.lastIndex = r.at;
  r.at += body.exec(r.text)?.[0].length ?? 0;
  const text: string = JSON.parse(`${r.text.slice(start, r.at)}"`);
  // What comes first in the text is the fault, as in the Go implementation.
  if (!isWellFormed(text)) throw new JsonFault("lone surrogate", []);
  if (!take(r, '"')) throw new JsonFault("string with a bare control character, an unknown escape or without an end");
  return text;
}

function readNumber(r: Reader): number {
  const loose = /-?[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?/y;
  loose.lastIndex = r.at;
  const text = loose.exec(r.text)?.[0] ?? "";
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)) throw new JsonFault("not a number");
  r.at += text.length;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new JsonFault("number beyond a double", []);
  return value;
}
