/** The shapes of the API that the approver reads and writes; times are RFC 3339 text unless they say otherwise. */

export type State = "pending" | "approved" | "denied" | "expired" | "withdrawn" | "fulfilled";

export interface Me {
  identity: { id: string; display_name: string; username: string };
  realm: { name: string; issuer: string };
  passkeys: Passkey[];
  demo: boolean;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  last_used_at?: string;
  backup_state: boolean;
  software: boolean;
}

export interface Agent {
  id: string;
  name: string;
  owner: string;
}

export interface Summary {
  id: string;
  state: State;
  kind: string;
  client_id: string;
  client_name: string;
  agent?: Agent;
  title: string;
  created_at: string;
  expires_at: string;
  ended_at?: string;
  comparison: string;
  first_time: boolean;
}

export interface Page {
  approvals: Summary[];
  next_page_token: string;
}

/** What a person is shown, and nothing else is. */
export interface Shown {
  template: string;
  locale: string;
  title: string;
  lines: { label: string; value: string }[];
  warnings?: string[];
}

/** "assent.statement.v1"; `iat` and `exp` are unix seconds. */
export interface Statement {
  typ: string;
  iss: string;
  id: string;
  kind: string;
  sub: string;
  client_id: string;
  client_name: string;
  agent?: Agent;
  action: Record<string, unknown>;
  shown: Shown;
  nonce: string;
  iat: number;
  exp: number;
}

/** "assent.decision.v1"; `at` is in unix seconds. */
export interface Decision {
  typ: "assent.decision.v1";
  statement: string;
  answer: "approve" | "deny";
  granted?: Record<string, unknown>;
  at: number;
}

export interface Approval {
  id: string;
  state: State;
  statement: Statement;
  statement_hash: string;
  comparison: string;
  first_time: boolean;
  passkey_options: Omit<PublicKeyCredentialRequestOptionsJSON, "challenge">;
  created_at: string;
  expires_at: string;
  ended_at?: string;
}
