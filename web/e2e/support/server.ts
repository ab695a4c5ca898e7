import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** A line that `assent dev --json` prints. */
export interface Line {
  event: "ready" | "asked" | "verified" | "refused";
  base_url?: string;
  binding_link?: string;
  approval_id?: string;
  comparison?: string;
  outcome?: string;
  evidence_file?: string;
}

/** How a program ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running `assent dev` with a folder of its own. */
export interface Server {
  readonly baseURL: string;
  readonly bindingLink: string;
  /** The folder with the profile of the demo agent. */
  readonly data: string;
  /** The next line of this kind that nobody has taken yet. */
  next(event: Line["event"]): Promise<Line>;
  /** Runs `assent` with these arguments in the data folder. */
  assent(...args: string[]): Promise<Ended>;
  stop(): Promise<void>;
}

const binary = resolve(process.env.ASSENT_BIN ?? join(import.meta.dirname, "../../../bin/assent"));

/** Starts the server and waits until it says that it is ready. Variables of its environment, and flags, may be added. */
export async function startServer(environment: Record<string, string> = {}, flags: string[] = []): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), "assent-e2e-"));
  const child = spawn(binary, ["dev", "--json", "--listen", "127.0.0.1:0", "--data", data, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const next = lines(child);
  const ready = await next("ready");
  return {
    baseURL: ready.base_url ?? "",
    bindingLink: ready.binding_link ?? "",
    data,
    next,
    assent: (...args) => run(data, args),
    stop: () => stop(child, data),
  };
}

/** Hands out the printed lines by kind; a server that ends early fails whoever waits. */
function lines(process: ChildProcess): Server["next"] {
  const seen: Line[] = [];
  const wakes = new Set<() => void>();
  let errors = "";
  let over = false;
  const wake = () => {
    for (const each of wakes) each();
  };
  process.stderr?.on("data", (chunk) => {
    errors += chunk;
  });
  process.once("close", () => {
    over = true;
    wake();
  });
  createInterface({ input: process.stdout ?? ([] as never) }).on("line", (text) => {
    seen.push(JSON.parse(text) as Line);
    wake();
  });
  return async (event) => {
    for (;;) {
      const at = seen.findIndex((line) => line.event === event);
      if (at >= 0) return seen.splice(at, 1)[0] as Line;
      if (over) throw new Error(`assent dev ended while "${event}" was awaited: ${errors}`);
      await new Promise<void>((resume) => wakes.add(resume));
    }
  };
}

async function run(folder: string, args: string[]): Promise<Ended> {
  const child = spawn(binary, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    out.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    out.stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...out };
}

async function stop(process: ChildProcess, data: string): Promise<void> {
  const closed = process.exitCode === null ? once(process, "close") : undefined;
  process.kill("SIGTERM");
  await closed;
  await rm(data, { recursive: true, force: true });
}
