/**
 * Names under localhost are this machine (RFC 6761, Section 6.3). Browsers know
 * that by themselves; Node asks the system, which often does not.
 */
import dns from "node:dns";

const { lookup } = dns;

dns.lookup = Object.assign(
  (host, ...rest) => lookup(host.endsWith(".localhost") ? "localhost" : host, ...rest),
  lookup,
);
