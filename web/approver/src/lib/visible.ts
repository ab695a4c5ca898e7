/**
 * Text of others, made safe to look at. Characters that cannot be seen, that
 * turn the direction of text around, or that imitate other characters are cut
 * out as marks of their own, so that a reader sees what is really there.
 */

/** A stretch of plain text, or one character that must be pointed out. */
export type Piece =
  | { kind: "text"; text: string }
  | { kind: "hidden"; code: string }
  | { kind: "alike"; text: string; code: string };

const hidden = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}/u;
const word = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
const latin = /\p{Script=Latin}/u;
const imitating =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}]/u;

// Letters of other scripts that are drawn like a Latin letter in common fonts.
const twins = new Set("асԁеһіјӏорԛѕԝхуүАВСЕЅІЈКМНОРТХҮѴѵαγικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧհոսօցզԼՕՍ");

// Signs that pass for / : . ; ' and - of an address or a path.
const signs = new Set("⁄∕⧸∶꞉․‐‑−˗");

/** A line break is pointed out like the rest, so that one value cannot pass for two, and then breaks the line. */
const lineBreak = "U+000A";

/** Cuts a text into what is plain and what must be pointed out. */
export function pieces(text: string): Piece[] {
  const found = alike(text);
  const out: Piece[] = [];
  let marks = 0;
  let before = "";
  let at = 0;
  for (const char of text) {
    marks = /\p{M}/u.test(char) ? marks + 1 : 0;
    add(out, piece(char, { imitates: found.has(at), pictured: joinsPicture(before, char), marks }));
    before = char;
    at += char.length;
  }
  return out;
}

/** The text as it is read on the screen, marks included. */
export function visible(text: string): string {
  return pieces(text).map(written).join("");
}

/** A piece as it is written on the screen. */
export function written(piece: Piece): string {
  if (piece.kind === "text") return piece.text;
  if (piece.kind === "alike") return `${piece.text}⟨${piece.code}⟩`;
  return piece.code === lineBreak ? `⟨${piece.code}⟩\n` : `⟨${piece.code}⟩`;
}

/** True if anything in the text must be pointed out. */
export function suspicious(text: string): boolean {
  return pieces(text).some((piece) => piece.kind !== "text");
}

function piece(char: string, seen: { imitates: boolean; pictured: boolean; marks: number }): Piece {
  const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  if ((hidden.test(char) && !seen.pictured) || seen.marks > 3) return { kind: "hidden", code };
  return seen.imitates ? { kind: "alike", text: char, code } : { kind: "text", text: char };
}

function add(out: Piece[], next: Piece): void {
  const last = out.at(-1);
  if (next.kind === "text" && last?.kind === "text") last.text += next.text;
  else out.push(next);
}

/** Joiners and selectors belong to pictures such as 👩‍💻 and ❤️; there they hide nothing. */
function joinsPicture(before: string, char: string): boolean {
  return /[\u200D\uFE0F]/.test(char) && /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\uFE0F/u.test(before);
}

/** The positions of characters that imitate others. */
function alike(text: string): Set<number> {
  const found = new Set<number>();
  const amongLatin = latin.test(text);
  for (const match of text.matchAll(word)) imitations(match[0], match.index, amongLatin, found);
  let at = 0;
  for (const char of text) {
    if (signs.has(char) || compatible(char)) found.add(at);
    at += char.length;
  }
  return found;
}

/**
 * In a word that mixes Latin with a script that imitates it, the others are
 * pointed out; in a word of such a script alone, only if each letter has a
 * Latin twin and the text around it is Latin (UTS #39, Section 4).
 */
function imitations(text: string, start: number, amongLatin: boolean, found: Set<number>): void {
  const letters = [...text];
  const mixed = latin.test(text) && imitating.test(text);
  const disguised = amongLatin && letters.every((char) => twins.has(char));
  if (!mixed && !disguised) return;
  let at = start;
  for (const char of letters) {
    if (imitating.test(char)) found.add(at);
    at += char.length;
  }
}

/** Full-width and mathematical forms that stand for one ASCII character, but for raised and lowered digits. */
function compatible(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x2024 || (code >= 0x2070 && code <= 0x209f)) return false;
  return /^[!-~]$/.test(char.normalize("NFKC"));
}
