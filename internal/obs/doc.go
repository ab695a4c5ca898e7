// Package obs is what an operator sees of a running server: structured logs
// (log/slog) and metrics (the Prometheus text format 0.0.4 and OpenMetrics).
//
// It is the only importer of the Prometheus client. Packages that measure
// something declare a small interface of their own; internal/server hands
// them a value from here.
//
// If this package is wrong the server still decides correctly, but nobody can
// tell what it did: records may be lost, or a label may grow without bound
// and take the memory of the process with it. Redaction is not done here: a
// secret's own type prints as dots wherever it is logged.
package obs
