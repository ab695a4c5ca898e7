/** Waiting, within limits and until somebody gives up. */

/** The clock of tokens: milliseconds since 1970. */
export type Clock = () => number;

/** A signal that ends with the given one, or after so many milliseconds. `end` must be called. */
export interface Limit {
  readonly signal: AbortSignal;
  /** Whether it was the time. */
  late(): boolean;
  end(): void;
}

/**
 * Not AbortSignal.any: what it makes lives as long as its sources, and ours may live as long as the process. With `hold`
 * it keeps the process alive meanwhile.
 */
export function limited(milliseconds: number, signal?: AbortSignal, hold = false): Limit {
  const own = new AbortController();
  let late = false;
  const stop = () => own.abort(signal?.reason);
  const timer = setTimeout(() => {
    late = true;
    own.abort(new DOMException("no answer in time", "TimeoutError"));
  }, milliseconds);
  if (!hold) timer.unref();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  return {
    signal: own.signal,
    late: () => late,
    end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    },
  };
}

/** How a pause is made. In the background it does not keep the process alive. */
export interface Pause {
  readonly signal?: AbortSignal | undefined;
  readonly background?: boolean;
}

/** Waits; throws the signal's reason when that ends first. */
export async function pause(milliseconds: number, { signal, background = false }: Pause = {}): Promise<void> {
  signal?.throwIfAborted();
  if (milliseconds <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (background) timer.unref();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Waits for work that others wait for too; throws the signal's reason when that ends first, and lets the work go on. */
export async function within<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  let stop = () => {};
  const given = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, given]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Growing pauses between attempts, in milliseconds, with jitter, so that many processes do not come back at once. */
export function backoff(first: number, most: number): { next(): number; reset(): void } {
  let last = 0;
  return {
    next() {
      last = Math.min(Math.max(2 * last, first), most);
      return last / 2 + Math.random() * (last / 2);
    },
    reset() {
      last = 0;
    },
  };
}
