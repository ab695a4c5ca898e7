/** The exact action that a person is asked about and the text shown for it. Times are Unix seconds. */
export interface Statement {
  typ: "assent.statement.v1";
  iss: string;
  id: string;
  kind: string;
  sub: string;
  client_id: string;
  client_name: string;
  agent?: { id: string; name: string; owner: string };
  action: Action;
  shown: Shown;
  nonce: string;
  iat: number;
  exp: number;
}

/** What is asked for, or what was granted of it. */
export interface Action {
  binding_message?: string;
  /** Space separated. */
  scope?: string;
  /** RFC 9396. */
  authorization_details?: Record<string, unknown>[];
  /** RFC 8707. */
  resource?: string[];
}

/** The text that the approver renders, and nothing else. */
export interface Shown {
  template: string;
  locale: string;
  title: string;
  lines: { label: string; value: string }[];
  warnings?: string[];
}

/** A person's answer to one statement. */
export interface Decision {
  typ: "assent.decision.v1";
  /** Hash of the canonical statement. */
  statement: string;
  answer: "approve" | "deny";
  /** The action or a narrower one; with approve only. */
  granted?: Action;
  at: number;
}

/** A passkey's signature over a decision. Bytes are base64url. */
export interface Passkey {
  credential_id: string;
  /** COSE_Key. */
  public_key: string;
  backup_eligible: boolean;
  backup_state: boolean;
  aaguid: string;
  authenticator_data: string;
  client_data_json: string;
  signature: string;
}

export type Outcome = "approved" | "denied" | "expired" | "withdrawn";

/** Shows how one approval ended. */
export interface Evidence {
  typ: "assent.evidence.v1";
  statement: Statement;
  outcome: Outcome;
  ended_at: number;
  decision?: Decision;
  passkey?: Passkey;
  /** Compact JWS of BindingClaims. */
  binding?: string;
  /** Compact JWS of SealClaims. */
  server: string;
}

/** What the realm signs when an approval ends. */
export interface SealClaims {
  typ: "assent.seal.v1";
  iss: string;
  id: string;
  outcome: Outcome;
  ended_at: number;
  iat: number;
  parts: { statement: string; decision?: string; passkey?: string; binding?: string };
}

/** What the realm signs when a passkey is bound to a person. */
export interface BindingClaims {
  typ: "assent.binding.v1";
  iss: string;
  sub: string;
  credential_id: string;
  public_key: string;
  aaguid: string;
  rp_id: string;
  iat: number;
}
