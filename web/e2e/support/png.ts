import { deflateSync } from "node:zlib";

/** The side of a mark, in pixels. */
export const markSide = 96;

type Colour = [red: number, green: number, blue: number];

/** A PNG of a mark as an organisation has one: a disc of a colour, with the letter N cut out of it in another. */
export function mark(disc: Colour, letter: Colour): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(markSide, 0);
  header.writeUInt32BE(markSide, 4);
  header.set([8, 6, 0, 0, 0], 8); // 8 bits each of red, green, blue and alpha
  const lines = Array.from({ length: markSide }, (_, y) => line(y, disc, letter));
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(lines))),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...parts]);
}

function line(y: number, disc: Colour, letter: Colour): Buffer {
  const pixels = Array.from({ length: markSide }, (_, x) => {
    const ink = share(x, y, inLetter);
    const colour = disc.map((part, i) => Math.round(part * (1 - ink) + (letter[i] ?? 0) * ink));
    return [...colour, Math.round(255 * share(x, y, inDisc))];
  });
  return Buffer.from([0, ...pixels.flat()]);
}

/** How much of a pixel is within a shape, from 16 places in it: so its edge is smooth. */
function share(x: number, y: number, within: (x: number, y: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < 16; i++) {
    if (within((x + (i % 4) / 4 + 0.125) / markSide, (y + Math.floor(i / 4) / 4 + 0.125) / markSide)) found++;
  }
  return found / 16;
}

// The mark is 1 wide and 1 high.
const inDisc = (x: number, y: number) => Math.hypot(x - 0.5, y - 0.5) < 0.5;

function inLetter(x: number, y: number): boolean {
  const [left, right, top, bottom, stroke] = [0.31, 0.69, 0.27, 0.73, 0.1];
  if (x < left || x > right || y < top || y > bottom) return false;
  const slope = left + ((y - top) / (bottom - top)) * (right - left - stroke);
  return x < left + stroke || x > right - stroke || (x >= slope && x < slope + stroke);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc(body));
  return Buffer.concat([length, body, sum]);
}

function crc(data: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}
