/** A sign-in button for React, and the hook behind it. */
import { type ButtonHTMLAttributes, type CSSProperties, type ReactNode, useCallback, useRef, useState } from "react";

/** What runs at a click, and whether it runs. */
export interface Running {
  /** True while the action runs. */
  readonly busy: boolean;
  /** What the last run failed with; undefined while it runs and after a success. */
  readonly error: unknown;
  /** Starts the action. While it runs, further calls do nothing. */
  run(): Promise<void>;
}

/** Runs an action at most once at a time, and remembers how it ended. Errors are kept in `error`, not thrown. */
export function useRunning(action: () => unknown): Running {
  const [state, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: undefined });
  // State comes too late for a second click in the same moment.
  const runs = useRef(false);
  const run = useCallback(async () => {
    if (runs.current) return;
    runs.current = true;
    setState({ busy: true, error: undefined });
    let error: unknown;
    try {
      await action();
    } catch (thrown) {
      error = thrown;
    }
    runs.current = false;
    setState({ busy: false, error });
  }, [action]);
  return { ...state, run };
}

/** The properties of the button. Those of an HTML button may be given as well. */
export interface SignInButtonProps
  extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "onClick" | "onError" | "type" | "children"> {
  /** What signs in. The button is busy until the promise that it returns is settled. */
  onClick: () => unknown;
  /** Called with what `onClick` failed with. */
  onError?: (error: unknown) => void;
  /** Default: "Sign in with a passkey". */
  children?: ReactNode;
  /** What it says while it waits. Default: "Waiting for your passkey…". */
  busyLabel?: ReactNode;
  /** Drawn before the words; null: nothing. Default: a key. */
  icon?: ReactNode;
  /** Leaves out the looks: for a stylesheet of your own, or a policy that forbids style attributes. */
  unstyled?: boolean;
}

/**
 * A button that signs in. While it runs it says so, and clicks do nothing; it keeps the keyboard's focus, which a `disabled`
 * button would lose. Its colours follow the page's `color-scheme` and the custom properties `--assent-button-*`.
 */
export function SignInButton(props: SignInButtonProps): ReactNode {
  const { onClick, onError, children, busyLabel, icon = <Mark />, unstyled, disabled, style, ...others } = props;
  const action = useCallback(async () => {
    try {
      await onClick();
    } catch (error) {
      if (!onError) throw error;
      onError(error);
    }
  }, [onClick, onError]);
  const { busy, run } = useRunning(action);
  const looks = unstyled ? style : { ...base, ...((busy || disabled) && resting), ...style };
  return (
    <button
      {...others}
      type="button"
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy}
      data-busy={busy || undefined}
      style={looks}
      onClick={() => void run()}
    >
      {icon}
      <span aria-live="polite">
        {busy ? (busyLabel ?? "Waiting for your passkey…") : (children ?? "Sign in with a passkey")}
      </span>
    </button>
  );
}

/** A key, drawn in the colour of the text. */
function Mark(): ReactNode {
  return (
    <svg aria-hidden="true" focusable="false" width="20" height="20" viewBox="0 0 20 20" fill="none">
      <circle cx="7" cy="10" r="4" stroke="currentColor" strokeWidth="1.75" />
      <path d="M11 10h7M15 10v3.25M18 10v2.25" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" />
    </svg>
  );
}

const base: CSSProperties = {
  display: "inline-flex",
  alignItems: "center",
  justifyContent: "center",
  gap: "0.6em",
  minHeight: "2.75rem",
  padding: "var(--assent-button-padding, 0.6rem 1.2rem)",
  border: "var(--assent-button-border, 0)",
  borderRadius: "var(--assent-button-radius, 0.6rem)",
  font: "var(--assent-button-font, inherit)",
  fontWeight: "var(--assent-button-weight, 600)",
  color: "var(--assent-button-color, light-dark(#ffffff, #16161a))",
  background: "var(--assent-button-background, light-dark(#1f1f26, #f2f2f5))",
  cursor: "pointer",
};

const resting: CSSProperties = { cursor: "default", opacity: "var(--assent-button-resting-opacity, 0.75)" };
