/**
 * JSON Canonicalization Scheme (RFC 8785, https://www.rfc-editor.org/rfc/rfc8785).
 * If this file is wrong, a passkey signs the hash of another text than the one
 * that everybody else computes.
 */

const maxDepth = 64;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * The RFC 8785 form of a JSON value. Members that are undefined are left out,
 * as JSON.stringify does. Throws a TypeError for what has no canonical form:
 * lone surrogates, NaN and infinities, values that JSON does not have, and
 * more than 64 levels.
 */
export function canonical(value: unknown): string {
  return write(value, maxDepth);
}

/** True if the text has a form in UTF-8: no lone surrogates. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("canonical: a number is not finite");
      return String(value); // ECMAScript's own notation is what the RFC prescribes.
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return "null";
      if (depth === 0) throw new TypeError("canonical: nested too deeply");
      if (Array.isArray(value)) return `[${value.map((item) => write(item, depth - 1)).join(",")}]`;
      return writeObject(value as Record<string, unknown>, depth - 1);
    default:
      throw new TypeError(`canonical: JSON has no ${typeof value}`);
  }
}

function writeString(text: string): string {
  if (!isWellFormed(text)) throw new TypeError("canonical: a string has a lone surrogate");
  return JSON.stringify(text);
}

function writeObject(object: Record<string, unknown>, depth: number): string {
  if (Object.prototype.toString.call(object) !== "[object Object]") {
    throw new TypeError("canonical: an object is not a plain one");
  }
  // The default order of sort is the RFC's: by UTF-16 code units.
  const names = Object.keys(object).sort();
  const members = names
    .filter((name) => object[name] !== undefined)
    .map((name) => `${writeString(name)}:${write(object[name], depth)}`);
  return `{${members.join(",")}}`;
}
