import { useEffect, useState } from "preact/hooks";

/**
 * The server's time. A device's clock may be minutes off; the countdown and the
 * time in a decision follow the Date header of the last answer instead.
 */
let ahead = 0;

/** Learns from the Date header of an answer (RFC 9110, Section 6.6.1), which counts whole seconds. */
export function learn(date: string | null): void {
  const stamp = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(stamp)) return;
  const difference = stamp + 500 - Date.now();
  ahead = Math.abs(difference) > 2000 ? difference : 0;
}

/** The server's time in milliseconds. */
export function now(): number {
  return Date.now() + ahead;
}

/** The server's time, drawn anew each second while `running`. */
export function useNow(running = true): number {
  const [time, setTime] = useState(now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setTime(now()), 1000);
    setTime(now());
    return () => clearInterval(timer);
  }, [running]);
  return time;
}
