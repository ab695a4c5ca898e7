// Package store keeps everything in SQL, on SQLite inside the process or on
// PostgreSQL (and what speaks its protocol): one [Store] that satisfies the
// small interfaces which the services declare.
//
// Both engines run the same statements and keep the same promises:
//
//   - What a method acknowledged is durable (WAL with synchronous=FULL;
//     synchronous_commit=on).
//   - What may happen once happens once, over all processes on one database:
//     each such step is one conditional statement.
//   - Events, things to send and the change feed are written in the
//     transaction that causes them.
//   - No statement on the data of a realm lacks the realm's id, except those
//     of the sweeper, the outbox, approvals that fall due, registrations that
//     nobody uses and the feeds.
//
// A change of state is a [unit]: a list of statements with what must be true
// of each, and no decision in Go between them. On SQLite one writer runs the
// units that are waiting, each in a savepoint, in one transaction with one
// fsync. On PostgreSQL the units that are waiting travel as one pipeline with
// one commit; one that fails is taken out and decided by itself. Single-use
// things are batched in the same way. Nobody waits for company: a group is
// whoever came while the previous one was being committed.
//
// If it is wrong, a used code works twice, an acknowledged answer is lost, or
// one realm reads another's rows.
package store
